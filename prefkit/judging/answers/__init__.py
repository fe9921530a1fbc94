"""Answers held against references by rules: right, wrong, or unsure with its reason.

`check(checker, response, reference)` in `checking` is the way in; each checker is one file.
"""

TABLE = {
    "exact": "prefkit.judging.answers.exact:Exact",
    "number": "prefkit.judging.answers.number:Number",
    "latex": "prefkit.judging.answers.latex:Latex",
    "choice": "prefkit.judging.answers.choice:Choice",
    "json_schema": "prefkit.judging.answers.json_schema:JsonSchema",
    "regex": "prefkit.judging.answers.regex:Regex",
    "instructions": "prefkit.judging.answers.instructions:Instructions",
    "facts": "prefkit.judging.answers.facts:Facts",
}
