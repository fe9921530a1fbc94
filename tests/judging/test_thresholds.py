"""Limits of a certificate: from a file, each by its own name, and nothing left to be guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefkit.errors import ConfigError
from prefkit.judging.thresholds import Thresholds, load_thresholds
from prefkit.statistics.planning import labels_for_half_width

USUAL = Path(load_thresholds.__code__.co_filename).with_name("thresholds.yaml")


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    """The usual file with some of its text replaced."""
    text = USUAL.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "limits.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_usual_limits_are_those_that_their_comments_derive() -> None:
    usual = load_thresholds()
    assert usual.fewest_pairs >= labels_for_half_width(0.10) == 97
    assert usual.ties_dropped.accuracy == 0.6
    assert usual.ties_dropped.kappa == pytest.approx(2 * 0.6 - 1), "the same limit at even sides"
    assert usual.unreadable is not None
    # What nothing unreadable at so many prompts leaves open.
    left_open = {prompts: 1 - 0.025 ** (1 / prompts) for prompts in (71, 72)}
    assert left_open[72] < usual.unreadable < left_open[71]
    assert usual.fewest_clusters >= 72


def test_a_file_that_says_the_same_has_the_same_digest(tmp_path: Path) -> None:
    other = load_thresholds(written(tmp_path, ("# null = not required.", "#"), ("usual", "mine")))
    assert (other.name, other.digest) == ("mine", load_thresholds().digest)
    changed = load_thresholds(written(tmp_path, ("unreadable: 0.05", "unreadable: 0.06")))
    assert changed.digest != other.digest
    assert changed.facts()["sha256"] == changed.digest


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("swap_consistency:", "swap_consistancy:", "Did you mean 'swap_consistency'?"),
        ("  kappa: 0.2", "  kapa: 0.2", "ties_dropped: there is no option 'kapa'. Did you mean"),
        ("accuracy: 0.6", "accuracy: 60", "ties_dropped: accuracy: "),
        ("accuracy: 0.6", "accuracy: '0.6'", "ties_dropped: accuracy: "),
        ("unreadable: 0.05", "unreadable: -1", "unreadable: "),
        ("fewest_pairs: 100", "fewest_pairs: 0", "fewest_pairs: "),
        ("fewest_pairs: 100", "", "the option 'fewest_pairs' is needed"),
        ("without_ceiling: leave_out", "without_ceiling: no", "without_ceiling: "),
        ("ties_half:", "ties_half: !!python/object:os.system\nx:", "tags are not used here"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_thresholds(written(tmp_path, (old, new)))
    assert str(caught.value).startswith("limits.yaml")
    assert said in str(caught.value)


def test_null_is_not_required_but_agreement_must_be(tmp_path: Path) -> None:
    lax = written(tmp_path, ("unreadable: 0.05", "unreadable: null"))
    assert load_thresholds(lax).unreadable is None
    nothing = [("accuracy: 0.6", ""), ("kappa: 0.2", ""), ("share_of_ceiling: 0.85", "")]
    with pytest.raises(ConfigError, match="no limit on the agreement with the gold"):
        load_thresholds(written(tmp_path, *nothing))


def test_a_limit_that_may_be_left_out_is_not_all_that_is_required(tmp_path: Path) -> None:
    """Else a judge that is wrong every time has a certificate where no two people met."""
    ceiling_only = [("accuracy: 0.6", ""), ("kappa: 0.2", "")]
    with pytest.raises(ConfigError, match="share_of_ceiling is the only limit on the agreement"):
        load_thresholds(written(tmp_path, *ceiling_only))
    refuse = ("without_ceiling: leave_out", "without_ceiling: refuse")
    assert load_thresholds(written(tmp_path, *ceiling_only, refuse)).ties_dropped.accuracy is None


def test_a_file_that_is_no_file_of_thresholds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file of thresholds") as caught:
        load_thresholds(tmp_path / "none.yaml")
    assert str(caught.value.hint).startswith("cp ")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(ConfigError, match="holds no thresholds"):
        load_thresholds(tmp_path / "list.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_thresholds(tmp_path / "latin.yaml")


def test_thresholds_are_values() -> None:
    usual = load_thresholds()
    assert Thresholds.model_validate(usual.model_dump()) == usual
    assert hash(usual) == hash(load_thresholds())
