"""Responses whose order is known: recipes make them, casters vote on them; one file each."""

TABLE = {
    "code": "prefkit.collectors.synthetic.code:Code",
    "sample": "prefkit.collectors.synthetic.sample:Sample",
    "contrast": "prefkit.collectors.synthetic.contrast:Contrast",
    "corrupt": "prefkit.collectors.synthetic.corrupt:Corrupt",
    "failures": "prefkit.collectors.synthetic.failures:Failures",
    "revise": "prefkit.collectors.synthetic.revise:Revise",
    "answers": "prefkit.collectors.synthetic.answers:Answers",
    "best_of": "prefkit.collectors.synthetic.best_of:BestOf",
}
