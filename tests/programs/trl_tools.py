"""A byte-level model with Qwen3's chat template, whose turns are written beforehand: tools without a real tool user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import GRPOConfig
from trl.chat_template_utils import qwen3_chat_template

from leadline.integrations.trl import LeadGRPOTrainer, reward_functions

END = "<|im_end|>"


def tokenizer(template: str = qwen3_chat_template) -> PreTrainedTokenizerFast:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: i for i, letter in enumerate(letters)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<|endoftext|>",
        eos_token=END,
        additional_special_tokens=["<|im_start|>"],
    )
    fast.chat_template = template
    return fast


def model(size: int) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=size, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=4096,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def look_up(key: str) -> str:
    """Look a number up.

    Args:
        key: what to look up.
    """
    return r"Wait, let me check: \boxed{42} " + "x" * 80


class Scripted(LeadGRPOTrainer):
    """Says what stands in ``script``, turn by turn; the same to every prompt."""

    script: list[str]

    def _generate_single_turn(self, prompt_ids: Any, *args: Any, **kwargs: Any) -> Any:
        text = self.script[self.turn]
        self.turn += 1
        ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return [list(ids) for _ in prompt_ids], None

    def _generate(self, prompts: Any) -> Any:
        self.turn = 0
        return super()._generate(prompts)


def trainer(folder: Path, script: list[str], template: str = qwen3_chat_template, **more: Any) -> Scripted:
    words = tokenizer(template)
    functions, weights = reward_functions({"accuracy": 1.0, "format": 0.1, "reflection": 0.1})
    rows = [{"prompt": [{"role": "user", "content": "6 x 7?"}], "answer": "42"}] * 2
    settings = GRPOConfig(
        output_dir=str(folder), use_cpu=True, bf16=False, gradient_checkpointing=False, report_to=[], max_steps=1,
        disable_tqdm=True, save_strategy="no", num_generations=2, per_device_train_batch_size=2,
        max_completion_length=1000, reward_weights=weights,
    )  # fmt: skip
    made = Scripted(
        model=model(len(words)), processing_class=words, reward_funcs=functions, args=settings,
        **{"train_dataset": Dataset.from_list(rows), **more},
    )  # fmt: skip
    made.script = script
    return made
