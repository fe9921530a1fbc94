"""Loading a model folder by transformers, and the engine options that say how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefkit.errors import ConfigError
from prefkit.llm.clients.fingerprint import Model
from prefkit.llm.clients.in_process import one_line
from prefkit.registry import nearest

__all__ = ["check_options", "load"]

_UNLOADABLE = (
    OSError,
    ValueError,
    TypeError,
    RuntimeError,
    AttributeError,
    LookupError,
    ImportError,
)
_COUNTS = ("batch_size", "batch_tokens", "max_model_len")


def check_options(who: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """All options, those that are given and the defaults.

    Raises:
        ConfigError: one is unknown, or is no number of tokens or answers.
    """
    if unknown := sorted(set(given) - set(known)):
        raise ConfigError(
            f"{who} has no engine option {unknown[0]!r}{nearest(unknown[0], list(known))}",
            hint=f"it has {', '.join(known)}",
        )
    options = {**known, **given}
    for name in _COUNTS:
        value = options[name]
        is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if not is_count and (value is not None or known[name] is not None):
            raise ConfigError(f"{who}: {name} is {value!r}", hint="a whole number, 1 or more")
    if not isinstance(options["allow_special_tokens"], bool):
        raise ConfigError(f"{who}: allow_special_tokens is true or false")
    return options


def load(who: str, source: Model, options: Mapping[str, Any], is_reward: bool) -> tuple[Any, Any]:
    """Model and tokenizer.

    Raises:
        ConfigError: they cannot be loaded so.
    """
    from safetensors import SafetensorError

    try:
        model, tokenizer = _from_folder(source, options, is_reward)
    except SafetensorError as error:
        raise ConfigError(
            f"the weights of {who} are damaged or cut off: {one_line(error)}",
            hint="copy or download the model again",
        ) from error
    except _UNLOADABLE as error:
        raise ConfigError(
            f"{who} cannot be loaded by transformers: {one_line(error)}",
            hint="give a folder as save_pretrained writes it",
        ) from error
    _check_length(who, model, options["max_model_len"])
    return model, tokenizer


def _from_folder(source: Model, options: Mapping[str, Any], is_reward: bool) -> tuple[Any, Any]:
    import torch
    import transformers

    kind = (
        transformers.AutoModelForSequenceClassification
        if is_reward
        else transformers.AutoModelForCausalLM
    )
    place = {"revision": source.revision} if source.revision else {}
    more = {"attn_implementation": options["attn_implementation"]}
    dtype = options["dtype"] if options["dtype"] == "auto" else getattr(torch, options["dtype"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        source.path, trust_remote_code=False, **place
    )
    model = kind.from_pretrained(
        source.path,
        trust_remote_code=False,
        use_safetensors=True,
        dtype=dtype,
        **{name: value for name, value in more.items() if value is not None},
        **place,
    )
    device = options["device"] or ("cuda" if torch.cuda.is_available() else "cpu")
    return model.to(device).eval(), tokenizer


def _check_length(who: str, model: Any, wanted: int | None) -> None:
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if wanted is not None and limit is not None and wanted > limit:
        raise ConfigError(
            f"{who}: max_model_len is {wanted:,}, and the model has {limit:,} positions",
            hint=f"max_model_len: {limit}",
        )
