"""Drawing one token a row, by one uniform number a row."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["draw_tokens", "noise"]

_BLOCK = 128  # entries whose sum stands for them until the block is found that the number falls into


def noise(rows: int, tokens: int, generator: torch.Generator) -> Tensor:
    """``[rows, tokens]`` uniform numbers in [0, 1): a row's own, whatever else is in the batch and whoever has left."""
    return torch.rand(rows, tokens, dtype=torch.float64, device=generator.device, generator=generator)


def draw_tokens(logits: Tensor, temperature: float, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """One token a row from ``logits [B, V]``, and its log-probability in nats; temperature 0 takes the likeliest.

    The token is the first whose cumulative probability exceeds the row's number in ``uniform [B]``.
    """
    logits = logits.float()
    if temperature == 0:
        logprobs = logits.log_softmax(-1)
        token = logprobs.argmax(-1)
        return token, logprobs.gather(1, token[:, None])[:, 0]
    probabilities = (logits if temperature == 1 else logits / temperature).softmax(-1)
    token = _first_above(probabilities, uniform)
    return token, probabilities.gather(1, token[:, None])[:, 0].log()


def _first_above(weights: Tensor, uniform: Tensor) -> Tensor:
    """Index in each row of ``weights [B, V]`` at which the running sum first exceeds ``uniform`` times the row's sum.

    Sums of blocks first, then the entries of one block: a running sum over a whole vocabulary is slow everywhere and
    in float32 loses the rare tokens. An entry of weight 0 is never taken.

    >>> _first_above(torch.tensor([[0.0, 1.0, 0.0, 3.0, 0.0]]).expand(4, 5), torch.tensor([0.0, 0.2, 0.25, 0.999]))
    tensor([1, 1, 3, 3])
    """
    size = weights.shape[1]
    whole = size // _BLOCK * _BLOCK
    sums = weights[:, :whole].reshape(len(weights), -1, _BLOCK).sum(-1)
    if whole < size:
        sums = torch.cat((sums, weights[:, whole:].sum(-1, keepdim=True)), 1)
    block, rest = _locate(sums.double(), uniform.double()[:, None])
    places = block * _BLOCK + torch.arange(_BLOCK, device=weights.device)
    entries = weights.gather(1, places.clamp(max=size - 1)).double().masked_fill(places >= size, 0.0)
    inside, _ = _locate(entries, rest)
    return (block * _BLOCK + inside)[:, 0]


def _locate(weights: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Where the running sum of ``weights [B, n]`` first exceeds ``share [B, 1]`` of the total.

    The index ``[B, 1]``, and what share of that entry's own weight lies below.
    """
    edges = weights.cumsum(-1)
    target = share * edges[:, -1:]
    # rounding may put the target on the total itself: the last entry that has any weight then takes it
    last = (edges < edges[:, -1:]).sum(-1, keepdim=True).clamp(max=weights.shape[1] - 1)
    index = torch.minimum((edges <= target).sum(-1, keepdim=True), last)
    below = F.pad(edges, (1, 0)).gather(1, index)
    return index, ((target - below) / weights.gather(1, index)).clamp(0.0, 1.0)
