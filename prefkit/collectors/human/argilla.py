"""Argilla's records: JSON and datasets, of its versions 1 and 2."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, model_validator

from prefkit.collectors.fields import numbered_fields, prompt_field, share, text_or_none
from prefkit.collectors.human.argilla_answers import Page, is_comparing, judged, plain_name
from prefkit.collectors.human.argilla_records import (
    Answer,
    Entry,
    entry_of,
    is_flat,
    is_nested,
    is_old_dataset,
)
from prefkit.collectors.human.argilla_votes import same_user, submitted, vote_of
from prefkit.collectors.human.own_tasks import Own, is_own, own_task, restored
from prefkit.collectors.turns import (
    UnusableError,
    messages,
    prompt_messages,
    row_or_aside,
    shown,
)
from prefkit.errors import ConfigError
from prefkit.reader import Aside, Example, Reader, Record, Row
from prefkit.schema.records import Comparison, Response, Source, Vote, to_json
from prefkit.schema.tasks import FIELD, PROMPT, VERDICTS

__all__ = ["Argilla"]

_ALONE = ("response", "completion", "answer", "output", "reply", "generation")
_USUAL_PROMPTS = ("prompt", "question", "instruction", "text")
_OTHER_PROMPTS = ("input", "query", "chat", "conversation", "messages")
_REASONS = re.compile(r"reason|rationale|comment|expla|justif|motivat|why", re.IGNORECASE)
_NO_STATUS = (
    "these Argilla records do not say which answers were submitted: drafts and discarded answers "
    "look like votes; export the dataset flat (to_datasets, with NAME.responses.status) to be sure"
)
_NO_RANKS = (
    "their rankings are plain lists of names, read as best first: Argilla 2 leaves the ranks out, "
    "so ties are lost, and lists made on its page can stand in the order of the question's "
    "options instead; compare one with the page"
)


class Argilla(Reader):
    """Argilla records: label, rating and ranking questions about the responses of a record.

    Every submitted answer is a vote of its user; drafts, discarded answers and suggestions are
    listed as parts, never votes. Responses are the fields named alike (`response_a`, `reply-1`),
    or the declared ones; answers name them as the fields are named, however that is spelled.
    """

    identifies_people: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            "nested 2.x JSON",
            '{"id": "rec-9", "fields": {"prompt": "A prime above 10?", "response-0": "11",'
            ' "response-1": "12"}, "metadata": {"source": "math"}, "vectors": {}, "suggestions":'
            ' {"preference": {"value": "response-1", "score": 0.8, "agent": "judge-x"}},'
            ' "responses": {"preference": [{"value": "response-0", "user_id": "u-1"},'
            ' {"value": "response-1", "user_id": "u-2"}]}, "_server_id": "5f0e"}',
            "the SDK of argilla-io/argilla (records/_resource.py, records/_io/_json.py)",
        ),
        Example(
            "flat 2.x dataset",
            '{"id": "rec-9", "status": "completed", "_server_id": "5f0e", "prompt":'
            ' "A prime above 10?", "response_1": "11", "response_2": "12", "ranking.responses":'
            ' [["response_1", "response_2"], ["response_2", "response_1"]],'
            ' "ranking.responses.users": ["u-1", "u-2"], "ranking.responses.status":'
            ' ["submitted", "draft"], "ranking.suggestion": null, "ranking.suggestion.score": null,'
            ' "ranking.suggestion.agent": null}',
            "the SDK of argilla-io/argilla (records/_io/_generic.py)",
        ),
        Example(
            "1.x dataset",
            '{"prompt": "A prime above 10?", "response1": "11", "response2": "12", "preference":'
            ' [{"user_id": "u-1", "value": {"rank": [1, 2], "value": ["Response 1", "Response 2"]},'
            ' "status": "submitted"}], "preference-suggestion": null,'
            ' "preference-suggestion-metadata": {"type": null, "score": null, "agent": null},'
            ' "external_id": "rec-9", "metadata": "{}"}',
            "argilla-io/argilla 1.x (feedback/integrations/huggingface/dataset.py)",
        ),
        Example(
            "1.x JSON",
            '{"fields": {"prompt": "A prime above 10?", "reply_1": "11", "reply_2": "12"},'
            ' "responses": [{"user_id": "u-1", "status": "submitted", "values": {"reply-ranking":'
            ' {"value": [{"value": "reply_1", "rank": 1}, {"value": "reply_2", "rank": 1}]}}}],'
            ' "suggestions": [], "external_id": "rec-9"}',
        ),
    )

    prompt: str | None = Field(None, description="Field with the prompt [prompt].")
    responses: tuple[str, ...] = Field(
        (), description="Fields with the responses [those named alike and numbered]."
    )
    choices: dict[str, str] = Field(
        {}, description="Label to a response's field, tie, both_good, both_bad or skip."
    )
    targets: dict[str, str] = Field(
        {}, description="Rating question to the field of the response that it rates."
    )
    criteria: dict[str, str] = Field(
        {}, description="Question to the criterion it judges; an empty text means overall."
    )
    comments: tuple[str, ...] = Field(
        (), description="Text questions that give reasons [rationale, reason, comment ...]."
    )
    rating_min: int = Field(1, description="The lowest rating.")
    rating_max: int = Field(5, description="The highest rating.")

    @model_validator(mode="after")
    def _check(self) -> Argilla:
        if self.rating_min >= self.rating_max:
            raise ConfigError(
                f"rating_min is {self.rating_min} and rating_max {self.rating_max}: it must be less"
            )
        return self

    def sniff(self, sample: Sequence[Mapping[str, Any]]) -> float:
        """The share of rows with the fields of one of the shapes."""
        return share(sample, lambda row: is_nested(row) or is_flat(row) or is_old_dataset(row))

    def notice(self, sample: Sequence[Mapping[str, Any]]) -> str | None:
        """What the export has lost: the status of answers, the ranks of rankings."""
        answers = [answer for row in sample for answer in _answers(row)]
        said = []
        if any(answer.status is None for answer in answers):
            said.append(_NO_STATUS)
        if any(_is_list_of_names(answer.value) for answer in answers):
            said.append(_NO_RANKS)
        return "; ".join(said) or None

    def read(self, records: Iterable[Record], source: str) -> Iterator[Row]:
        """Yield one `Row` per record."""
        for record in records:
            yield row_or_aside(self._row, record, source)

    def _row(self, record: Record, source: str) -> Row:
        """The row; a task that `prefkit export` wrote is read by what it says of itself."""
        entry = entry_of(record.data)
        identity = _identity(entry)
        if not is_own(identity):
            return self._read_entry(entry, record, source)
        own = own_task(identity, entry.fields)
        reader = self.model_copy(update=_page_options(own))
        entry = entry._replace(fields=own.stand_ins())
        return restored(reader._read_entry(entry, record, source), own)

    def _read_entry(self, entry: Entry, record: Record, source: str) -> Row:
        names = self._names(entry.fields)
        key = prompt_field(entry.fields, self.prompt or _other_prompt(entry.fields), names)
        page = self._page(names, entry)
        name = text_or_none(entry.id)
        place = Source(source, record.where if name is None else f"record {name}")
        votes, parts = self._votes(entry, page, place)
        if entry.answers and not votes:
            # None of the answers can be used; the first fault is what to count the row by.
            raise UnusableError(parts[0].reason, "; ".join(part.detail for part in parts[:3]))
        if not entry.answers:
            parts.append(Aside("no votes", "nobody has answered a question of the record yet"))
        parts.extend(
            Aside(
                "suggestion",
                f"a suggestion of {shown(one.agent)} (score {shown(one.score)}) is no vote",
                one.data(),
            )
            for one in entry.suggestions
        )
        unused = {name: text for name, text in entry.fields.items() if name not in {key, *names}}
        extra = ({"fields": unused} if unused else {}) | dict(entry.rest)
        comparison = Comparison(
            prompt_messages(entry.fields[key]),
            tuple(_response(entry.fields[name], name) for name in names),
            tuple(votes),
            extra=to_json(extra) if extra else None,
        )
        return Row(record.where, (comparison,), parts=tuple(parts))

    def _names(self, fields: Mapping[str, Any]) -> tuple[str, ...]:
        """The filled fields with responses: a record may have fewer than its dataset."""
        declared = self.responses or numbered_fields(fields)
        names = tuple(name for name in declared if fields.get(name) is not None)
        if not names and not self.responses:
            names = tuple(name for name in _ALONE if fields.get(name) is not None)[:2]
        if not names or (len(names) > 1 and not declared):
            listed = ", ".join(repr(name) for name in list(fields)[:12])
            raise UnusableError(
                "not a preference",
                f"no fields are known to hold responses (fields: {listed}): if some do, "
                "declare them as the reader's option responses",
            )
        return names

    def _page(self, names: Sequence[str], entry: Entry) -> Page:
        places = {plain_name(name): place for place, name in enumerate(names)}
        if len(places) < len(names):
            raise UnusableError("bad value", f"two responses are named alike: {', '.join(names)}")
        page = Page(
            places,
            self.choices,
            self.targets,
            self.criteria,
            self.rating_min,
            self.rating_max,
            compares=False,
        )
        given = [(answer.question, answer.value) for answer in entry.answers]
        return page._replace(compares=is_comparing(given, page))

    def _votes(self, entry: Entry, page: Page, place: Source) -> tuple[list[Vote], list[Aside]]:
        votes: list[Vote] = []
        parts: list[Aside] = []
        comments = [answer for answer in entry.answers if self._is_comment(answer)]
        used: set[int] = set()
        for answer in entry.answers:
            if self._is_comment(answer):
                continue
            try:
                submitted(answer)
                judgement = judged(answer.question, answer.value, page)
            except UnusableError as problem:
                parts.append(problem.aside(answer.data()))
                continue
            own = [one for one in comments if same_user(one, answer)]
            used.update(map(id, own))
            votes.append(vote_of(judgement, answer, own, place))
        parts.extend(
            Aside("comment", f"the comment {one.question!r} comes without a vote", one.data())
            for one in comments
            if id(one) not in used
        )
        return votes, parts

    def _is_comment(self, answer: Answer) -> bool:
        if not isinstance(answer.value, str):
            return False
        if answer.question in self.comments:
            return True
        return not self.comments and _REASONS.search(answer.question) is not None


def _identity(entry: Entry) -> Any:
    """What a task of ours says of itself: in its metadata, which a flat dataset has as columns."""
    metadata = entry.rest.get("metadata")
    return metadata.get(FIELD) if isinstance(metadata, Mapping) else entry.fields.get(FIELD)


def _page_options(own: Own) -> dict[str, Any]:
    """The options of a reader of the questions that `prefkit export` writes."""
    ratings = {f"rating-{name}": name for name in own.names}
    return {
        "prompt": PROMPT,
        "responses": own.names,
        "choices": {value: outcome for value, _, outcome in VERDICTS if value not in own.names},
        "targets": ratings,
        "criteria": dict.fromkeys(("preference", *ratings), own.criterion),
        "comments": ("comment",),
        "rating_min": 1,
        "rating_max": 5,
    }


def _other_prompt(fields: Mapping[str, Any]) -> str | None:
    """The only field that Argilla's datasets also call the prompt, if no usual name is there."""
    if any(fields.get(name) is not None for name in _USUAL_PROMPTS):
        return None
    found = [name for name in _OTHER_PROMPTS if fields.get(name) is not None]
    return found[0] if len(found) == 1 else None


def _response(value: Any, name: str) -> Response:
    turns = messages(value, "assistant", name)
    if not turns:
        raise UnusableError("no answer", f"{name} is an empty list of messages")
    return Response(turns)


def _answers(row: Mapping[str, Any]) -> tuple[Answer, ...]:
    try:
        return entry_of(row).answers
    except UnusableError:
        return ()


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)
