"""How a batch of completions is cut into micro-batches: few tokens, pads included where they are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from leadline.model import DecoderConfig
from leadline.model.packing import Packing

__all__ = ["cut_rows", "micro_batches", "tokens_in_memory"]

_CACHED = 2048  # tokens whose activations stay in a CPU's caches from one operation to the next
_OVERHEAD = 128  # tokens that could be computed in the time that a micro-batch takes beside its tokens
# That a micro-batch of a large model may take on a CPU, beside its weights and optimiser.
_ACTIVATION_BYTES = 1.5e9


def tokens_in_memory(shape: DecoderConfig) -> int:
    """How many computed tokens a micro-batch of this model may have for its activations to fit (1.5 GB, float32).

    >>> tokens_in_memory(DecoderConfig())  # a small one is bounded by its caches before
    37560
    """
    layer = 8 * shape.hidden_size + 4 * shape.intermediate_size
    return int(_ACTIVATION_BYTES / (4 * (shape.num_layers * layer + 3 * shape.vocab_size)))


def micro_batches(lengths: Tensor, owner: Tensor, prompt_lengths: Tensor, budget: int) -> list[Tensor]:
    """Split rows into micro-batches of at most ``budget`` computed tokens (a single row may exceed it).

    On a CPU pads are not computed (:class:`leadline.model.packing.Packing`), so that whole groups, whose prompt is then
    computed once, cost least. On a GPU sorting rows by length instead wastes fewer pads: both are tried.

    Args:
        lengths: ``[R]`` completion tokens of every row.
        owner: ``[R]`` prompt of every row.
        prompt_lengths: ``[N]`` tokens of every prompt.
        budget: computed tokens a micro-batch, prompts included; a CPU takes fewer, for its caches' sake.

    Returns:
        row indices of every micro-batch, longest first, so that the peak of memory comes at once and not late.
    """
    sizes, owners, prompts = lengths.tolist(), owner.tolist(), prompt_lengths.tolist()
    packs = Packing.serves(lengths.device)
    if packs:
        budget = min(budget, _CACHED)
    return [
        torch.tensor(rows, device=lengths.device) for rows in cut_rows(sizes, owners, prompts, budget, packs)
    ]


def cut_rows(
    sizes: Sequence[int], owners: Sequence[int], prompts: Sequence[int], budget: int, packs: bool
) -> list[list[int]]:
    """:func:`micro_batches` on lists; ``packs`` says that pads are not computed."""
    longest = dict.fromkeys(owners, 0)
    for row, size in enumerate(sizes):
        longest[owners[row]] = max(longest[owners[row]], size)
    by_group = sorted(range(len(sizes)), key=lambda row: (-longest[owners[row]], owners[row], row))
    if packs:
        return [batch.rows for batch in _cut(by_group, sizes, owners, prompts, budget, _Packed)]
    by_length = sorted(range(len(sizes)), key=lambda row: (-sizes[row], owners[row], row))
    plans = [_cut(order, sizes, owners, prompts, budget, _Padded) for order in (by_length, by_group)]
    return [
        batch.rows
        for batch in min(plans, key=lambda batches: sum(batch.cost + _OVERHEAD for batch in batches))
    ]


@dataclass
class _Padded:
    """Rows that are computed together: completions padded to the longest, the prompts they use likewise, each once."""

    rows: list[int] = field(default_factory=list)
    prompts: set[int] = field(default_factory=set)
    widest: int = 0
    widest_prompt: int = 0

    @property
    def cost(self) -> int:
        return len(self.rows) * self.widest + len(self.prompts) * self.widest_prompt

    def cost_with(self, size: int, prompt: int, prompt_size: int) -> int:
        prompts = len(self.prompts) + (prompt not in self.prompts)
        return (len(self.rows) + 1) * max(self.widest, size) + prompts * max(self.widest_prompt, prompt_size)

    def add(self, row: int, size: int, prompt: int, prompt_size: int) -> None:
        self.rows.append(row)
        self.prompts.add(prompt)
        self.widest = max(self.widest, size)
        self.widest_prompt = max(self.widest_prompt, prompt_size)


@dataclass
class _Packed:
    """Rows that are computed together without pads."""

    rows: list[int] = field(default_factory=list)
    prompts: set[int] = field(default_factory=set)
    cost: int = 0

    def cost_with(self, size: int, prompt: int, prompt_size: int) -> int:
        return self.cost + size + (0 if prompt in self.prompts else prompt_size)

    def add(self, row: int, size: int, prompt: int, prompt_size: int) -> None:
        self.cost = self.cost_with(size, prompt, prompt_size)
        self.rows.append(row)
        self.prompts.add(prompt)


_Batch = TypeVar("_Batch", _Padded, _Packed)


def _cut(
    order: Sequence[int],
    sizes: Sequence[int],
    owners: Sequence[int],
    prompts: Sequence[int],
    budget: int,
    kind: type[_Batch],
) -> list[_Batch]:
    batches: list[_Batch] = []
    for row in order:
        prompt = owners[row]
        if not batches or batches[-1].cost_with(sizes[row], prompt, prompts[prompt]) > budget:
            batches.append(kind())
        batches[-1].add(row, sizes[row], prompt, prompts[prompt])
    return batches
