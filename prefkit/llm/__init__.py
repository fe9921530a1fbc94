"""Who answers prompts and scores text: one interface, every answer paid once, none lost.

`connect("openai:MODEL")` gives a `Client` with `ask(requests) -> replies` and `score(requests) ->
numbers`. Concurrency, retries, the journal, the budget and batch jobs live behind it and nowhere
else. A new client is one file and one line in `clients`.
"""
