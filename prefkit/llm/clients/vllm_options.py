"""Engine options of vLLM that settings may hold: those that are values and never name code.

vLLM has many more, and with some of them a word in a file makes it import a class or run code that
lies beside a model. Consent to that never comes from a file, so only what is listed is passed on.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefkit.errors import ConfigError
from prefkit.llm.clients.fingerprint import digest_of
from prefkit.registry import nearest

__all__ = ["OURS", "checked", "deciding", "defaults"]

OURS = frozenset({"allow_special_tokens"})
"""Options of the client itself, which vLLM never sees."""

_SPEED = frozenset(
    {
        "block_size",
        "cpu_offload_gb",
        "disable_custom_all_reduce",
        "disable_log_stats",
        "distributed_executor_backend",
        "download_dir",
        "enable_chunked_prefill",
        "enable_expert_parallel",
        "enable_prefix_caching",
        "enforce_eager",
        "gpu_memory_utilization",
        "kv_cache_memory_bytes",
        "max_num_batched_tokens",
        "max_num_seqs",
        "pipeline_parallel_size",
        "tensor_parallel_size",
        "use_tqdm_on_load",
    }
)
"""They leave answers as they are, but for rounding: changing one asks nothing again."""

_ANSWERS = frozenset(
    {
        "chat_template",
        "convert",
        "dtype",
        "generation_config",
        "hf_overrides",
        "kv_cache_dtype",
        "load_format",
        "logprobs_mode",
        "max_logprobs",
        "max_model_len",
        "override_generation_config",
        "quantization",
        "runner",
        "seed",
        "structured_outputs_config",
        "tokenizer",
        "tokenizer_mode",
        "tokenizer_revision",
    }
)
"""They can change an answer, and are part of whom one asks."""

_VALUES = {
    "distributed_executor_backend": ("mp", "ray", "uni"),
    "load_format": ("safetensors", "fastsafetensors", "instanttensor", "runai_streamer", "dummy"),
}
"""Others would unpickle weights, or name a class."""

_FILES = ("chat_template", "generation_config", "tokenizer")
"""Each may name a file or folder, whose content is what counts."""

_INSIDE = {"structured_outputs_config": ("backend", "disable_any_whitespace")}


def checked(options: Mapping[str, Any], who: str) -> dict[str, Any]:
    """The options, if all of them are known to be values.

    Raises:
        ConfigError: one is not, or has a value that is not among those that are safe.
    """
    known = sorted(_SPEED | _ANSWERS | OURS)
    for name, value in options.items():
        if name not in known:
            raise ConfigError(
                f"{who} takes no engine option {name!r}{nearest(name, known)}",
                hint=f"it takes {', '.join(known)}",
            )
        if name in _VALUES and value not in _VALUES[name]:
            raise ConfigError(
                f"{who}: {name} is {value!r}", hint=f"one of {', '.join(_VALUES[name])}"
            )
        inside = _INSIDE.get(name)
        if inside is not None and not set(value) <= set(inside):
            raise ConfigError(f"{who}: {name} holds {sorted(value)}", hint=", ".join(inside))
    if not isinstance(options.get("allow_special_tokens", False), bool):
        raise ConfigError(f"{who}: allow_special_tokens is true or false")
    return dict(options)


def deciding(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that can change an answer; a file or folder by its name and content.

    Raises:
        ConfigError: it cannot be read.
    """
    return {
        name: _content(value) if name in _FILES else value
        for name, value in options.items()
        if name in _ANSWERS
    }


def _content(value: Any) -> Any:
    place = _place(value)
    if place is None:
        return value
    try:
        return {"name": place.name, "digest": digest_of(place)}
    except OSError as error:
        raise ConfigError(f"{place.name} cannot be read: {error.strerror}") from error


def _place(value: Any) -> Path | None:
    """What a value names on this machine; null for a hub's name, a keyword or a template's text."""
    if not isinstance(value, str):
        return None
    try:
        place = Path(value)
        return place if place.exists() else None
    except (OSError, ValueError):  # a template's text is no path, or far too long for one
        return None


def defaults() -> dict[str, Any]:
    """What prefkit sets where nothing is said, other than vLLM would."""
    return {
        "load_format": "safetensors",
        "seed": secrets.randbits(31),  # else every process would draw the same answers
        # a weak model would fill its answer with white space and never close the object
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
        "use_tqdm_on_load": False,
        "disable_log_stats": False,  # they say of each answer whether logits were NaN
    }
