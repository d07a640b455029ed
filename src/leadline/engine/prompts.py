"""A batch of tokenised prompts, padded on the left so that every row ends at the same column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from leadline.model import Decoder, KeyValues

__all__ = ["Prompts", "prefill"]


@dataclass(frozen=True)
class Prompts:
    """``tokens [N, P]``, pads on the left; ``real [N, P]`` is False on pads."""

    tokens: Tensor
    real: Tensor

    @classmethod
    def pad(cls, sequences: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> Prompts:
        """Left-pad token lists, none of which may be empty."""
        width = max(map(len, sequences))
        tokens = torch.zeros(len(sequences), width, dtype=torch.long)
        real = torch.zeros(len(sequences), width, dtype=torch.bool)
        for row, sequence in enumerate(sequences):
            tokens[row, width - len(sequence) :] = torch.tensor(sequence)
            real[row, width - len(sequence) :] = True
        return cls(tokens.to(device), real.to(device))

    @classmethod
    def joined(cls, parts: Sequence[Prompts]) -> Prompts:
        """All rows of all parts, in order, padded on the left to the widest."""
        width = max(part.tokens.shape[1] for part in parts)
        tokens, real = (
            torch.cat([F.pad(rows, (width - rows.shape[1], 0)) for rows in kind])
            for kind in ([part.tokens for part in parts], [part.real for part in parts])
        )
        return cls(tokens, real)

    @property
    def lengths(self) -> Tensor:
        return self.real.sum(1)

    @property
    def padded(self) -> bool:
        return not bool(self.real.all())

    def select(self, rows: Tensor) -> Prompts:
        """These rows (``[n]`` indices), with the columns that are padding in all of them cut away."""
        tokens, real = self.tokens[rows], self.real[rows]
        first = int(real.any(0).int().argmax())
        return Prompts(tokens[:, first:], real[:, first:])


def prefill(model: Decoder, prompts: Prompts) -> tuple[Tensor, list[KeyValues]]:
    """Run the prompts once: hidden states at their last tokens ``[N, C]``, and the keys and values of all layers."""
    if not prompts.padded:
        hidden, past = model(prompts.tokens)
        return hidden[:, -1], past
    width = prompts.tokens.shape[1]
    positions = (prompts.real.cumsum(1) - 1).clamp(min=0)
    causal = torch.ones(width, width, dtype=torch.bool, device=prompts.tokens.device).tril()
    # A pad may look at itself, because a softmax over nothing is NaN, and NaN would spread through the values.
    itself = torch.eye(width, dtype=torch.bool, device=prompts.tokens.device)
    mask = (causal & prompts.real[:, None, :]) | itself
    hidden, past = model(prompts.tokens, positions, mask=mask[:, None], real=prompts.real)
    return hidden[:, -1], past
