"""The block of one judge, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prefkit.reports.words import counts, line, listed, shown, told

__all__ = ["judge_lines"]

Line = tuple[str, str]
Facts = Mapping[str, Any]

_BASIS = {
    "inferred": "inferred: the source tells its verdicts both for a side and for a slot",
    "unknown": "unknown: no vote says which response was shown first",
    "alone": "none was shown: each response was judged alone",
}
_NEW_LINE = "\n"
_RIGHT = {"ties_dropped": "Right", "ties_as_class": "  ties a class", "ties_half": "  ties half"}


def judge_lines(judge: Facts, certificate: Facts, limits: Facts) -> Iterator[Line]:
    """Everything about one judge; what does not apply to it is left out."""
    about = f"{judge['votes']:,} on {judge['comparisons']:,} comparisons"
    yield ("Votes", f"{about}: {counts(judge['outcomes'])}")
    yield from _failures(judge["failures"], certificate["unreadable"], limits)
    yield from _mass(judge["mass"])
    yield from _grades(judge["grades"])
    yield from _order(judge["order"], judge["orders"], certificate, limits)
    yield from _length(judge["length"], limits)
    yield from _own(judge["own"])
    yield from _rationale(judge["rationale"])
    yield from _spent(judge["cost"], judge["seconds"])
    yield from _gold(judge["gold"], limits)
    yield ("Certificate", _certificate(certificate, limits))


def _certificate(certificate: Facts, limits: Facts) -> str:
    if certificate["status"] == "uncalibrated":
        return line("; ".join(certificate["reasons"]))
    lines = [f"{certificate['status']} by the limits {limits['name']}", *certificate["reasons"]]
    lines += [f"not applied: {one}" for one in certificate["not_applied"]]
    return "\n".join(map(line, lines))


def _mark(text: str) -> str:
    return f"  <- {text}"


def _below(found: Facts, limit: float | None) -> str:
    """A mark where the certificate refuses for it: where the lower end is below the limit."""
    low = found["low"]
    if low is None or limit is None or low >= limit:
        return ""
    return _mark(f"{low:.3g} below {limit:g}")


def _above(high: float | None, limit: float | None, word: str = "above") -> str:
    if high is None or limit is None or high <= limit:
        return ""
    return _mark(f"{high:.3g} {word} {limit:g}")


def _failures(failures: Facts, of_pairs: Facts, limits: Facts) -> Iterator[Line]:
    """The share of votes; the certificate holds the share of pairs against its limit."""
    share = failures["share"]
    why = f": {listed(failures['reasons'])}" if failures["failed"] else ""
    pairs = f"; of pairs {shown(of_pairs)}" if of_pairs["value"] != share["value"] else ""
    mark = _above(of_pairs["high"], limits["unreadable"])
    yield ("Unreadable", f"{shown(share)}{why}{pairs}{mark}")


def _mass(mass: Facts) -> Iterator[Line]:
    if mass["verdicts"]:
        text = f"least {mass['least']:.3g}, median {mass['median']:.3g}; below 0.9: "
        yield ("Token mass", text + shown(mass["low"]))


def _grades(grades: Facts) -> Iterator[Line]:
    if not grades["grades"]:
        return
    text = f"{grades['grades']:,} grades, {grades['used']:,} different; {grades['most_used']:g} is "
    text += f"{grades['share']:.2f} of them"
    yield ("Grades", text + (_mark(f"collapsed: {grades['rule']}") if grades["collapsed"] else ""))


def _order(order: Facts, orders: Facts, certificate: Facts, limits: Facts) -> Iterator[Line]:
    basis = order["basis"]
    if basis in _BASIS:
        found = f" ({counts(order['inferred'])})" if order["inferred"] else ""
        yield ("Order", _BASIS[basis] + found)
    elif order["verdicts_unknown"]:
        yield ("Order", f"recorded; without the rest in what follows ({counts(orders)})")
    if basis in ("alone", "unknown"):
        return
    if order["fault"]:
        yield ("Order", f"not random: {order['fault']}")
    consistency = order["consistency"]
    if order["counts"]:
        mark = _below(certificate["swaps"]["consistency"], limits["swap_consistency"])
        yield ("Swap", told(consistency, "the same in both orders") + mark)
        yield ("  of the pairs", _locks(order["counts"], order["pairs_once"]))
        yield ("Lock bias", shown(order["lock_bias"], signed=True) + _bias(order["lock_bias"]))
    else:
        yield ("Swap", shown(consistency))
    yield ("Chose first", shown(order["first"]))
    if "first_or_side" in order:
        yield ("First or side", shown(order["first_or_side"]))
    effect = order["order"]
    yield ("Order effect", told(effect, "log-odds", signed=True) + _bias(effect))
    if order["within_pairs"]["value"] is not None:
        yield ("  inside a pair", told(order["within_pairs"], "log-odds", signed=True))


def _locks(found: Facts, once: int) -> str:
    pairs = f"{found['pairs']:,}: "
    parts = {name: found[name] for name in ("same_side", "both_tied", "one_tied")}
    parts |= {"locked to the first": found["locked_first"]}
    parts |= {"locked to the second": found["locked_second"]}
    unread = found["one_readable"] + found["none_readable"]
    rest = {"not readable twice": unread, "shown in one order only": once}
    return pairs + "; ".join([counts(parts), *(f"{n:,} {what}" for what, n in rest.items() if n)])


def _bias(found: Facts) -> str:
    """A mark where the interval leaves out zero."""
    if found["low"] is None or found["high"] is None or found["low"] <= 0 <= found["high"]:
        return ""
    return _mark("towards the " + ("first" if found["value"] > 0 else "second"))


def _length(length: Facts, limits: Facts) -> Iterator[Line]:
    yield ("Longer", told(length["longer"], "of its choices"))
    difference, limit = length["difference"], limits["length_lean"]
    if difference["value"] is None:
        yield ("  beside people", shown(difference))
        return
    whose = "people" if length["beside"] == "human" else "the labels"
    farther = None if difference["low"] is None else max(difference["high"], -difference["low"])
    text = f"{shown(length['judge'], bare=True)}, {whose} {shown(length['human'], bare=True)}: "
    text += shown(difference, signed=True)
    yield ("  beside people" if length["beside"] == "human" else "  beside labels",
           text + _above(farther, limit, "beyond"))  # fmt: skip


def _own(own: Facts) -> Iterator[Line]:
    unknown = [own[which]["beyond_quality"]["reason"] for which in ("model", "family")]
    if all(own[which]["beyond_quality"]["value"] is None for which in ("model", "family")):
        yield ("Own answers", f"- ({'; '.join(dict.fromkeys(unknown))})")
        return
    for which in ("model", "family"):
        found = own[which]["beyond_quality"]
        label = f"Own {which}"
        if found["value"] is None:
            yield (label, shown(found))
            continue
        rates = f"{shown(own[which]['own'], bare=True)} where people prefer the other, "
        rates += f"other judges {shown(own[which]['baseline'], bare=True)}; beyond quality "
        yield (label, rates + shown(found, signed=True))


def _rationale(rationale: Facts) -> Iterator[Line]:
    if rationale["say_a_side"]:
        decided = rationale["say_a_side"] - rationale["with_a_tie"]
        text = (
            f"{rationale['contradicting']:,} of {decided:,} that name a side name the other one: "
        )
        text += shown(rationale["share"])
        tied = rationale["with_a_tie"]
        yield ("Rationale", text + (f"; {tied:,} name a side beside a tie" if tied else ""))


def _spent(cost: Facts, seconds: Facts) -> Iterator[Line]:
    if cost["priced"]:
        each = cost["per_verdict_usd"]
        per = "" if each["value"] is None else f", {_dollars(each)} a readable verdict"
        without = f", {cost['unpriced']:,} votes without a price" if cost["unpriced"] else ""
        yield ("Cost", f"${cost['total_usd']:.4g}{per}{without}")
    if seconds["timed"]:
        yield (
            "Seconds",
            f"{seconds['median']:.3g} a vote (median), {seconds['total']:,.0f} in all",
        )


def _dollars(each: Facts) -> str:
    text = f"${each['value']:.3g}"
    return text if each["low"] is None else f"{text} ({each['low']:.3g} to {each['high']:.3g})"


def _gold(gold: Facts, limits: Facts) -> Iterator[Line]:
    if not gold["calibrated"]:
        return
    readings = {name: gold[name] for name in _RIGHT}
    alike = len({str(found["accuracy"]) for found in readings.values()}) == 1
    for name, label in list(_RIGHT.items())[: 1 if alike else None]:
        found, limit = readings[name], limits[name]["accuracy"]
        mark = _below(found["accuracy"], limit)
        others = f"kappa {_ends(found['kappa'])}, AC {_ends(found['ac'])}"
        yield (label, f"{shown(found['accuracy'])}{mark}{_NEW_LINE}{others}")
    yield from _with_people(gold["ties_dropped"])


def _with_people(found: Facts) -> Iterator[Line]:
    human = found["human_with_human"]
    if human is None or human["value"] is None:
        return
    text = f"agrees {shown(found['with_one_human'])}; a person with a person {shown(human)}"
    yield ("  one person", text)


def _ends(found: Facts) -> str:
    if found["low"] is None:
        return shown(found, bare=True)
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"
