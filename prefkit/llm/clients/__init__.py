"""One client a file: its wire format or its engine, and nothing of retries, cache or money."""

TABLE = {
    "openai": "prefkit.llm.clients.openai_chat:OpenAIChat",
    "openai-responses": "prefkit.llm.clients.openai_responses:OpenAIResponses",
    "anthropic": "prefkit.llm.clients.anthropic:Anthropic",
    "server": "prefkit.llm.clients.server:Server",
    "vllm": "prefkit.llm.clients.vllm:VLLM",
    "transformers": "prefkit.llm.clients.transformers:Transformers",
    "replay": "prefkit.llm.clients.replay:Replay",
}
