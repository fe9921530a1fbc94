"""The rubrics that come with prefkit, by name, and those of a user, by path."""

from __future__ import annotations

from pathlib import Path

from prefkit.errors import ConfigError
from prefkit.judging.framing import Shown
from prefkit.judging.rendering import rendered
from prefkit.judging.rubric import Rubric
from prefkit.registry import nearest
from prefkit.schema.records import Message
from prefkit.step import make
from prefkit.yaml import load_yaml

__all__ = ["example_of", "load_rubric", "rubric_names", "summaries"]

_ENDS = (".yaml", ".yml")


def rubric_names() -> list[str]:
    """The names of prefkit's own rubrics, in alphabetical order."""
    folder = _folder()
    return sorted(path.stem for path in folder.glob("*.yaml")) if folder else []


def summaries() -> dict[str, str]:
    """Every rubric of prefkit's own with its form and what it is for."""
    found = {name: _read(_own(name)) for name in rubric_names()}
    return {name: f"{rubric.form}: {rubric.purpose}" for name, rubric in found.items()}


def load_rubric(name: str) -> Rubric:
    """A rubric by its name, or from a YAML file of one's own; its templates are tried.

    Raises:
        ConfigError: there is none, or it is wrong: where, and why.
        MissingExtra: jinja2 is not installed.
    """
    rubric = _read(Path(name) if name.endswith(_ENDS) else _own(name))
    for shown in _trials(rubric):
        rendered(rubric, shown)
    return rubric


def example_of(rubric: Rubric) -> Shown:
    """The rubric's own example, as a judge would see it."""
    example = rubric.example
    return Shown(
        prompt=(Message("user", example.request),),
        responses=tuple((Message("assistant", text),) for text in example.responses),
        reference=example.reference,
    )


def _trials(rubric: Rubric) -> list[Shown]:
    """The example with and without what may come with it: templates can ask for it."""
    plain = example_of(rubric)
    reference = plain.reference or "A reference."
    with_all = Shown(
        prompt=plain.prompt, responses=plain.responses, reference=reference, tools="[]"
    )
    return [plain, with_all]


def _read(path: Path) -> Rubric:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no rubric file {path}", hint="prefkit catalog rubrics"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the rubric file {path} cannot be read: {error}") from error
    content = load_yaml(text, path.name)
    if not isinstance(content, dict):
        raise ConfigError(f"{path.name} is no rubric: it holds no names with values")
    return make(Rubric, content, path.name)


def _own(name: str) -> Path:
    known = rubric_names()
    folder = _folder()
    if folder is None or name not in known:
        raise ConfigError(
            f"there is no rubric named {name!r}{nearest(name, known)}",
            hint="prefkit catalog rubrics; or give the path of a YAML file of your own",
        )
    return folder / f"{name}.yaml"


def _folder() -> Path | None:
    """Where the rubrics lie: in the package once installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    places = (package / "data" / "rubrics", package.parent / "rubrics")
    return next((place for place in places if any(place.glob("*.yaml"))), None)
