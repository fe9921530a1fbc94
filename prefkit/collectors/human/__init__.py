"""One reader per family of recorded votes."""

TABLE = {
    "label_studio": "prefkit.collectors.human.label_studio:LabelStudio",
    "trl": "prefkit.collectors.human.trl:Trl",
    "columns": "prefkit.collectors.human.columns:Columns",
}
