"""Pairing policies: which responses of a comparison become pairs."""

TABLE = {
    "as_voted": "prefkit.pairing.as_voted:AsVoted",
    "best_worst": "prefkit.pairing.best_worst:BestWorst",
    "best_random": "prefkit.pairing.best_random:BestRandom",
    "adjacent": "prefkit.pairing.adjacent:Adjacent",
    "all": "prefkit.pairing.every:Every",
    "code": "prefkit.pairing.code:Code",
    "threshold": "prefkit.pairing.threshold:Threshold",
    "unpaired": "prefkit.pairing.unpaired:Unpaired",
}
