"""A tiny chat model and a tiny reward model, made on the spot: real files, nothing fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHATML = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
    "{%- if think %}{{- '<|think|>' }}{%- endif %}"
)

WORDS = (
    "The river runs past the old mill, and the bridge opens at seven.",
    "Why does bread rise? Because yeast makes gas, and gluten holds it.",
    "system user assistant question answer better worse winner score reason",
    '{"winner": "A", "score": 1, "reason": "shorter and to the point"}',
    "def add(left, right):\n    return left + right\n",
    "Grüße aus Köln, à bientôt, 日本語もあります.",
)
"""What the vocabulary is trained on."""

CONTEXT = 512
"""Tokens that the models can read."""


def save_chat_model(folder: Path, *, seed: int = 0, context: int = CONTEXT) -> Path:
    """A Qwen2 of 0.2 million random weights with tokenizer and ChatML template."""
    import torch
    from transformers import Qwen2ForCausalLM

    tokenizer = _tokenizer()
    torch.manual_seed(seed)
    config = _config(tokenizer, context=context)
    model = Qwen2ForCausalLM(config).to(torch.float32)
    return _save(folder, model, tokenizer)


def save_reward_model(folder: Path, *, seed: int = 0, labels: int = 1) -> Path:
    """The same as a sequence classifier, whose one label is a reward."""
    import torch
    from transformers import Qwen2ForSequenceClassification

    tokenizer = _tokenizer()
    torch.manual_seed(seed)
    config = _config(tokenizer, num_labels=labels)
    model = Qwen2ForSequenceClassification(config).to(torch.float32)
    return _save(folder, model, tokenizer)


def _save(folder: Path, model: Any, tokenizer: Any) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _config(tokenizer: Any, *, context: int = CONTEXT, **more: Any) -> Any:
    """Weights wide enough that log-probs differ by whole nats, so that a mix-up shows."""
    from transformers import Qwen2Config

    return Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=context,
        initializer_range=0.2,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **more,
    )


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    engine.train_from_iterator(
        WORDS * 4,
        trainers.BpeTrainer(
            vocab_size=480,
            special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|think|>"],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=engine,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHATML,
        model_max_length=CONTEXT,
    )
