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
LAUNCHES, EAGER_LAYER = 3e-3, 5e-4
"""Seconds of a drawn token that no size explains: launches, the scheduler, drawing; and, in transformers' ``generate``,
of each layer, whose kernels are started one by one."""
MOST_AT_ONCE = 256
"""Completions that a copy of the sampler draws at once: vLLM's limit by default in many releases."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds of one step, by its parts (0 for what is drawn elsewhere); ``at_once``: completions that a copy draws."""

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
    at_once, sampling = 0.0, 0.0
    if setup.sampler == "engine":
        at_once, sampling = _engine(config, setup, memory, card, length)
    elif setup.sampler == "generate":
        at_once, sampling = _generate(config, setup, card)
    computed = setup.rows * (PROMPT_TOKENS + (setup.cap if setup.padded else length))
    reference = setup.reference_bytes > 0
    passes = 3 + setup.recomputed + 1 + reference  # there and back, again, the sampler's check, the reference
    flops = passes * computed * forward_flops(config, (PROMPT_TOKENS + length) / 2)
    return StepTime(sampling, flops / (setup.gpus * card.flops * UTILISATION), at_once)


def _engine(
    config: DecoderConfig, setup: Setup, memory: Memory, card: Card, length: float
) -> tuple[float, float]:
    """Completions at once, and seconds: another one begins where one ends, and the longest ends alone."""
    parallel = setup.tensor_parallel
    rows = setup.rows * parallel / setup.gpus
    context = PROMPT_TOKENS + length / 2
    at_once = max(1.0, min(rows, memory.cache_tokens / context, MOST_AT_ONCE))
    full = _drawn_token(config, parallel, card, at_once, context) + LAUNCHES
    alone = _drawn_token(config, parallel, card, 1, context) + LAUNCHES
    return at_once, full * rows * length / at_once + alone * max(0.0, setup.cap - length)


def _generate(config: DecoderConfig, setup: Setup, card: Card) -> tuple[float, float]:
    """Likewise with transformers: all of a GPU's completions together, until the longest has ended."""
    rows = setup.rows / setup.gpus
    token = _drawn_token(config, 1, card, rows, PROMPT_TOKENS + setup.cap / 2)
    return rows, setup.cap * (token + LAUNCHES + EAGER_LAYER * config.num_layers)


def _drawn_token(config: DecoderConfig, parallel: int, card: Card, at_once: float, context: float) -> float:
    """Seconds in which each of the completions under way grows by one token."""
    read = (2 * config.parameters + at_once * context * kv_bytes(config)) / (card.bandwidth * READING)
    computed = at_once * forward_flops(config, context) / (card.flops * UTILISATION)
    return max(read, computed) / parallel
