"""A padded batch without its pads, for work that is done token by token."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Packing"]

_WORTH = 0.05  # share of pads from which the copies cost less than the products that they save


class Packing:
    """Where the tokens of a padded batch stand: B rows of T places, n of which hold a token.

    Products, norms and rotations treat every token by itself, so that they can leave the pads out; attention needs the
    rows again. Gradients flow both ways.

    Args:
        real: ``[B, T]``, True where a token stands.
    """

    def __init__(self, real: Tensor) -> None:
        self.shape = real.shape
        self.places = real.flatten().nonzero()[:, 0]

    @classmethod
    def of(cls, real: Tensor | None) -> Packing | None:
        """None where it is not worth it: few pads, or another device than :meth:`serves` says."""
        if real is None or not cls.serves(real.device) or float(real.float().mean()) > 1 - _WORTH:
            return None
        return cls(real)

    @staticmethod
    def serves(device: torch.device) -> bool:
        """Whether pads are left out there: on a CPU. On a GPU it was not measured."""
        return device.type == "cpu"

    def pack(self, x: Tensor) -> Tensor:
        """``[B, T, ...]`` -> ``[1, n, ...]``.

        >>> packing = Packing(torch.tensor([[True, False], [True, True]]))
        >>> packing.pack(torch.tensor([[1, 0], [2, 3]])).tolist()
        [[1, 2, 3]]
        """
        return x.flatten(0, 1).index_select(0, self.places)[None]

    def unpack(self, x: Tensor) -> Tensor:
        """``[1, n, ...]`` -> ``[B, T, ...]``, zeros at the pads.

        >>> Packing(torch.tensor([[True, False], [True, True]])).unpack(torch.tensor([[1, 2, 3]])).tolist()
        [[1, 0], [2, 3]]
        """
        rows = x.new_zeros(self.shape.numel(), *x.shape[2:])
        return rows.index_copy(0, self.places, x[0]).view(*self.shape, *x.shape[2:])
