"""Supervised fine-tuning: the log-likelihood of completions, prompts masked out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from leadline.engine.optimiser import Optimiser, Outcome
from leadline.model import Decoder, selected_logprobs

__all__ = ["Example", "supervised_step"]


class Example(NamedTuple):
    """Token ids of a prompt and of the completion to learn, end-of-sequence included."""

    prompt: list[int]
    completion: list[int]


def supervised_step(
    model: Decoder, optimiser: Optimiser, examples: Sequence[Example], *, step: int, micro_tokens: int
) -> tuple[float, Outcome]:
    """One optimiser step on the mean negative log-likelihood a completion token; returns it with the step's outcome."""
    total = sum(len(example.completion) for example in examples)
    loss = 0.0
    for batch in _micro_batches(examples, micro_tokens):
        share = -_log_likelihood(model, batch) / total
        share.backward()  # type: ignore[no-untyped-call]
        loss += float(share.detach())
    return loss, optimiser.step(step, loss)


def _micro_batches(examples: Sequence[Example], budget: int) -> list[list[Example]]:
    """Sorted by length, at most ``budget`` padded tokens each: neighbours are of like length, so few are pads."""
    batches: list[list[Example]] = []
    for example in sorted(examples, key=_size, reverse=True):
        if (
            not batches
            or (len(batches[-1]) + 1) * _size(batches[-1][0]) > budget
            or _wasteful(batches[-1], example)
        ):
            batches.append([])
        batches[-1].append(example)
    return batches


def _wasteful(batch: Sequence[Example], example: Example) -> bool:
    """A row under two thirds of the longest would be mostly pads; a batch of 16 rows keeps the matrix product busy."""
    return len(batch) >= 16 and _size(example) * 3 < _size(batch[0]) * 2


def _size(example: Example) -> int:
    return len(example.prompt) + len(example.completion)


def _log_likelihood(model: Decoder, batch: Sequence[Example]) -> Tensor:
    """Summed log-probability of a micro-batch's completion tokens; pads stand behind, where causality hides them."""
    width = max(map(_size, batch))
    tokens = torch.zeros(len(batch), width, dtype=torch.long)
    target = torch.zeros(len(batch), width - 1, dtype=torch.bool)
    for row, (prompt, completion) in enumerate(batch):
        tokens[row, : len(prompt) + len(completion)] = torch.tensor(prompt + completion)
        target[row, len(prompt) - 1 : len(prompt) + len(completion) - 1] = True
    tokens, target = tokens.to(model.device), target.to(model.device)
    hidden, _ = model(tokens[:, :-1])
    return selected_logprobs(hidden[target], model.lm_head.weight, tokens[:, 1:][target]).sum()
