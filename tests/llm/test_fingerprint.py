"""Another model in the same folder is another model; a broken or pickled one is none."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from prefkit.errors import ConfigError, DataError
from prefkit.llm.clients.fingerprint import Model, fingerprint

TENSORS = 6
SIZE = 1 << 20


def write(folder: Path, *, seed: int = 0) -> Path:
    """A folder as `save_pretrained` writes it: six tensors of a MiB each."""
    folder.mkdir(parents=True, exist_ok=True)
    header = {"__metadata__": {"format": "pt"}}
    for at in range(TENSORS):
        span = [at * SIZE, (at + 1) * SIZE]
        header[f"layer.{at}"] = {"dtype": "U8", "shape": [SIZE], "data_offsets": span}
    text = json.dumps(header).encode()
    data = random.Random(seed).randbytes(TENSORS * SIZE)
    weights = len(text).to_bytes(8, "little") + text + data
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (folder / "tokenizer.json").write_text("{}")
    return folder


def overwrite(folder: Path, tensor: int, offset: int, count: int) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    start = len(content) - TENSORS * SIZE + tensor * SIZE + offset
    content[start : start + count] = bytes(255 - byte for byte in content[start : start + count])
    path.write_bytes(content)


def test_a_copy_has_the_same_fingerprint_and_other_weights_another(tmp_path: Path) -> None:
    one, copy, other = write(tmp_path / "a"), write(tmp_path / "b"), write(tmp_path / "c", seed=1)
    assert fingerprint(one) == fingerprint(copy) != fingerprint(other)


@pytest.mark.parametrize("tensor", range(TENSORS))
def test_one_changed_tensor_is_seen_wherever_it_lies(tmp_path: Path, tensor: int) -> None:
    folder = write(tmp_path / "model")
    before = fingerprint(folder)
    overwrite(folder, tensor, 0, SIZE)
    assert fingerprint(folder) != before


def test_a_few_bytes_between_the_samples_are_not_seen(tmp_path: Path) -> None:
    """The limit that its description names: what it reads stays at a few MiB a file."""
    folder = write(tmp_path / "model")
    before = fingerprint(folder)
    overwrite(folder, 2, 100, 8)
    assert fingerprint(folder) == before


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "chat_template.jinja", "merges.txt", "new.json"]
)
def test_configuration_tokenizer_and_template_count(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "model")
    before = fingerprint(folder)
    (folder / name).write_text('{"changed": 1}')
    assert fingerprint(folder) != before


def test_a_readme_does_not_count(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    before = fingerprint(folder)
    (folder / "README.md").write_text("Another word.")
    assert fingerprint(folder) == before


def test_identity_tells_the_folder_and_not_where_it_lies(tmp_path: Path) -> None:
    folder = write(tmp_path / "my-model")
    identity = Model(str(folder), None).identity()
    assert identity == {"model": "my-model", "digest": fingerprint(folder)}
    assert str(tmp_path) not in json.dumps(identity)


def test_a_name_on_a_hub_is_taken_as_given() -> None:
    model = Model("owner/name", "abc123")
    assert model.identity() == {"model": "owner/name", "revision": "abc123"}
    assert model.path == "owner/name"
    assert not model.is_classifier


@pytest.mark.parametrize("content", [b"short", (1 << 40).to_bytes(8, "little") + b"{}"])
def test_a_torn_weights_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    folder = write(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(DataError, match="no whole safetensors file"):
        fingerprint(folder)


def test_a_header_that_is_no_json_is_an_error(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    (folder / "model.safetensors").write_bytes((4).to_bytes(8, "little") + b"nope" + bytes(99))
    with pytest.raises(DataError, match="header cannot be read"):
        fingerprint(folder)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="pickled") as caught:
        Model(str(folder), None)
    assert "safetensors" in (caught.value.hint or "")


@pytest.mark.parametrize("place", ["./none", "/no/such/folder", "a/b/c", "~/none"])
def test_a_folder_that_is_not_there_is_no_hub_name(place: str) -> None:
    with pytest.raises(ConfigError, match="no model folder"):
        Model(place, None)


def test_an_adapter_alone_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(ConfigError, match="an adapter, no model"):
        Model(str(tmp_path), None)


@pytest.mark.parametrize(
    ("config", "is_reward"),
    [
        ({"architectures": ["LlamaForCausalLM"]}, False),
        ({"architectures": ["Qwen2ForSequenceClassification"], "id2label": {"0": "r"}}, True),
        ({"architectures": ["GPT2ForSequenceClassification"], "num_labels": 1}, True),
        ({}, False),
    ],
)
def test_the_configuration_says_who_rates(
    tmp_path: Path, config: dict[str, object], *, is_reward: bool
) -> None:
    folder = write(tmp_path / "model")
    (folder / "config.json").write_text(json.dumps(config))
    assert Model(str(folder), None).is_classifier is is_reward


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architectures": ["LlamaForSequenceClassification"]}, "2 labels"),
        (
            {
                "architectures": ["BertForSequenceClassification"],
                "id2label": {"0": "a", "1": "b", "2": "c"},
            },
            "3 labels",
        ),
        ({"architectures": ["Qwen2ForProcessRewardModel"]}, "head of its own making"),
    ],
)
def test_raters_of_another_kind_are_refused(
    tmp_path: Path, config: dict[str, object], message: str
) -> None:
    folder = write(tmp_path / "model")
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match=message):
        _ = Model(str(folder), None).is_classifier
