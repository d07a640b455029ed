"""Drawing completions: each prompt is read once for its whole group, and a row that has ended leaves the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from leadline.engine.draw import draw_tokens, noise
from leadline.engine.prompts import Prompts, prefill
from leadline.engine.recorded_decoding import Shape, decoder_for
from leadline.model import Decoder, KeyValueCache
from leadline.model.linear import packed

__all__ = [
    "ROWS_AT_ONCE",
    "Rollouts",
    "SamplingConfig",
    "batches",
    "decode_plainly",
    "decode_rows",
    "sample",
    "sample_many",
]

# Lines of finished rows are filled by moving the last ones there; worth it once a twentieth of the lines is idle.
_IDLE_SHARE = 0.05
# Rows decoded at a time when there are many: beyond a few hundred a CPU gains nothing and the cache only grows.
ROWS_AT_ONCE = 512
# Rows decoded together on a CPU: few enough that their keys and values stay in its caches from step to step, and enough
# to keep the matrix product busy.
_ROWS_IN_CACHE = 512


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

    @classmethod
    def joined(cls, parts: Sequence[Rollouts]) -> Rollouts:
        """All rows of all parts, in order; prompts and completions are padded to the widest."""
        if len(parts) == 1:
            return parts[0]
        counts = [part.prompts.tokens.shape[0] for part in parts]
        owner = [part.owner + sum(counts[:index]) for index, part in enumerate(parts)]
        return cls(
            Prompts.joined([part.prompts for part in parts]),
            torch.cat(owner),
            _stack([part.tokens for part in parts]),
            torch.cat([part.lengths for part in parts]),
            torch.cat([part.finished for part in parts]),
            _stack([part.logprobs for part in parts]),
        )

    def of_prompts(self, kept: Tensor) -> tuple[Rollouts, Tensor]:
        """The rows of the prompts where ``kept [N]`` is True, and which rows these are."""
        rows = kept[self.owner].nonzero()[:, 0]
        owner = (kept.cumsum(0) - 1)[self.owner[rows]]
        prompts = self.prompts.select(kept.nonzero()[:, 0]) if bool(kept.any()) else self.prompts
        fields = (self.tokens, self.lengths, self.finished, self.logprobs)
        tokens, lengths, finished, logprobs = (field[rows] for field in fields)
        return Rollouts(prompts, owner, tokens, lengths, finished, logprobs), rows


def sample(
    model: Decoder,
    prompts: Prompts,
    per_prompt: int,
    config: SamplingConfig,
    *,
    eos: int,
    generator: torch.Generator,
) -> Rollouts:
    """Draw ``per_prompt`` completions of every prompt."""
    uniform = noise(prompts.tokens.shape[0] * per_prompt, config.max_tokens, generator)
    return decode_rows(model, prompts, per_prompt, config, eos, uniform)


@torch.no_grad()
def decode_rows(
    model: Decoder,
    prompts: Prompts,
    per_prompt: int,
    config: SamplingConfig,
    eos: int,
    uniform: Tensor,
) -> Rollouts:
    """The completions that ``uniform [R, T]``, one number a row and token, decides."""
    total, device = prompts.tokens.shape[0], model.device
    size = total if device.type != "cpu" else max(1, _ROWS_IN_CACHE // per_prompt)
    parts = []
    with packed(model, min(total, size) * per_prompt):
        for start in range(0, total, size):
            rows = torch.arange(start, min(start + size, total), device=device)
            part, own = prompts.select(rows), uniform[start * per_prompt : (start + size) * per_prompt]
            if device.type == "cuda":
                shape = Shape.of(part, per_prompt, config.max_tokens, config.temperature, eos)
                parts.append(decoder_for(model, shape).decode(model, part, own))
            else:
                parts.append(decode_plainly(model, part, per_prompt, config, eos, own))
    tokens, logprobs, lengths, finished = zip(*parts, strict=True)
    owner = torch.arange(total, device=device).repeat_interleave(per_prompt)
    return Rollouts(
        prompts,
        owner,
        _stack(tokens),
        torch.cat(lengths),
        torch.cat(finished),
        _stack(logprobs),
    )


def _stack(parts: Sequence[Tensor]) -> Tensor:
    """Rows of all parts, zeros behind the shorter ones."""
    width = max(part.shape[1] for part in parts)
    return torch.cat([F.pad(part, (0, width - part.shape[1])) for part in parts])


def decode_plainly(
    model: Decoder,
    prompts: Prompts,
    per_prompt: int,
    config: SamplingConfig,
    eos: int,
    uniform: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Decode all rows together; gives their tokens and log-probabilities ``[R, T]``, lengths and ends ``[R]``."""
    hidden, past = prefill(model, prompts)
    cache = KeyValueCache(past, per_prompt, config.max_tokens, prompts.real if prompts.padded else None)
    hidden = hidden.repeat_interleave(per_prompt, 0)
    rows, device = hidden.shape[0], hidden.device
    position = prompts.lengths.repeat_interleave(per_prompt)
    tokens = torch.zeros(rows, config.max_tokens, dtype=torch.long, device=device)
    logprobs = torch.zeros(rows, config.max_tokens, device=device)
    lengths = torch.full((rows,), config.max_tokens, device=device)
    batch = torch.arange(rows, device=device)  # the row that each line of the shrinking batch belongs to
    running = torch.ones(rows, dtype=torch.bool, device=device)
    column = 0
    for column in range(config.max_tokens):
        token, logprob = draw_tokens(model.logits(hidden), config.temperature, uniform[batch, column])
        tokens[batch, column] = torch.where(running, token, 0)
        logprobs[batch, column] = torch.where(running, logprob, 0.0)
        ended = running & (token == eos)
        lengths[batch[ended]] = column + 1
        running = running & ~ended
        alive = int(running.sum())
        if not alive or column + 1 == config.max_tokens:
            break
        if alive <= (1 - _IDLE_SHARE) * len(running):
            keep = _without_holes(running)
            cache.keep(keep)
            batch, token, position, running = batch[keep], token[keep], position[keep], running[keep]
        hidden = model.step(token, position + column, cache)
    finished = torch.ones(rows, dtype=torch.bool, device=device)
    finished[batch[running]] = False
    width = column + 1
    return tokens[:, :width], logprobs[:, :width], lengths, finished


