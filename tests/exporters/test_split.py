from __future__ import annotations

import random
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.errors import ConfigError
from prefkit.exporters.clusters import cluster_keys, units_of
from prefkit.exporters.split import SPLITS, Shares, Split, assign
from prefkit.schema.digests import DIGEST


def digests(names: list[object]) -> pa.Array:
    return pa.array(
        [blake2b(str(name).encode(), digest_size=16).digest() for name in names], DIGEST
    )


def split(
    prompts: list[object], strata: list[str], seed: int = 0, shares: Shares | None = None
) -> Split:
    keys = digests(prompts)
    return assign(keys, keys, pa.array(strata, pa.string()), shares or Shares(), seed)


def test_one_thousand_prompts_are_dealt_by_the_shares() -> None:
    found = split(list(range(1000)), ["a"] * 1000)

    assert found.proof["rows"] == {"train": 900, "validation": 50, "test": 50}
    assert found.proof["clusters"] == {"train": 900, "validation": 50, "test": 50}
    assert found.notes == ()


def test_every_stratum_gets_its_share_to_within_two_rows() -> None:
    strata = ["a"] * 600 + ["b"] * 300 + ["c"] * 100

    table = split(list(range(1000)), strata).proof["strata"]

    for name, rows in (("a", 600), ("b", 300), ("c", 100)):
        assert sum(table[name].values()) == rows
        assert abs(table[name]["test"] - rows * 0.05) <= 2
        assert abs(table[name]["validation"] - rows * 0.05) <= 2


def test_the_split_of_a_cluster_does_not_depend_on_the_order_of_the_rows() -> None:
    prompts = [f"p{n % 300}" for n in range(700)]
    strata = [f"s{n % 4}" for n in range(700)]
    places = list(range(700))
    random.Random(7).shuffle(places)

    one = split(prompts, strata)
    other = split([prompts[p] for p in places], [strata[p] for p in places])

    assert [one.rows[p] for p in places] == other.rows.tolist()


def test_another_seed_gives_another_split_and_the_same_seed_the_same() -> None:
    prompts, strata = list(range(200)), ["a"] * 200

    assert split(prompts, strata, 1).rows.tolist() == split(prompts, strata, 1).rows.tolist()
    assert split(prompts, strata, 1).rows.tolist() != split(prompts, strata, 2).rows.tolist()


def test_rows_of_one_prompt_stay_together_though_their_clusters_differ() -> None:
    clusters = digests(["c1", "c2", "c2", "c3"])
    prompts = digests(["p1", "p1", "p2", "p3"])

    units = units_of(clusters, prompts)

    assert units.rows[0] == units.rows[1] == units.rows[2]  # c1 and c2 meet in p1
    assert units.rows[3] != units.rows[0]
    assert units.names[units.rows[0]] == min(clusters[0].as_py(), clusters[1].as_py())


def test_a_filled_cluster_meets_the_unfilled_row_whose_prompt_it_names() -> None:
    prompts = digests(["p1", "p2"])
    clusters = cluster_keys(pa.array([None, prompts[0].as_py().hex()], pa.string()), prompts)

    units = units_of(clusters, prompts)

    assert units.rows[0] == units.rows[1]


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 12)), min_size=1, max_size=60),
    st.integers(0, 5),
)
def test_no_cluster_and_no_prompt_is_ever_in_two_splits(
    rows: list[tuple[int, int]], seed: int
) -> None:
    clusters, prompts = (digests([f"{i}{row[i]}" for row in rows]) for i in range(2))
    strata = pa.array(["a"] * len(rows), pa.string())

    found = assign(clusters, prompts, strata, Shares(0.25, 0.25), seed)

    for keys in (clusters, prompts):
        places: dict[bytes, set[int]] = {}
        for key, place in zip(keys.to_pylist(), found.rows.tolist(), strict=True):
            places.setdefault(key, set()).add(place)
        assert all(len(there) == 1 for there in places.values())
    assert found.proof["clusters_in_two_splits"] == found.proof["prompts_in_two_splits"] == 0
    assert sum(found.proof["rows"].values()) == len(rows)


def test_one_giant_prompt_leaves_the_other_strata_their_train_rows() -> None:
    prompts: list[object] = ["giant"] * 500 + list(range(500))
    strata = ["g"] * 500 + [f"s{n % 5}" for n in range(500)]

    found = split(prompts, strata)

    assert found.proof["rows"] == {"train": 900, "validation": 50, "test": 50}
    for name in ("s0", "s1", "s2", "s3", "s4"):  # 400 of the 500 small rows fill up train
        assert 78 <= found.proof["strata"][name]["train"] <= 82


def test_three_prompts_all_go_to_train_and_that_is_said() -> None:
    found = split(["a", "b", "c"], ["s"] * 3)

    assert found.proof["rows"] == {"train": 3, "validation": 0, "test": 0}
    assert [note.split(":")[0] for note in found.notes] == ["validation is empty", "test is empty"]


def test_ten_prompts_hold_out_one_for_each_split_and_say_so() -> None:
    found = split(list(range(10)), ["s"] * 10)

    assert found.proof["rows"] == {"train": 8, "validation": 1, "test": 1}
    assert any("got one prompt cluster" in note for note in found.notes)


def test_a_share_of_zero_leaves_a_split_out_without_a_note() -> None:
    found = split(list(range(100)), ["s"] * 100, shares=Shares(0.0, 0.1))

    assert found.proof["rows"] == {"train": 90, "validation": 0, "test": 10}
    assert found.notes == ()


@pytest.mark.parametrize("shares", [Shares(0.5, 0.5), Shares(-0.1, 0.1), Shares(1.0, 0.0)])
def test_shares_that_make_no_sense_are_refused(shares: Shares) -> None:
    with pytest.raises(ConfigError):
        shares.checked()


def test_many_strata_are_folded_into_one_line_of_the_proof() -> None:
    found = split(list(range(300)), [f"s{n:03}" for n in range(300)])

    table = found.proof["strata"]
    assert len(table) == 201
    assert sum(table["100 smaller strata"].values()) == 100
    assert np.sum([list(row.values()) for row in table.values()]) == 300
    assert set(table["s000"]) == set(SPLITS)
