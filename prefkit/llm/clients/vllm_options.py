"""Engine options of vLLM that settings may hold: those that are values and never name code.

vLLM has many more, and with some of them a word in a file makes it import a class or run code that
lies beside a model. Consent to that never comes from a file, so only what is listed is passed on.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from prefkit.errors import ConfigError
from prefkit.registry import nearest

__all__ = ["checked", "deciding", "defaults"]

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

_INSIDE = {"structured_outputs_config": ("backend", "disable_any_whitespace")}


def checked(options: Mapping[str, Any], who: str) -> dict[str, Any]:
    """The options, if all of them are known to be values.

    Raises:
        ConfigError: one is not, or has a value that is not among those that are safe.
    """
    known = sorted(_SPEED | _ANSWERS)
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
    return dict(options)


def deciding(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that can change an answer."""
    return {name: value for name, value in options.items() if name in _ANSWERS}


def defaults() -> dict[str, Any]:
    """What prefkit sets where nothing is said, other than vLLM would."""
    return {
        "load_format": "safetensors",
        "seed": secrets.randbits(31),  # else every process would draw the same answers
        # a weak model would fill its answer with white space and never close the object
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
        "use_tqdm_on_load": False,
    }