def _without_holes(running: Tensor) -> Tensor:
    """The running lines, as many as possible in their places, the last ones in the places of those that ended.

    >>> _without_holes(torch.tensor([True, False, True, False, True])).tolist()
    [0, 4, 2]
    """
    alive = int(running.sum())
    keep = torch.arange(alive, device=running.device)
    keep[~running[:alive]] = alive + running[alive:].nonzero()[:, 0]
    return keep


def sample_many(
    model: Decoder,
    sequences: Sequence[Sequence[int]],
    per_prompt: int,
    config: SamplingConfig,
    *,
    eos: int,
    generator: torch.Generator,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Iterator[tuple[range, Rollouts]]:
    """:func:`sample` over any number of prompts, some hundred rows at a time, in order: (which prompts, rollouts)."""
    for which in batches(len(sequences), per_prompt, rows_at_once):
        prompts = Prompts.pad([sequences[index] for index in which], model.device)
        yield which, sample(model, prompts, per_prompt, config, eos=eos, generator=generator)


def batches(prompts: int, per_prompt: int, rows_at_once: int = ROWS_AT_ONCE) -> Iterator[range]:
    """Prompts in whole groups, in order, as many at a time as make no more than ``rows_at_once`` rows.

    >>> list(batches(3, 4, 8))
    [range(0, 2), range(2, 3)]
    """
    size = max(1, rows_at_once // per_prompt)
    for start in range(0, prompts, size):
        yield range(start, min(start + size, prompts))
