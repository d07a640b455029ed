"""How a batch of completions is cut into micro-batches: few pads, each prompt computed as seldom as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from leadline.model import DecoderConfig

__all__ = ["micro_batches", "tokens_in_memory"]

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

    Sorting rows by length wastes fewest pads, and the more so the smaller the micro-batches; keeping groups together
    computes each prompt once; and every micro-batch has a price of its own. Which is cheapest depends on the batch, so
    several plans are made and the one that computes fewest tokens is taken.

    Args:
        lengths: ``[R]`` completion tokens of every row.
        owner: ``[R]`` prompt of every row.
        prompt_lengths: ``[N]`` tokens of every prompt.
        budget: computed tokens a micro-batch, pads and prompts included; a CPU takes fewer, for its caches' sake.

    Returns:
        row indices of every micro-batch, longest first, so that the peak of memory comes at once and not late.
    """
    cpu = lengths.device.type == "cpu"
    if cpu:
        budget = min(budget, _CACHED)
    sizes, owners, prompts = lengths.tolist(), owner.tolist(), prompt_lengths.tolist()
    longest = dict.fromkeys(owners, 0)
    for row, size in enumerate(sizes):
        longest[owners[row]] = max(longest[owners[row]], size)
    by_length = sorted(range(len(sizes)), key=lambda row: (-sizes[row], owners[row], row))
    by_group = sorted(range(len(sizes)), key=lambda row: (-longest[owners[row]], owners[row], row))
    plans = [
        _cut(order, sizes, owners, prompts, budget // share)
        for order in (by_length, by_group)
        for share in ((1, 2, 4) if cpu else (1,))
    ]
    cheapest = min(plans, key=lambda plan: sum(batch.cost + _OVERHEAD for batch in plan))
    return [torch.tensor(batch.rows, device=lengths.device) for batch in cheapest]


@dataclass
class _Batch:
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


def _cut(
    order: Sequence[int], sizes: Sequence[int], owners: Sequence[int], prompts: Sequence[int], budget: int
) -> list[_Batch]:
    plan: list[_Batch] = []
    for row in order:
        prompt = owners[row]
        if not plan or plan[-1].cost_with(sizes[row], prompt, prompts[prompt]) > budget:
            plan.append(_Batch())
        plan[-1].add(row, sizes[row], prompt, prompts[prompt])
    return plan
