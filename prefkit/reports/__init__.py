"""From a dataset to numbers: judges audited, panels, win rates; every number in one document."""
