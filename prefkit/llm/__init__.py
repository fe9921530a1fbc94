"""Who answers prompts and scores text: one interface, every answer paid once, none lost.

`connect("openai:MODEL")` gives a `Client` with `ask(requests) -> replies` and `score(requests) ->
numbers`. Concurrency, retries, the journal, the budget and batch jobs live behind it and nowhere
else. A new client is one file here and one line in `TABLE`.
"""

TABLE = {
    "openai": "prefkit.llm.openai_chat:OpenAIChat",
    "openai-responses": "prefkit.llm.openai_responses:OpenAIResponses",
    "anthropic": "prefkit.llm.anthropic:Anthropic",
    "server": "prefkit.llm.server:Server",
    "vllm": "prefkit.llm.vllm:VLLM",
    "transformers": "prefkit.llm.transformers:Transformers",
    "replay": "prefkit.llm.replay:Replay",
}
