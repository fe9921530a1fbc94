"""Whether programs that others wrote can be run here, and how well they are shut in."""

from __future__ import annotations

from collections.abc import Iterator

from prefkit.verbs.doctor_finding import Finding

__all__ = ["sandbox"]


def sandbox() -> Iterator[Finding]:
    """The strongest level whose probes were all seen refused, and why no stronger one is had.

    Starts a sandbox of each level until one holds: about 0.2 s each. The state is `warn` where none
    holds, as nothing else of prefkit needs one.
    """
    from prefkit.sandbox.levels import check_level

    hint = "apt-get install bubblewrap, or allow user namespaces"
    strongest = check_level("bubblewrap")
    if strongest.holds:
        text = f"bubblewrap: all {len(strongest.refused)} probes were refused"
        yield Finding("Sandbox", "ok", text, values={"level": "bubblewrap", "why_not": {}})
        return
    why_not = {"bubblewrap": strongest.why_not}
    weaker = check_level("landlock")
    if weaker.holds:
        text = f"landlock, without namespaces, as bubblewrap is not to be had: {strongest.why_not}"
        values = {"level": "landlock", "why_not": why_not}
        yield Finding("Sandbox", "note", text, hint, values)
        return
    why_not["landlock"] = weaker.why_not
    reasons = "; ".join(f"{level}: {why}" for level, why in why_not.items())
    text = f"none, so the recipe code will not run programs ({reasons})"
    yield Finding("Sandbox", "warn", text, hint, {"level": None, "why_not": why_not})
