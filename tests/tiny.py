"""A tiny model and recipe that several test files build on."""

from __future__ import annotations

import torch

from leadline.model import Decoder, DecoderConfig

EOS = 1
VOCABULARY = 12


def tiny_decoder(seed: int = 0, **changes: object) -> Decoder:
    """Two layers over twelve tokens, with weights large enough for peaked distributions."""
    shape = {
        "vocab_size": VOCABULARY,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_layers": 2,
        "num_heads": 2,
        "num_kv_heads": 1,
        "head_dim": 8,
    }
    config = DecoderConfig(**(shape | changes))  # type: ignore[arg-type]
    return Decoder(config).initialise(torch.Generator().manual_seed(seed), scale=0.4)


TINY_RECIPE = """
name: tiny
threads: 1
model: {hidden_size: 32, intermediate_size: 48, num_layers: 1, num_heads: 2, initial_scale: 0.05}
data: {world: {name: chain, steps: [1, 2]}}
sft: {steps: 4, batch_size: 8, checkpoint_every: 2}
rl: {steps: 4, prompts: 4, group_size: 4, max_tokens: 24, checkpoint_every: 2, samples_every: 2, validate_every: 2,
     validation_problems: 4}
arms:
  grpo: {advantage: grpo, rewards: {accuracy: 1.0, format: 0.3}}
  lead: {advantage: lead, rewards: {accuracy: 1.0, format: 0.3}}
evaluation: {problems: 8, samples: 4, ks: [1, 4]}
"""
