"""How often the intervals of `prefkit.statistics` hold the truth: nominal 95 %, simulated."""
