"""Random generators that depend only on what they are for, never on what was drawn before.

A step's randomness is a function of (seed, purpose, step): so a resumed run continues bit for bit without any generator
being saved, an arm does not depend on the arms before it, and two arms see the same problems in the same order.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["endless_order", "python_rng", "torch_rng"]


def _seed(*purpose: int | str) -> int:
    digest = hashlib.sha256("/".join(map(str, purpose)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def python_rng(*purpose: int | str) -> random.Random:
    """A ``random.Random`` for this purpose, e.g. ``python_rng(seed, "problems", step)``."""
    return random.Random(_seed(*purpose))


def torch_rng(*purpose: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A ``torch.Generator`` for this purpose."""
    import torch  # here, so that what draws with ``random`` only does not wait for torch

    return torch.Generator(device=device).manual_seed(_seed(*purpose))


def endless_order(size: int, first: int, count: int, *purpose: int | str) -> list[int]:
    """Places ``first``, ``first + 1``, ... of an endless row of shuffled epochs over ``size`` things.

    No cursor to save, and nothing to replay.

    >>> sorted(endless_order(3, 0, 3, "e")), endless_order(3, 0, 6, "e")[4:] == endless_order(3, 4, 2, "e")
    ([0, 1, 2], True)
    """
    taken: list[int] = []
    while len(taken) < count:
        epoch, start = divmod(first + len(taken), size)
        order = list(range(size))
        python_rng(*purpose, "epoch", epoch).shuffle(order)
        taken += order[start : start + count - len(taken)]
    return taken
