"""Bytes on one GPU: one formula a function."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.model.config import DecoderConfig
from leadline.runs.gpu_needs.setup import PROMPT_TOKENS, Setup

__all__ = ["Memory", "activation_bytes", "kv_bytes", "logit_bytes", "memory_on", "state_bytes"]

OVERHEAD = 2.5e9
"""CUDA's context, the libraries' work space, NCCL's buffers."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on each GPU at the fullest moment of an update and of sampling.

    Attributes:
        states: weights, gradients and Adam's moments; the reference model.
        copies: weights brought together for the layers under way (ZeRO-3, FSDP), or in bfloat16 (autocast).
        activations: what the backward pass needs of a micro-batch.
        logits: what a micro-batch's logits take, with their gradients.
        sampler: what drawing takes besides: an engine's share, or the cache of transformers' ``generate``.
        cache_tokens: tokens of keys and values for which one copy of an engine has room.
        learning, sampling: sums.
    """

    states: float
    copies: float
    activations: float
    logits: float
    sampler: float
    cache_tokens: float
    learning: float
    sampling: float

    @property
    def peak(self) -> float:
        return max(self.learning, self.sampling)


def state_bytes(parameters: float, gpus: int, stage: int, *, moments: bool = True) -> float:
    """Weights, gradients and Adam's states in mixed precision: 2 + 2 + 12 bytes a parameter, split as ZeRO does.

    arXiv 1910.02054, figure 1. float32 weights under autocast come to the same: 4 + 4 + 8. Without ``moments`` those
    stay in the computer's memory.

    >>> [round(state_bytes(7.5e9, 64, stage) / 1e9, 1) for stage in range(4)]  # the paper's figures
    [120.0, 31.4, 16.6, 1.9]
    """
    parts = (2, 2, 12 if moments else 0)
    split = {0: (1, 1, 1), 1: (1, 1, gpus), 2: (1, gpus, gpus), 3: (gpus, gpus, gpus)}[stage]
    return parameters * sum(part / by for part, by in zip(parts, split, strict=True))


def activation_bytes(config: DecoderConfig) -> float:
    """What torch keeps of one token in one layer for the backward pass, with attention that keeps no scores.

    As transformers writes the layer in bfloat16: norms in float32 inside, inputs of every product, queries, keys,
    values, the gate's parts. Equal to what torch saves (``tests/runs/test_gpu_needs.py``).
    """
    small = 4 * config.num_heads + 8  # attention's log-sums, two norms' roots
    return 20 * config.hidden_size + 4 * config.kv_width + 8 * config.intermediate_size + small


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
    split = setup.gpus if setup.stage == 3 else 1
    states = _states(config, setup) + config.parameters * setup.reference_bytes / split
    copies = _copies(config, setup)
    activations = _activations(config, setup)
    logits = logit_bytes(config, setup.micro_tokens, tiled=setup.tiled)
    update = states + copies + activations + logits + OVERHEAD
    if setup.sampler == "elsewhere":
        return Memory(states, copies, activations, logits, 0.0, 0.0, update, 0.0)
    if setup.sampler == "generate":
        cache = setup.rows / setup.gpus * (PROMPT_TOKENS + setup.cap) * kv_bytes(config)
        whole = 2 * config.parameters if split > 1 else copies  # TRL brings all weights together to generate
        return Memory(
            states, copies, activations, logits, cache, 0.0, update, states + whole + cache + OVERHEAD
        )
    share = setup.share * card_memory
    room = setup.tensor_parallel * (share - OVERHEAD) - 2 * config.parameters
    drawing = share + states * setup.beside / 16
    return Memory(
        states, copies, activations, logits, share, max(0.0, room / kv_bytes(config)),
        update + (share if setup.sampler_stays else 0.0), drawing,
    )  # fmt: skip


def _states(config: DecoderConfig, setup: Setup) -> float:
    states = state_bytes(config.parameters, setup.gpus, setup.stage, moments=not setup.moments_away)
    buckets = setup.autocast and setup.gpus > 1  # of DistributedDataParallel, as large as the gradients
    return states + 4 * config.parameters * buckets


def _copies(config: DecoderConfig, setup: Setup) -> float:
    if setup.autocast:
        return 2 * config.parameters
    if setup.stage == 3 and setup.gpus > 1:  # the layer under way and the next one
        return 2 * 2 * max(config.layer_parameters, config.vocab_size * config.hidden_size)
    return 0.0


def _activations(config: DecoderConfig, setup: Setup) -> float:
    """Of a micro-batch: all layers, or their inputs and one layer whole where activations are computed again."""
    layer = activation_bytes(config)
    if not setup.recomputed:
        return setup.micro_tokens * config.num_layers * layer
    stream = (4 if setup.autocast else 2) * config.hidden_size
    return setup.micro_tokens * (config.num_layers * stream + layer)
