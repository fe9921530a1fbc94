"""One file per topic; filters mark, they do not delete."""

TABLE = {
    "empty_sides": "prefkit.filters.sides:EmptySides",
    "identical_sides": "prefkit.filters.sides:IdenticalSides",
    "turns": "prefkit.filters.turns:Turns",
    "margin": "prefkit.filters.margin:Margin",
    "margin_quantile": "prefkit.filters.margin:MarginQuantile",
    "probability": "prefkit.filters.margin:Probability",
    "agreement": "prefkit.filters.votes:Agreement",
    "votes": "prefkit.filters.votes:Votes",
    "length": "prefkit.filters.length:Length",
    "length_ratio": "prefkit.filters.length:LengthRatio",
    "length_difference": "prefkit.filters.length:LengthDifference",
    "duplicates": "prefkit.filters.duplicates:Duplicates",
    "where": "prefkit.filters.where:Where",
    "python": "prefkit.filters.python:Python",
}
