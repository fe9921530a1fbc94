"""Responses and votes of a recipe on their way into a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import pyarrow as pa

from prefkit.collectors.synthetic.comparing import Finished, casts_of, finished
from prefkit.collectors.synthetic.making import Work
from prefkit.collectors.synthetic.recipe import Cast, Caster, Missing, Recipe
from prefkit.dataset import DatasetWriter
from prefkit.errors import BudgetReached, ClientError, NothingUsable, SchemaError
from prefkit.llm.money.ledger import Ledger
from prefkit.schema.build import ComparisonRow, comparison_row, comparisons_table
from prefkit.schema.ids import messages_digest
from prefkit.schema.votes import comparisons_of, with_votes
from prefkit.verbs.judge_rows import Rows
from prefkit.verbs.spending import UNREACHED
from prefkit.verbs.synthetic_tally import Tally
from prefkit.verbs.verb import listed

__all__ = ["settle", "write_made", "write_voted"]

_AT_ONCE = 256
"""Comparisons that become a table together."""


def write_made(
    writer: DatasetWriter, recipe: Recipe, works: Iterable[Work], caster: Caster | None
) -> Tally:
    """Write a comparison for every row that has a response, in their order.

    Raises:
        PrefkitError: what `works` or the caster raise.
        SchemaError: a vote of the recipe or its caster breaks a rule of the schema.
    """
    tally = Tally()
    rows = _rows(writer, (finished(recipe, work) for work in works), caster, tally)
    while several := list(islice(rows, _AT_ONCE)):
        writer.write(comparisons_table(several))
    return tally


def _rows(
    writer: DatasetWriter, done: Iterable[Finished], caster: Caster | None, tally: Tally
) -> Iterator[ComparisonRow]:
    for row, cast in casts_of(caster, done):
        tally.made(row)
        for line in row.lines():
            writer.put_aside(line)
        if row.comparison is None:
            continue
        cast = cast or Cast(())
        whole = row.comparison._replace(votes=row.comparison.votes + cast.votes)
        tally.voted(whole.votes)
        tally.giveaway.add(whole)
        stored = comparison_row(whole)
        ids = [messages_digest(one.messages) for one in whole.responses]
        _put_aside(writer, stored[0], ids, row.missing + cast.missing, tally)
        yield stored


def write_voted(writer: DatasetWriter, rows: Rows, caster: Caster) -> Tally:
    """Write comparisons that are there already with what the caster says of them.

    Raises:
        PrefkitError: what the caster raises.
    """
    tally = Tally()
    casts = caster.cast(rows)
    for table in rows.tables():
        several = list(islice(casts, len(table)))
        if len(several) < len(table):
            raise SchemaError(f"{type(caster).__name__} said nothing of some comparisons")
        voted = with_votes(table, [cast.votes for cast in several])
        tally.known += sum(len(cast.votes) for cast in several) - _votes(voted) + _votes(table)
        _count(writer, voted, several, tally)
        writer.write(voted)
    return tally


def _count(writer: DatasetWriter, table: pa.Table, several: Sequence[Cast], tally: Tally) -> None:
    tally.prompts += len(table)
    tally.comparisons += len(table)
    for row, cast in zip(table.select(["id", "responses"]).to_pylist(), several, strict=True):
        tally.responses += len(row["responses"])
        tally.voted(cast.votes)
        ids = [one["id"] for one in row["responses"]]
        _put_aside(writer, row["id"], ids, cast.missing, tally)
    for comparison in comparisons_of(table):
        tally.giveaway.add(comparison)


def _votes(table: pa.Table) -> int:
    return sum(len(chunk.flatten()) for chunk in table["votes"].chunks)


def _put_aside(
    writer: DatasetWriter,
    name: str,
    responses: Sequence[str],
    several: Sequence[Missing],
    tally: Tally,
) -> None:
    for missing in several:
        tally.unvoted[missing.reason] += 1
        writer.put_aside(_line(name, responses, missing))


def _line(name: str, responses: Sequence[str], missing: Missing) -> dict[str, str | None]:
    return {
        "comparison": name,
        "response": None if missing.place is None else responses[missing.place],
        "reason": missing.reason,
        "detail": missing.detail,
    }


def settle(tally: Tally, ledger: Ledger, *, hint: str, votes_alone: bool = False) -> None:
    """Say what is wrong with what was written; the folder is there already.

    Args:
        tally: of the whole run.
        ledger: what all its clients spent from.
        hint: what to do where there is nothing at all.
        votes_alone: the responses were there already, so votes are all that the run adds.

    Raises:
        BudgetReached: some was not asked for want of money.
        ClientError, NothingUsable: there is no comparison, or no vote where nothing else is added.
    """
    if tally.unpaid:
        raise BudgetReached(
            f"the budget of ${ledger.budget_usd or 0:,.2f} is reached (${ledger.spent_usd:,.4f} "
            f"spent), {tally.unpaid:,} requests were not asked",
            hint="run the same command with a higher --budget; answers that were paid are kept",
        )
    if tally.votes if votes_alone else tally.comparisons:
        return
    lacking = tally.unvoted if votes_alone else tally.failed or tally.set_aside
    what = "vote on any of {:,} comparisons" if votes_alone else "response to any of {:,} prompts"
    first = "" if tally.first is None else f"; the first: {tally.first.message}"
    kind = ClientError if any(reason in UNREACHED for reason in lacking) else NothingUsable
    said = what.format(tally.prompts)
    raise kind(f"no {said} ({listed(lacking) or 'there are none'}){first}", hint=hint)
