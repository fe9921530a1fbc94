"""Which family a model is of, by the beginning of its name; what is not known stays unknown.

A judge's taste for its own family is measured only where the family is sure. So a name with words
of two families (a distillate, a mixture, a model tuned on another's answers that says so) has none,
and neither has a name that only contains a family somewhere behind another word.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

__all__ = ["FAMILIES", "Family", "family_of", "plain_name"]


class Family(NamedTuple):
    """A family: its name, how names of its models begin, and what a reader should know."""

    name: str
    begins: str
    note: str = ""


_END = r"(?![a-z])"

FAMILIES = (
    Family("gpt", r"gpt[-_. ]?(?:[2-5](?!all)|oss)|chatgpt|text[-_]davinci|davinci|o[1-9]" + _END),
    Family("claude", "claude" + _END),
    Family("gemini", rf"(?:gemini|palm|bard|(?:text|chat)[-_]bison){_END}", "PaLM and Bard too"),
    Family("gemma", r"gemma" + _END),
    Family("llama", rf"(?:meta[-_ ])?(?:code[-_]?)?llama{_END}"),
    Family("mistral", rf"(?:open[-_])?(?:mistral|mixtral|ministral|magistral|codestral){_END}"),
    Family("qwen", rf"(?:qwen|qwq){_END}"),
    Family("deepseek", "deepseek" + _END),
    Family("cohere", rf"(?:cohere|command|aya){_END}", "Command and Aya"),
    Family("phi", rf"phi(?=[-_.]?\d){_END}"),
    Family("yi", rf"yi(?=[-_.]){_END}"),
    Family("falcon", "falcon" + _END),
    Family("grok", "grok" + _END),
    Family("glm", rf"(?:chat)?glm{_END}"),
    Family("internlm", "internlm" + _END),
    Family("olmo", "olmo" + _END),
    Family("granite", "granite" + _END),
    Family("vicuna", "vicuna" + _END, "a LLaMA tuned on answers of ChatGPT: neither of the two"),
    Family("alpaca", rf"alpaca{_END}(?![-_ ]?eval)", "a LLaMA tuned on answers of text-davinci"),
    Family("wizardlm", "wizardlm" + _END, "a LLaMA tuned on answers of ChatGPT"),
    Family("zephyr", "zephyr" + _END, "a Mistral tuned on answers of other families"),
)

_WORDS = re.compile(
    r"(?<![a-z])(gpt|claude|gemini|palm|gemma|llama|mistral|mixtral|qwen|deepseek|vicuna|alpaca|yi"
    r"|falcon|phi|internlm|olmo|grok)(?![a-z])"
)
"""Words that name a family wherever they stand."""

_OF_WORD = {"palm": "gemini", "mixtral": "mistral"}
_VENDOR = re.compile(
    r"(?:(?:us|eu|apac)\.)?(?:anthropic|meta|mistral|cohere|deepseek|qwen|openai)\.|ft:"
)


def plain_name(model: str) -> str:
    """A model's name in lower case, without a folder, a vendor before it or a revision after it."""
    name = model.strip().lower().partition("@")[0].rstrip("/").rpartition("/")[2]
    return re.sub(r"[\s_]+", "-", name[match.end() :] if (match := _VENDOR.match(name)) else name)


@cache
def family_of(model: str | None) -> str | None:
    """The family of a model, or null where its name does not say it beyond doubt."""
    if model is None:
        return None
    name = plain_name(model)
    found = next((one.name for one in FAMILIES if re.match(one.begins, name)), None)
    named = {_OF_WORD.get(word, word) for word in _WORDS.findall(name)}
    return found if found is not None and named <= {found} else None
