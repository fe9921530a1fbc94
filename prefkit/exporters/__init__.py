"""The way out: split, one writer per trainer or annotation tool, verification."""

TABLE = {
    "trl": "prefkit.exporters.trl:TrlWriter",
    "label_studio": "prefkit.exporters.label_studio:LabelStudioTasks",
    "argilla": "prefkit.exporters.argilla:ArgillaTasks",
}
