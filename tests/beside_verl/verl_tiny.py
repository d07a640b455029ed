"""A random Llama of 16 words whose guesses are sometimes right, and problems for it."""

from __future__ import annotations

import json
from pathlib import Path

import torch

WORDS = ["<pad>", "<eos>", "<unk>", "user", "assistant", "pick", "a", "number", "Check", "so", ".",
         r"\boxed{1}", r"\boxed{2}", r"\boxed{3}", "1", "2"]  # fmt: skip
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ' ' + message['content'] + ' ' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant ' }}{% endif %}"
)


def save_model(folder: Path, seed: int = 0) -> Path:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, pad_token_id=0, eos_token_id=1, bos_token_id=None,
        tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with (
        torch.no_grad()
    ):  # likes to answer and to stop: groups with right and wrong answers, of several lengths
        push = torch.zeros(len(WORDS))
        push[1], push[11:14] = 2.0, 2.0
        model.model.norm.weight.fill_(1.0)
        direction = torch.ones(32) / 32
        model.model.embed_tokens.weight += 1.0
        model.lm_head.weight += push[:, None] * direction
    model.save_pretrained(folder)
    return folder


def save_problems(path: Path, count: int = 40) -> Path:
    rows = [
        {
            "id": f"p{i}",
            "prompt": "pick a number " + " ".join("12"[i >> b & 1] for b in range(6)),
            "answer": str(i % 3 + 1),
        }
        for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def save_recipe(path: Path, problems: Path) -> Path:
    path.write_text(f"""
name: tiny
backend: verl
data: {{train: {problems}, evaluation_share: 0.2}}
sft: {{method: none}}
rl: {{steps: 2, prompts: 4, group_size: 4, max_tokens: 8, micro_tokens: 128, validate_every: 2, validation_problems: 2,
     samples_every: 1, checkpoint_every: 2, optimiser: {{learning_rate: 1.0e-3}}}}
arms:
  lead: {{advantage: lead, rewards: {{accuracy: 1.0, format: 0.25, reflection: 0.5}}}}
verl:
  nodes: 1
  gpus_per_node: 2
  max_prompt_tokens: 24
  dynamic_sampling: true
  keys:
    actor_rollout_ref.rollout: {{name: cpu_hf, dtype: float32, free_cache_engine: false}}
    actor_rollout_ref.rollout.agent.num_workers: 1
    actor_rollout_ref.model: {{use_remove_padding: false, enable_gradient_checkpointing: false}}
    +actor_rollout_ref.model.override_config.attn_implementation: eager
    actor_rollout_ref.actor: {{use_torch_compile: false}}
    actor_rollout_ref.actor.fsdp_config: {{use_torch_compile: false, dtype: float32}}
    actor_rollout_ref.ref.use_torch_compile: false
    reward.num_workers: 1
    trainer.device: cpu
    data.dataloader_num_workers: 0
    +ray_kwargs.ray_init.num_gpus: 2
    +ray_kwargs.ray_init.include_dashboard: false
    ray_kwargs.ray_init.num_cpus: 16
""")
    return path
