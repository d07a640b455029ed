"""Bytes on one GPU: one formula a function."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.model.config import DecoderConfig
from leadline.runs.gpu_needs.setup import Setup

__all__ = ["Memory", "activation_bytes", "kv_bytes", "logit_bytes", "memory_on", "state_bytes"]

OVERHEAD = 2.5e9
"""CUDA's context, the libraries' work space, NCCL's buffers."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on each GPU at the fullest moment of an update and of sampling.

    Attributes:
        states: weights, gradients and Adam's moments; the reference model.
        gathered: weights that ZeRO-3 or FSDP bring together for the layer under way, and the next.
        activations: what the backward pass needs of a micro-batch.
        logits: what a micro-batch's logits take, with their gradients.
        sampler: what the sampler holds, its cache included.
        cache_tokens: tokens of keys and values for which one copy of the sampler has room.
        learning, sampling: sums.
    """

    states: float
    gathered: float
    activations: float
    logits: float
    sampler: float
    cache_tokens: float
    learning: float
    sampling: float

    @property
    def peak(self) -> float:
        return max(self.learning, self.sampling)


def state_bytes(parameters: float, gpus: int, stage: int) -> float:
    """Weights, gradients and Adam's states in mixed precision: 2 + 2 + 12 bytes a parameter, shared as ZeRO does.

    arXiv 1910.02054, figure 1. float32 weights under autocast come to the same: 4 + 4 + 8.

    >>> [round(state_bytes(7.5e9, 64, stage) / 1e9, 1) for stage in range(4)]  # the paper's figures
    [120.0, 31.4, 16.6, 1.9]
    """
    parts = (2, 2, 12)
    shared = {0: (1, 1, 1), 1: (1, 1, gpus), 2: (1, gpus, gpus), 3: (gpus, gpus, gpus)}[stage]
    return parameters * sum(part / by for part, by in zip(parts, shared, strict=True))


def activation_bytes(config: DecoderConfig, *, float32: bool = False) -> float:
    """What torch keeps of one token in one layer for the backward pass, with attention that keeps no scores.

    As transformers writes the layer: norms in float32 inside, inputs of every product, queries, keys, values, the
    gate's parts; float32 where the whole model is. Equal to what torch saves (``tests/runs/test_gpu_needs.py``).
    """
    small = 4 * config.num_heads + 8  # attention's log-sums, two norms' roots
    if float32:
        norms_and_products, kv, gate = 32, 8, 16
    else:
        norms_and_products, kv, gate = 20, 4, 8
    return (
        norms_and_products * config.hidden_size
        + kv * config.kv_width
        + gate * config.intermediate_size
        + small
    )


def kv_bytes(config: DecoderConfig) -> int:
    """Keys and values of one token in bfloat16."""
    return 2 * config.num_layers * config.kv_width * 2


def logit_bytes(config: DecoderConfig, tokens: int, *, tiled: bool) -> float:
    """Of a micro-batch's logits, their copy at temperature, and their gradient, in bfloat16.

    TRL from 1.16 on makes them in tiles of 4,096 tokens by 32,768 entries, with the gradients of the output matrix and
    of what goes into it in float32.
    """
    if not tiled:
        return 3 * 2 * tokens * config.vocab_size
    tile = 2 * 2 * min(tokens, 4096) * min(config.vocab_size, 32_768)
    return tile + 4 * config.hidden_size * (config.vocab_size + tokens)


def memory_on(config: DecoderConfig, setup: Setup, card_memory: float) -> Memory:
    """Of one GPU, by its parts."""
    number, wide = config.parameters, 4 if setup.autocast else 2
    reference = number * wide / (setup.gpus if setup.stage == 3 else 1) if setup.reference else 0.0
    states = state_bytes(number, setup.gpus, setup.stage) + reference
    largest = max(config.layer_parameters, config.vocab_size * config.hidden_size)
    gathered = 2 * 2 * largest if setup.stage == 3 and setup.gpus > 1 else 0.0
    activations = _activations(config, setup, wide)
    logits = logit_bytes(config, setup.micro_tokens, tiled=setup.tiled)
    update = states + gathered + activations + logits + OVERHEAD
    if setup.share is None:
        return Memory(states, gathered, activations, logits, 0.0, 0.0, update, 0.0)
    sampler = setup.share * card_memory
    room = setup.tensor_parallel * (sampler - OVERHEAD) - 2 * number
    beside = 0.0 if setup.offloaded else states
    return Memory(
        states, gathered, activations, logits, sampler, max(0.0, room / kv_bytes(config)),
        update + (sampler if setup.sampler_stays else 0.0), beside + sampler,
    )  # fmt: skip


def _activations(config: DecoderConfig, setup: Setup, wide: int) -> float:
    """Of a micro-batch: all layers, or their inputs and one layer whole where activations are computed again."""
    layer = activation_bytes(config)
    if not setup.recomputed:
        return setup.micro_tokens * config.num_layers * layer
    return setup.micro_tokens * (config.num_layers * wide * config.hidden_size + layer)
