"""Tiny models with one thing odd about each; made in the process of the engines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import tiny_model


def changed(folder: Path, file: str, **values: Any) -> Path:
    """Set fields of a JSON file of a model folder."""
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return folder


def copied(model: Path, folder: Path) -> Path:
    shutil.copytree(model, folder)
    return folder


def save_nan_model(model: Path, folder: Path) -> Path:
    """Every logit is NaN."""
    from transformers import Qwen2ForCausalLM

    copied(model, folder)
    made = Qwen2ForCausalLM.from_pretrained(folder)
    made.model.norm.weight.data[:] = float("nan")
    made.save_pretrained(folder)
    return folder


def save_positions_model(folder: Path) -> Path:
    """A GPT-2 that has learned 64 positions and no more."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = tiny_model._tokenizer()
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=64,
        n_embd=32,
        n_layer=1,
        n_head=2,
        initializer_range=0.2,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def last_rewards(folder: Path, ids: list[int]) -> list[float]:
    """The reward head's output at every position."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        hidden = model.model(input_ids=torch.tensor([ids])).last_hidden_state
        return [float(value) for value in model.score(hidden)[0, :, 0]]


def ids_of(folder: Path, text: str) -> list[int]:
    from transformers import AutoTokenizer

    return list(AutoTokenizer.from_pretrained(folder).encode(text, add_special_tokens=False))


def identity(spec: str, engine: dict[str, Any]) -> Any:
    """Who a provider says that it is."""
    from prefkit.llm.settings import Settings
    from prefkit.registry import load

    name, _, rest = spec.partition(":")
    return load("client", name)(rest, Settings(engine=engine)).identity()
