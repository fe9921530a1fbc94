"""Which model a name means: a folder that is checked and digested, or a name on a hub.

A digest of all weights would read gigabytes at every start. What is read instead is told at
`fingerprint`, with what it cannot see.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from prefkit.errors import ConfigError, DataError

__all__ = ["Model", "digest_of", "fingerprint"]

_READ_WHOLE = frozenset({".jinja", ".json", ".model", ".tiktoken", ".txt", ".vocab"})
_UNSAFE = frozenset({".bin", ".ckpt", ".h5", ".msgpack", ".pkl", ".pt", ".pth"})
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_EDGE = 1 << 20  # bytes read at either end of the weights of a file
_SAMPLE = 4096  # bytes read from the middle of a tensor
_MOST_SAMPLES = 4096  # tensors of one file that are looked into
_MOST_HEADER = 100 << 20  # safetensors itself refuses a longer header


class Model:
    """A model folder, or a name that the engine looks up on a hub.

    Raises:
        ConfigError: no such folder, one without a configuration, or weights that only unpickling
            would read.
    """

    def __init__(self, rest: str, revision: str | None) -> None:
        place = Path(rest).expanduser()
        self.folder = place.resolve() if place.exists() else None
        self.revision = None if self.folder is not None else revision
        if self.folder is None:
            _check_hub_name(rest)
        else:
            _check_folder(self.folder, rest)
        self.path = rest if self.folder is None else str(self.folder)
        """What loaders take."""
        self.name = rest if self.folder is None else self.folder.name
        """What may be told: a folder without its place on this machine."""
        self._digest: str | None = None

    def identity(self) -> dict[str, Any]:
        """Name and digest of a folder; name and revision on a hub, whose content is not looked at.

        Raises:
            DataError: a weights file is damaged.
        """
        if self.folder is None:
            return {"model": self.name, "revision": self.revision}
        if self._digest is None:
            self._digest = fingerprint(self.folder)
        return {"model": self.name, "digest": self._digest}

    @property
    def is_classifier(self) -> bool:
        """Whether it rates texts instead of writing them; a name on a hub is taken for a writer.

        Raises:
            ConfigError: it rates, but gives something else than one number for a whole text.
        """
        if self.folder is None:
            return False
        config = _config(self.folder)
        kinds = [str(kind) for kind in config.get("architectures") or ()]
        if any("Reward" in kind for kind in kinds):
            raise ConfigError(
                f"{self.name} is a {kinds[0]}, which rates by a head of its own making",
                hint="use a reward model of the form ...ForSequenceClassification with one label",
            )
        if not any(kind.endswith("ForSequenceClassification") for kind in kinds):
            return False
        labels = len(config.get("id2label") or ()) or config.get("num_labels", 2)
        if labels != 1:
            raise ConfigError(
                f"{self.name} has {labels} labels: a reward model has one, whose logit is the "
                "reward",
                hint="use a sequence classifier that was trained with num_labels=1",
            )
        return True


def fingerprint(folder: Path) -> str:
    """A digest of a model folder, fast whatever its weights weigh.

    Read whole: configuration, tokenizer and template files, also in `additional_chat_templates` and
    the folders that `modules.json` names. Of each safetensors file: its size, its header, a MiB at
    either end, and 4 KiB from the middle of every tensor (of about 4,096 of them if there are
    more). It does not see a change that leaves all of these as they are, such as a few single
    weights edited by hand. Other files do not count.

    Raises:
        DataError: a safetensors file is damaged.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in _files(folder):
        if path.suffix in _READ_WHOLE:
            parts: Iterator[bytes] = iter((path.read_bytes(),))
        elif path.suffix == ".safetensors":
            parts = _sampled(path)
        else:
            continue
        for part in (path.relative_to(folder).as_posix().encode(), *parts):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()


def digest_of(place: Path) -> str:
    """A digest of a file, or of a folder's files as `fingerprint` takes it.

    Raises:
        OSError: it cannot be read.
        DataError: a safetensors file within is damaged.
    """
    if place.is_dir():
        return fingerprint(place)
    return hashlib.blake2b(place.read_bytes(), digest_size=16).hexdigest()


def _files(folder: Path) -> list[Path]:
    """Files of the folder, and of the folders within that loaders read."""
    within = [folder, folder / "additional_chat_templates"]
    try:
        modules = orjson.loads((folder / "modules.json").read_bytes())
        within += [folder / str(module["path"]) for module in modules if module["path"]]
    except (OSError, orjson.JSONDecodeError, TypeError, KeyError):
        pass  # no sentence-transformers folder
    inside = [place for place in within if place.is_dir() and place.is_relative_to(folder)]
    paths = {path for place in inside for path in place.iterdir() if path.is_file()}
    return sorted(path for path in paths if ".." not in path.parts)


def _sampled(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        yield size.to_bytes(8, "little")
        header = _header(file, size, path)
        yield header
        start = 8 + len(header)
        for offset in sorted({start, max(start, size - _EDGE)}):
            file.seek(offset)
            yield file.read(_EDGE)
        spans = _spans(header, path)
        if start + max((last for _, last in spans), default=0) != size:
            raise DataError(
                f"{path.name} is no whole safetensors file: it has {size:,} bytes, not those that "
                "its header says",
                hint="copy or download the model again",
            )
        for first, last in spans[:: 1 + len(spans) // _MOST_SAMPLES]:
            file.seek(start + max(first, (first + last - _SAMPLE) // 2))
            yield file.read(min(_SAMPLE, last - first))


def _header(file: BinaryIO, size: int, path: Path) -> bytes:
    length = int.from_bytes(file.read(8), "little")
    if length > min(_MOST_HEADER, size - 8):
        raise DataError(f"{path.name} is no whole safetensors file: it has {size:,} bytes")
    return file.read(length)


def _spans(header: bytes, path: Path) -> list[tuple[int, int]]:
    """First and last byte of every tensor, counted from the end of the header."""
    try:
        tensors = orjson.loads(header)
        return sorted(
            (int(entry["data_offsets"][0]), int(entry["data_offsets"][1]))
            for name, entry in tensors.items()
            if name != "__metadata__"
        )
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path.name} is no safetensors file: its header cannot be read") from error


def _check_hub_name(rest: str) -> None:
    if _HUB_NAME.fullmatch(rest) is None or rest.startswith("."):
        raise ConfigError(
            f"no model folder {rest!r}", hint="give a folder with config.json and safetensors"
        )


def _check_folder(folder: Path, rest: str) -> None:
    if not (folder / "config.json").is_file():
        adapter = (folder / "adapter_config.json").is_file()
        raise ConfigError(
            f"{rest!r} holds an adapter, no model" if adapter else f"no config.json in {rest!r}",
            hint="merge the adapter into its model first (peft: merge_and_unload)"
            if adapter
            else "give a folder as save_pretrained writes it",
        )
    suffixes = {path.suffix for path in folder.iterdir()}
    if ".safetensors" in suffixes:
        return
    if suffixes & _UNSAFE:
        raise ConfigError(
            f"the weights in {rest!r} are pickled: reading them could run code, so they are not",
            hint="save the model as safetensors, if you trust where it comes from "
            "(transformers: save_pretrained)",
        )
    raise ConfigError(f"no .safetensors weights in {rest!r}", hint=f"ls {rest}")


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = orjson.loads((folder / "config.json").read_bytes())
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"config.json of {folder.name} is no JSON: {error}") from error
    if not isinstance(config, dict):
        raise ConfigError(f"config.json of {folder.name} is no JSON object")
    return config
