"""One file per verb: its options model and its function."""

TABLE = {
    "collect human": "prefkit.verbs.collect_human:CollectHuman",
    "collect judge": "prefkit.verbs.collect_judge:CollectJudge",
    "collect synthetic": "prefkit.verbs.collect_synthetic:CollectSynthetic",
    "ask": "prefkit.verbs.ask:Ask",
    "pair": "prefkit.verbs.pair:Pair",
    "curate": "prefkit.verbs.curate:Curate",
    "export": "prefkit.verbs.export:Export",
    "verify": "prefkit.verbs.verify:Verify",
    "report": "prefkit.verbs.report:Report",
    "review": "prefkit.verbs.review:Review",
    "apply": "prefkit.verbs.apply:Apply",
    "run": "prefkit.pipeline:Run",
    "show": "prefkit.verbs.show:Show",
    "diff": "prefkit.verbs.diff:Diff",
    "trace": "prefkit.verbs.trace:Trace",
    "catalog": "prefkit.verbs.catalog:Catalog",
    "doctor": "prefkit.verbs.doctor:Doctor",
}
