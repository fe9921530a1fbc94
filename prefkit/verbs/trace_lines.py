"""A trace for people: labels in a column, long text cut; `--json` has all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["lines_of"]

_LONGEST = 240
Line = tuple[str, str]


def lines_of(facts: Mapping[str, Any]) -> Iterator[Line]:
    """The lines of everything `trace` found."""
    limits, revisions = _limits(facts["lineage"]), _revisions(facts["lineage"])
    for entry in facts["pairs"]:
        yield from _pair(entry["pair"], limits)
        yield ("Policy", _policy(entry["policy"], entry["pair"]["policy"]))
        if "calibration" in entry:
            yield ("Calibration", _calibration(entry["calibration"]))
        yield from _votes(entry["comparison"], entry["pair"], revisions)
    if "exported" in facts:
        places = [f"{meta.get('split')}, row {meta.get('row')}" for meta in facts["exported"]]
        yield ("Exported", "; ".join(places) or "no: it is not in this export")
    for step in reversed(facts["lineage"]):
        made = f"{step.get('verb')}: {step['folder']}  {step.get('content_hash')}"
        inputs = [f"{i.get('name')}  sha256:{i.get('sha256')}" for i in step.get("inputs") or ()]
        yield ("Made by", "\n  from ".join([made, *inputs]))


def _pair(pair: Mapping[str, Any], limits: Mapping[str, str]) -> Iterator[Line]:
    yield ("Pair", pair["id"])
    yield ("State", f"dropped by {pair['dropped']}" if pair["dropped"] else "kept")
    if pair["decision"]:
        verdict, reference = pair["decision"].get("verdict"), pair["decision"].get("reference")
        yield ("Decision", f"{verdict} ({reference or 'no reference'})")
    if pair["criterion"] is not None:
        yield ("Criterion", pair["criterion"])
    yield ("Prompt", _messages(pair["prompt"]))
    for side in ("chosen", "rejected"):
        model = f"[{pair[f'{side}_model']}] " if pair[f"{side}_model"] else ""
        yield (side.capitalize(), model + _messages(pair[side]))
    yield ("Evidence", _evidence(pair))
    width = max((len(check["check"]) for check in pair["checks"]), default=0)
    checks = [_check(check, width, limits) for check in pair["checks"]]
    yield ("Checks", "\n".join(checks) or "none: no filter has measured it")


def _evidence(pair: Mapping[str, Any]) -> str:
    count = pair["n_votes"]
    parts = [f"{count} vote{'' if count == 1 else 's'} counted"]
    if pair["agreement"] is not None:
        parts.append(f"{pair['agreement']:.0%} agree")
    for name in ("p_chosen", "margin"):
        if pair[name] is not None:
            kind = pair["p_kind" if name == "p_chosen" else "margin_kind"]
            parts.append(f"{name} {pair[name]:.4g} ({kind})")
    return " · ".join([*parts, f"weight {pair['weight']:g}"])


def _limits(lineage: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The options of every filter that ran, by its name."""
    return {
        step["name"]: _options(step.get("options", {}))
        for entry in reversed(lineage)
        for step in entry.get("steps", [])
    }


