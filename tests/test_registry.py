"""Names become classes; wrong names are answered; other packages add theirs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from prefkit.errors import ConfigError
from prefkit.registry import ROLES, load, names, nearest, summary

EVERYTHING = [(role, name) for role in ROLES for name in names(role)]


def python(code: str, path: Path | None = None) -> str:
    """What a fresh interpreter prints, with a folder of installed packages on its path."""
    start = "" if path is None else f"import sys; sys.path.insert(0, {str(path)!r}); "
    done = subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def package(folder: Path, points: str, code: str = "") -> Path:
    """An installed package with entry points and one module `other_filters`."""
    info = folder / "other_filters-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-filters\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(points)
    (folder / "other_filters.py").write_text(code)
    return folder


SHOUTING = '''"""Filters of another package."""

from prefkit.filters.votes import Votes


class Shouting(Votes):
    """Drop pairs that shout."""
'''


@pytest.mark.parametrize(("role", "name"), EVERYTHING)
def test_every_name_leads_to_a_class(role: str, name: str) -> None:
    assert isinstance(load(role, name), type)


@pytest.mark.parametrize(("role", "name"), EVERYTHING)
def test_a_summary_is_the_first_line_of_the_class(role: str, name: str) -> None:
    first = (load(role, name).__doc__ or "").partition("\n")[0]
    assert summary(role, name) == first != ""


@pytest.mark.parametrize("role", list(ROLES))
def test_every_role_has_names_and_none_twice(role: str) -> None:
    assert names(role)
    assert len(set(names(role))) == len(names(role))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("length_ration", "there is no filter named 'length_ration'. Did you mean 'length_ratio'?"),
        ("duplicate", "there is no filter named 'duplicate'. Did you mean 'duplicates'?"),
        ("qqqqqq", "there is no filter named 'qqqqqq'"),
        ("", "there is no filter named ''"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest_right_one(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("filter", name)
    assert str(caught.value) == message
    assert caught.value.hint == "prefkit catalog filter"


def test_the_nearest_name_is_none_where_none_is_near() -> None:
    assert nearest("turn", ["turns", "votes"]) == ". Did you mean 'turns'?"
    assert nearest("margin", ["turns", "votes"]) == ""
    assert nearest("margin", []) == ""


def test_listing_names_and_summaries_imports_none_of_the_classes() -> None:
    code = (
        "import sys; from prefkit.registry import ROLES, names, summary; "
        "found = [summary(role, name) for role in ROLES for name in names(role)]; "
        "print(len(found), sorted({'pyarrow', 'polars', 'numpy', 'pydantic'} & set(sys.modules)))"
    )
    assert python(code) == f"{len(EVERYTHING)} []"


def test_another_package_adds_a_filter_by_entry_point(tmp_path: Path) -> None:
    points = "[prefkit.filter]\nshouting = other_filters:Shouting\n"
    path = package(tmp_path, points, SHOUTING)
    code = (
        "from prefkit.registry import load, names, summary; "
        "print(names('filter')[-1], '|', summary('filter', 'shouting'), '|', "
        "load('filter', 'shouting')(min=3).name)"
    )
    assert python(code, path) == "shouting | Drop pairs that shout. | shouting"


def test_an_entry_point_does_not_replace_a_name_of_this_package(tmp_path: Path) -> None:
    points = "[prefkit.filter]\nvotes = other_filters:Shouting\n"
    path = package(tmp_path, points, SHOUTING)
    code = (
        "from prefkit.errors import ConfigError\n"
        "from prefkit.registry import load\n"
        "try:\n    load('filter', 'votes')\nexcept ConfigError as error:\n    print(error)"
    )
    start = f"import sys; sys.path.insert(0, {str(path)!r})\n"
    assert python(start + code) == (
        "the entry point votes = other_filters:Shouting would replace a filter of that name"
    )
