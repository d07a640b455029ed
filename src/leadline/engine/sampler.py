"""Drawing completions: each prompt is read once for its whole group, and a row that has ended leaves the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from leadline.engine.prompts import Prompts, prefill
from leadline.model import Cache, Decoder

__all__ = ["Rollouts", "SamplingConfig", "sample", "sample_many"]

# Dropping finished rows copies the whole cache, about the price of a step: worth it once a fifth of the rows is idle.
_IDLE_SHARE = 0.2
# Rows decoded at a time when there are many: beyond a few hundred a CPU gains nothing and the cache only grows.
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class SamplingConfig:
    """``temperature`` 0 is greedy; log-probabilities are those of the temperature-scaled distribution."""

    max_tokens: int
    temperature: float = 1.0


@dataclass(frozen=True)
class Rollouts:
    """N prompts with G completions each; row ``r`` answers prompt ``owner[r]``.

    Attributes:
        prompts: the N prompts.
        owner: ``[R]`` prompt of every row.
        tokens: ``[R, T]`` completion tokens, end-of-sequence included, zeros behind.
        lengths: ``[R]`` completion tokens, end-of-sequence included.
        finished: ``[R]`` True where the model ended by itself.
        logprobs: ``[R, T]`` log-probabilities in nats under the distribution that was sampled from, zeros behind.
    """

    prompts: Prompts
    owner: Tensor
    tokens: Tensor
    lengths: Tensor
    finished: Tensor
    logprobs: Tensor

    @property
    def mask(self) -> Tensor:
        """``[R, T]``, True on completion tokens."""
        columns = torch.arange(self.tokens.shape[1], device=self.tokens.device)
        return columns < self.lengths[:, None]


@torch.no_grad()
def sample(
    model: Decoder,
    prompts: Prompts,
    per_prompt: int,
    config: SamplingConfig,
    *,
    eos: int,
    generator: torch.Generator,
) -> Rollouts:
    """Draw ``per_prompt`` completions of every prompt, together."""
    hidden, past = prefill(model, prompts)
    cache = Cache(past, per_prompt, config.max_tokens)
    hidden = hidden.repeat_interleave(per_prompt, 0)
    rows, device = hidden.shape[0], hidden.device
    visible = _visible(prompts, per_prompt, config.max_tokens)
    position = prompts.lengths.repeat_interleave(per_prompt)
    tokens = torch.zeros(rows, config.max_tokens, dtype=torch.long, device=device)
    logprobs = torch.zeros(rows, config.max_tokens, device=device)
    lengths = torch.full((rows,), config.max_tokens, device=device)
    batch = torch.arange(rows, device=device)  # the row that each line of the shrinking batch belongs to
    running = torch.ones(rows, dtype=torch.bool, device=device)
    column = 0
    for column in range(config.max_tokens):
        token, logprob = draw(model.logits(hidden), config.temperature, generator)
        tokens[batch, column] = torch.where(running, token, 0)
        logprobs[batch, column] = torch.where(running, logprob, 0.0)
        ended = running & (token == eos)
        lengths[batch[ended]] = column + 1
        running = running & ~ended
        alive = int(running.sum())
        if not alive or column + 1 == config.max_tokens:
            break
        if alive <= (1 - _IDLE_SHARE) * len(running):
            keep = running.nonzero()[:, 0]
            cache.keep(keep)
            batch, token, position, running = batch[keep], token[keep], position[keep], running[keep]
            visible = None if visible is None else visible[keep]
        mask = None if visible is None else visible[:, : cache.length + 1]
        hidden = model.step(token, position + column, cache, mask)
    finished = torch.ones(rows, dtype=torch.bool, device=device)
    finished[batch[running]] = False
    width = column + 1
    owner = torch.arange(rows, device=device) // per_prompt
    return Rollouts(prompts, owner, tokens[:, :width], lengths, finished, logprobs[:, :width])


def sample_many(
    model: Decoder,
    sequences: Sequence[Sequence[int]],
    per_prompt: int,
    config: SamplingConfig,
    *,
    eos: int,
    generator: torch.Generator,
) -> Iterator[tuple[range, Rollouts]]:
    """:func:`sample` over any number of prompts, some hundred rows at a time, in order: (which prompts, rollouts)."""
    size = max(1, _ROWS_AT_ONCE // per_prompt)
    for start in range(0, len(sequences), size):
        which = range(start, min(start + size, len(sequences)))
        prompts = Prompts.pad([sequences[index] for index in which], model.device)
        yield which, sample(model, prompts, per_prompt, config, eos=eos, generator=generator)


def draw(logits: Tensor, temperature: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One token a row from ``logits [B, V]``, and its log-probability: argmax of Gumbel-perturbed log-probabilities."""
    logits = logits.float()
    if temperature == 0:
        logprobs = logits.log_softmax(-1)
        token = logprobs.argmax(-1)
    else:
        logprobs = (logits / temperature).log_softmax(-1)
        exponential = torch.empty_like(logprobs).exponential_(generator=generator)
        token = (logprobs - exponential.log_()).argmax(-1)
    return token, logprobs.gather(1, token[:, None])[:, 0]


def _visible(prompts: Prompts, per_prompt: int, room: int) -> Tensor | None:
    """``[R, P + room]``: which cached columns each row may look at; None when that is all of them."""
    if not prompts.padded:
        return None
    rows = prompts.real.repeat_interleave(per_prompt, 0)
    return torch.cat((rows, rows.new_ones(rows.shape[0], room)), 1)
