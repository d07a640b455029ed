"""Seconds of one step: what is drawn is bound by reading memory, what is learnt by arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.model.config import DecoderConfig
from leadline.runs.gpu_needs.cards import Card
from leadline.runs.gpu_needs.memory import Memory, kv_bytes
from leadline.runs.gpu_needs.setup import PROMPT_TOKENS, Setup

__all__ = ["StepTime", "forward_flops", "step_time"]

UTILISATION = 0.4
"""Of a card's arithmetic, in passes over whole sequences: what well-kept trainers report (0.35 to 0.55)."""
READING = 0.6
"""Of a card's bandwidth, while tokens are drawn one by one."""
LAUNCHES = 3e-3
"""Seconds of a drawn token that no size explains: launches, the scheduler, drawing."""
MOST_AT_ONCE = 256
"""Completions that a copy of the sampler draws at once: vLLM's limit by default in many releases."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds of one step, by its parts; ``at_once``: completions that a copy of the sampler holds at a time."""

    sampling: float
    learning: float
    at_once: float

    @property
    def total(self) -> float:
        return self.sampling + self.learning


def forward_flops(config: DecoderConfig, context: float) -> float:
    """Operations of one token in a forward pass, when so many tokens stand before it."""
    products = config.num_layers * config.layer_parameters + config.vocab_size * config.hidden_size
    return 2 * products + 4 * config.num_layers * config.attention_width * context


def step_time(config: DecoderConfig, setup: Setup, memory: Memory, card: Card, length: float) -> StepTime:
    """Of one step.

    Args:
        config: of the model.
        setup: how it is spread.
        memory: on such a card.
        length: of a completion, tokens in the mean.
    """
    at_once, sampling = _sampling(config, setup, memory, card, length)
    computed = setup.rows * (PROMPT_TOKENS + (setup.cap if setup.padded else length))
    passes = (
        3 + setup.recomputed + 1 + setup.reference
    )  # there and back, again, the sampler's check, the reference
    flops = passes * computed * forward_flops(config, (PROMPT_TOKENS + length) / 2)
    return StepTime(sampling, flops / (setup.gpus * card.flops * UTILISATION), at_once)


def _sampling(
    config: DecoderConfig, setup: Setup, memory: Memory, card: Card, length: float
) -> tuple[float, float]:
    """Completions at once, and seconds; the longest one goes on alone at the end."""
    parallel = setup.tensor_parallel
    rows = setup.rows * parallel / setup.gpus
    context = PROMPT_TOKENS + length / 2
    room = memory.cache_tokens / context if memory.cache_tokens else rows
    at_once = max(1.0, min(rows, room, MOST_AT_ONCE))
    full = _drawn_token(config, parallel, card, at_once, context)
    alone = _drawn_token(config, parallel, card, 1, context)
    return at_once, full * rows * length / at_once + alone * max(0.0, setup.cap - length)


def _drawn_token(config: DecoderConfig, parallel: int, card: Card, at_once: float, context: float) -> float:
    """Seconds in which each of the completions under way grows by one token."""
    read = (2 * config.parameters + at_once * context * kv_bytes(config)) / (card.bandwidth * READING)
    computed = at_once * forward_flops(config, context) / (card.flops * UTILISATION)
    return max(read, computed) / parallel + LAUNCHES
