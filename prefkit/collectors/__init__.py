"""Where comparisons come from: recorded votes, model judges, synthetic samples."""
