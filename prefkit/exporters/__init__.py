"""The way out: split, one writer per trainer, verification."""

TABLE = {
    "trl": "prefkit.exporters.trl:TrlWriter",
}
