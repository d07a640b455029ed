"""Whether the trainer gives the tokens the probabilities that the sampler said: importance ratios before an update."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["Agreement"]

_ROUNDING = 1e-2
"""Log-ratios of whole completions below this are arithmetic, not another policy."""


@dataclass
class Agreement:
    """Collects the tokens of a step, micro-batch by micro-batch."""

    _new: list[Tensor] = field(default_factory=list)
    _old: list[Tensor] = field(default_factory=list)
    _rows: list[Tensor] = field(default_factory=list)
    _lengths: list[Tensor] = field(default_factory=list)

    def add(self, logp: Tensor, old_logp: Tensor, rows: Tensor, lengths: Tensor) -> None:
        """Tokens ``[N]`` of one micro-batch, the row of each, and the rows' lengths."""
        self._new.append(logp.detach())
        self._old.append(old_logp)
        ratio = logp.detach() - old_logp
        self._rows.append(ratio.new_zeros(len(lengths)).index_add_(0, rows, ratio))
        self._lengths.append(lengths)

    def metrics(self) -> dict[str, float | None]:
        """``logp_gap``, ``logp_agreement``, ``ratio_length``; empty when no token was seen."""
        if not self._new:
            return {}
        new, old = torch.cat(self._new), torch.cat(self._old)
        ratio = torch.cat(self._rows)
        drifts = bool(ratio.abs().max() > _ROUNDING)
        return {
            "logp_gap": float((new - old).abs().mean()),
            "logp_agreement": correlation(new, old),
            "ratio_length": correlation(ratio, torch.cat(self._lengths)) if drifts else None,
        }


def correlation(a: Tensor, b: Tensor) -> float | None:
    """Pearson's; None where one of them does not vary."""
    a, b = a.double() - a.double().mean(), b.double() - b.double().mean()
    spread = float(a.norm() * b.norm())
    return float(a @ b) / spread if spread > 0 else None