def _revisions(lineage: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The revision of every model that was asked, by its client; several where runs differ."""
    found: dict[str, list[str]] = {}
    for entry in lineage:
        for one in entry.get("models", ()):
            known = found.setdefault(one["model"], [])
            known += [one["revision"]] * (one["revision"] not in known)
    return {model: " or ".join(several) for model, several in found.items()}


def _check(check: Mapping[str, Any], width: int, limits: Mapping[str, str]) -> str:
    value = "-" if check["value"] is None else f"{check['value']:.6g}"
    name = check["check"]
    options = limits.get(name) or limits.get(name.partition(".")[0], "")
    return f"{name.ljust(width)}  {value:>8}  {check['note'] or options}".rstrip()


def _policy(policy: Mapping[str, Any] | None, policy_hash: str) -> str:
    if policy is None:
        return f"{policy_hash}, which the manifest does not explain"
    named = policy.get("policy")
    name = ", ".join(
        f"{name} ({_options(options)})" if options else name
        for name, options in (named or {}).items()
    )
    rest = {key: value for key, value in policy.items() if key != "policy"}
    return f"{name} · {_options(rest)}  ({policy_hash})"


def _calibration(source: Mapping[str, Any]) -> str:
    """The curve that made a margin a probability, or why there was none."""
    if not source.get("calibrated"):
        return f"{source['source']}: uncalibrated, {source.get('reason')}"
    curve = source["curve"]
    shape = (
        f"p = 1 / (1 + exp(-{curve['slope']:.6g} margin))"
        if curve["kind"] == "platt"
        else f"isotonic, {len(curve['margins'])} knots"
    )
    error = source["after"]["ece"]
    known = f", ECE {error['value']:.2g}" if "value" in error else ""
    gold = f"{source['gold_rows']} pairs judged by {source['gold']}"
    return f"{source['source']}\n{shape}\nfitted to {gold}{known}"


def _options(options: Mapping[str, Any]) -> str:
    return " · ".join(f"{name} {_word(value)}" for name, value in options.items() if _is_set(value))


def _is_set(value: Any) -> bool:
    return value is not None and value not in ([], {})


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping) and set(value) == {"name", "sha256"}:
        return str(value["name"])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _votes(
    comparison: Mapping[str, Any] | None, pair: Mapping[str, Any], revisions: Mapping[str, str]
) -> Iterator[Line]:
    if comparison is None:
        yield ("Votes", f"the comparison {pair['comparison']} is not in the comparisons found")
        return
    names = _sides(comparison["responses"], pair)
    for number, vote in enumerate(comparison["votes"], start=1):
        yield (f"Vote {number}", "\n".join(_vote(vote, names, revisions)))


def _sides(responses: Sequence[Mapping[str, Any]], pair: Mapping[str, Any]) -> dict[str, str]:
    """What to call each response: chosen, rejected, or the beginning of its id."""
    names = {response["id"]: f"other {response['id'][:8]}" for response in responses}
    for side in ("chosen", "rejected"):
        same = [r["id"] for r in responses if r["messages"] == pair[side]]
        free = [name for name in same if names[name].startswith("other ")]
        if free:
            names[free[0]] = side
    return names


def _vote(
    vote: Mapping[str, Any], names: Mapping[str, str], revisions: Mapping[str, str]
) -> Iterator[str]:
    """Who said what; in which order it was shown; where it was read; the evidence."""
    scores = _aligned(names, vote["scores"])
    about = f" on {vote['criterion']}" if vote["criterion"] is not None else ""
    who = vote["by"] or "(not identified)"
    yield f"{vote['kind']} {who}{about}: {vote['outcome']} {scores} ({vote['scale']})".replace(
        "  ", " "
    )
    order = vote["order"]
    shown = "not known" if order is None else ", ".join(names.get(one, one[:8]) for one in order)
    yield " · ".join([f"order shown: {shown}", *_extras(vote, names)])
    source = vote["source"]
    told = [str(source[key]) for key in ("name", "record", "license", "url") if source[key]]
    if vote["kind"] == "judge" and source["name"] in revisions:
        told.append(f"revision {revisions[source['name']]}")
    yield ", ".join(told)
    if vote["rationale"]:
        yield f"says: {_cut(vote['rationale'])}"


def _extras(vote: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    for key in ("labels", "trials"):
        if vote[key]:
            yield f"{key}: {_aligned(names, vote[key])}"
    for key in ("rubric", "draw", "at"):
        if vote[key] is not None:
            yield f"{key} {vote[key]}"
    for key, unit in (("seconds", "s"), ("cost_usd", "USD")):
        if vote[key] is not None:
            yield f"{vote[key]:.3g} {unit}"


def _aligned(names: Mapping[str, str], values: Sequence[Any]) -> str:
    """Values beside the responses they are about, those without a value left out."""
    shown = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in zip(names.values(), values, strict=False)
        if value is not None
    ]
    return ", ".join(sorted(shown))


def _messages(messages: Sequence[Mapping[str, Any]] | None) -> str:
    if messages is None:
        return "none: an unpaired row"
    turns = [f"{m['role']}: {_cut(m['content'] or m['extra'] or '')}" for m in messages]
    if len(turns) > 4:
        turns[2:-2] = [f"({len(turns) - 4} more turns)"]
    return "\n".join(turns)


def _cut(text: str) -> str:
    """One line of text, cut with `…`; line ends are shown."""
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return text.replace("\r\n", "⏎ ").replace("\n", "⏎ ")
