"""Aggregations: how the votes on two responses become one answer."""

TABLE = {
    "majority": "prefkit.pairing.aggregations.majority:Majority",
    "dawid_skene": "prefkit.pairing.aggregations.dawid_skene:DawidSkene",
    "one_coin": "prefkit.pairing.aggregations.one_coin:OneCoin",
    "glad": "prefkit.pairing.aggregations.glad:Glad",
    "mace": "prefkit.pairing.aggregations.mace:Mace",
    "bradley_terry": "prefkit.pairing.aggregations.bradley_terry:BradleyTerry",
    "plackett_luce": "prefkit.pairing.aggregations.plackett_luce:PlackettLuce",
}
