"""Asking on until enough groups have a signal, whoever asks: ``rl.select: refill``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["refill"]

_T = TypeVar("_T")


def refill(candidates: Sequence[_T], wanted: int, ask: Callable[[Sequence[_T]], int]) -> None:
    """Ask in rounds until ``wanted`` groups have a signal, or no candidate is left.

    Each round asks as many as are missing, so that the groups kept are the first so many that have a signal, and never
    one too many: each is a draw from the problems, given that its group has a signal.

    Args:
        candidates: what may be asked, in turn.
        wanted: groups with a signal.
        ask: asks these, and says how many of their groups have one.

    >>> refill([0, 1, 0, 1, 1], 2, lambda part: print(part) or sum(part))
    [0, 1]
    [0]
    [1]
    """
    asked = 0
    while wanted and asked < len(candidates):
        part = candidates[asked : asked + wanted]
        asked += len(part)
        wanted -= ask(part)
