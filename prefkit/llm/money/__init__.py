"""What asking costs: prices, an estimate before, a hard budget meanwhile."""
