"""One batch of comparisons becomes one batch of pairs by a policy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.pairing.ballots import Selection, ballots_of
from prefkit.pairing.calibrating import Curves, calibrated
from prefkit.pairing.contests import responses_of, standing_of
from prefkit.pairing.evidence import as_told, aside_reasons, soft_labels, tied_pairs, with_evidence
from prefkit.pairing.pair_checks import checks_of
from prefkit.pairing.pass_evidence import with_pass_shares
from prefkit.pairing.policy import Policy
from prefkit.pairing.posteriors import Posteriors, keys_of, with_leads, with_posteriors
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import one_chunk, own_offsets
from prefkit.schema.digests import digests_of
from prefkit.schema.ids import pair_id

__all__ = ["Batch", "Evidence", "Plan", "evidence_of", "pairs_of", "survey_of"]


class Plan(NamedTuple):
    """How pairs are made; everything that the policy hash covers.

    And what a first pass over the votes found: the curves of its gold, or what was learnt of judges
    or responses, null where votes are counted.
    """

    policy: Policy
    policy_hash: str
    selection: Selection
    tie: str
    criterion: str | None
    resolved: dict[str, Any]
    curves: Curves | None = None
    posteriors: Posteriors | None = None


class Evidence(NamedTuple):
    """The pairs that a plan chooses in a batch, before they are assembled.

    `found`: row, chosen, rejected and what the votes say. `aside`: id, reason: the comparisons that
    give none.
    """

    found: pl.DataFrame
    aside: pl.DataFrame


class Batch(NamedTuple):
    """Pairs of one batch, and (comparison id, reason) of the comparisons that gave none.

    Beside the pairs stand the digests of their prompts (`S32`) and whether the chosen side's id
    sorts behind the rejected one's: two rows of one pair id contradict each other where these
    differ. `sources`: key of a margin's source, pairs, beyond (the margins that gold has seen);
    empty without curves.
    """

    pairs: pa.Table
    prompts: np.ndarray[Any, Any]
    turned: np.ndarray[Any, Any]
    aside: list[tuple[str, str]]
    paired: int
    sources: tuple[tuple[str, int, int], ...] = ()


def pairs_of(plan: Plan, table: pa.Table) -> Batch:
    """Choose, orient and assemble the pairs of a table of comparisons."""
    found, aside = evidence_of(plan, table)
    sources: tuple[tuple[str, int, int], ...] = ()
    if plan.curves is not None:
        found = calibrated(found, table, plan.curves)
        each = found.drop_nulls("source").group_by("source")
        counts = each.agg(pl.len(), pl.col("beyond").count().alias("beyond")).sort("source")
        sources = tuple(counts.iter_rows())
    names = list(zip(aside["id"].to_list(), aside["reason"].to_list(), strict=True))
    batch = _assemble(plan, table, found)
    return batch._replace(aside=names, paired=found["row"].n_unique(), sources=sources)


def evidence_of(plan: Plan, table: pa.Table) -> Evidence:
    """Choose and orient the pairs of a table of comparisons; margins stay as they are.

    Raises:
        DataError: a score is not finite or outside its scale.
    """
    ballots = ballots_of(table, plan.selection)
    standing = standing_of(ballots)
    keys = None if plan.posteriors is None else keys_of(table)
    if plan.posteriors is not None and keys is not None:
        standing = with_leads(standing, keys, plan.posteriors)
    if len(ballots.joined):
        standing = standing._replace(
            contests=_with_all_votes(standing.contests, ballots.joined),
            responses=_with_all_votes(standing.responses, ballots.joined),
        )
    ids = _ids(table)
    chosen = plan.policy.choose_among(table, standing, ids)
    pairs = chosen.pairs
    refused = _without_prompt(table)
    if plan.tie != "drop":
        extra = tied_pairs(
            standing, pl.concat([pairs.select("row"), chosen.aside.select("row")]), plan.tie
        )
        pairs = pl.concat([pairs, extra.select(pairs.columns)])
    pairs = pairs.join(refused, on="row", how="anti")
    found = with_pass_shares(with_evidence(pairs, standing), table)
    if plan.posteriors is not None and keys is not None:
        found = with_posteriors(found, keys, plan.posteriors)
    found = as_told(found, chosen.told)
    if plan.tie == "soft":
        found = soft_labels(found, extra)
    reasons = pl.concat(
        [
            refused,
            pl.DataFrame({"row": ballots.mixed}).with_columns(
                reason=pl.lit("kinds mixed: name one with --kind")
            ),
            chosen.aside,
            aside_reasons(standing, pairs),
            ids.select("row", reason=pl.lit(_nothing(plan.selection))),
        ]
    ).unique("row", keep="first", maintain_order=True)
    aside = reasons.join(pairs, on="row", how="anti").join(ids, on="row").sort("row")
    return Evidence(found, aside.select("id", "reason"))


def survey_of(plan: Plan, table: pa.Table) -> pl.DataFrame:
    """What a policy that looks first needs of a table of comparisons.

    Raises:
        DataError: a score is not finite or outside its scale.
    """
    table = table.filter(pc.greater(pc.list_value_length(table["prompt"]), 0)).combine_chunks()
    ballots = ballots_of(table, plan.selection)
    responses = _with_all_votes(responses_of(ballots), ballots.joined)
    return plan.policy.survey(table, responses, _ids(table))


def _ids(table: pa.Table) -> pl.DataFrame:
    responses = one_chunk(table["responses"])
    flat = pc.struct_field(responses.flatten(), "id")
    lists = pa.ListArray.from_arrays(own_offsets(responses), flat)
    frame = pl.DataFrame({"id": pl.from_arrow(table["id"]), "responses": pl.from_arrow(lists)})
    return frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))


def _without_prompt(table: pa.Table) -> pl.DataFrame:
    bare = np.flatnonzero(pc.list_value_length(table["prompt"]).to_numpy() == 0)
    return pl.DataFrame({"row": pl.Series(bare, dtype=pl.Int64)}).with_columns(
        reason=pl.lit("no prompt: it stands inside the sides, with no turn to split at")
    )


def _assemble(plan: Plan, table: pa.Table, found: pl.DataFrame) -> Batch:
    rows = found["row"].to_numpy()
    responses = one_chunk(table["responses"])
    flat = responses.flatten()
    starts = own_offsets(responses).to_numpy()[:-1].astype(np.int64)
    sides = {name: _places(starts, found, name) for name in ("chosen", "rejected")}
    messages, models = pc.struct_field(flat, "messages"), pc.struct_field(flat, "model")
    response_ids = pc.struct_field(flat, "id")
    taken = {
        name: one_chunk(table[name]).take(pa.array(rows)) for name in ("id", "prompt", *_CARRIED)
    }
    side_ids = [response_ids.take(places).to_pylist() for places in sides.values()]
    digests = digests_of(table["prompt"])
    prompts = [str(digests[row]) for row in rows.tolist()]
    columns: dict[str, Any] = {
        "id": _pair_ids(prompts, side_ids, plan.criterion),
        "comparison": taken.pop("id"),
        "criterion": pa.array([plan.criterion] * len(rows), pa.string()),
        **taken,
        **{name: messages.take(places) for name, places in sides.items()},
        **{f"{name}_model": models.take(places) for name, places in sides.items()},
        **{name: found[name].to_arrow() for name in _MEASURED},
        "policy": pa.array([plan.policy_hash] * len(rows), pa.string()),
        "weight": pa.array(np.ones(len(rows))),
        "sources": _sources(table, found["votes"]),
        "checks": checks_of(found, table["prompt"], messages, sides, curves=plan.curves),
        "dropped": _dropped(found),
    }
    arrays = [
        columns[field.name].cast(field.type)
        if field.name in columns
        else pa.nulls(len(rows), field.type)
        for field in PAIRS
    ]
    turned = [(one or "-") > (other or "-") for one, other in zip(*side_ids, strict=True)]
    pairs = pa.Table.from_arrays(arrays, schema=PAIRS)
    return Batch(pairs, np.array(prompts, dtype="S32"), np.array(turned, dtype=bool), [], 0)


def _pair_ids(
    prompts: list[str], sides: list[list[str | None]], criterion: str | None
) -> pa.StringArray:
    ids = [
        pair_id(prompt, (one, other), criterion)
        for prompt, one, other in zip(prompts, *sides, strict=True)
    ]
    return pa.array(ids, pa.string())


_CARRIED = ("tools", "template_kwargs", "tags")
_MEASURED = ("p_chosen", "p_kind", "margin", "margin_kind", "n_votes", "agreement")


def _places(starts: np.ndarray[Any, Any], found: pl.DataFrame, name: str) -> pa.Array:
    """Positions in the flattened responses, null where the side is missing."""
    place = found[name].to_arrow()
    return pc.add(pa.array(starts[found["row"].to_numpy()]), place.cast(pa.int64()))


def _nothing(selection: Selection) -> str:
    """Why a comparison gives nothing where no other reason is known."""
    if selection.mean_of:
        return "no judgement has every criterion once"
    return "no vote that counts"


def _with_all_votes(frame: pl.DataFrame, joined: pl.DataFrame) -> pl.DataFrame:
    """Lists of votes in which one that stands for a mean becomes all that the mean is made of."""
    if not len(joined):
        return frame
    lines = frame.select(vote="votes").with_row_index("line").explode("vote")
    lines = lines.join(joined, on="vote", how="left")
    found = lines.group_by("line").agg(
        pl.coalesce("other", "vote").drop_nulls().unique().sort().alias("votes")
    )
    return frame.with_columns(found.sort("line")["votes"])


def _sources(table: pa.Table, votes: pl.Series) -> pa.ListArray:
    source = pc.struct_field(one_chunk(table["votes"]).flatten(), "source")
    flat = votes.explode(empty_as_null=False).to_arrow()
    offsets = np.concatenate([[0], np.cumsum(votes.list.len().to_numpy())]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), source.take(flat))


def _dropped(found: pl.DataFrame) -> pa.Array:
    """A pair that its votes contradict is marked, never flipped; a person can restore it."""
    low = found.select(
        pl.when(pl.col("p_chosen") < 0.5).then(
            pl.format("p_chosen: {} < 0.5", pl.col("p_chosen").round(4))
        )
    )
    return low.to_series().to_arrow()
