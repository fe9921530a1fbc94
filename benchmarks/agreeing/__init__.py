"""Agreement and aggregation: what they take beside libraries that do the same."""
