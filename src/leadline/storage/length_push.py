"""What pushed the length in a step, as a line of ``metrics.jsonl`` tells it: towards short answers is positive."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from leadline.types import finite_number

__all__ = ["LengthPush", "paid_parts"]

_UNPAID = ("accuracy", "answered", "farmed")


class LengthPush(NamedTuple):
    """Being right, the other parts of the reward, and the length term (docs/theory.md 7b); they add up."""

    accuracy: float
    bonus: float
    length: float

    @classmethod
    def of(cls, numbers: Mapping[str, Any], parts: Collection[str]) -> LengthPush | None:
        """Of a line's numbers and the names of its reward parts; None where it does not say.

        An older line has no ``drift_bonus``: what it calls accuracy holds the bonus, and the two cannot be told apart.
        """
        names = ("drift_accuracy", "drift_length_mixed", "drift_length_unanimous")
        accuracy, mixed, unanimous = (finite_number(numbers.get(name)) for name in names)
        bonus = finite_number(numbers.get("drift_bonus"))
        if bonus is None and not paid_parts(parts):
            bonus = 0.0
        if accuracy is None or bonus is None or mixed is None or unanimous is None:
            return None
        return cls(accuracy, bonus, mixed + unanimous)

    @property
    def won(self) -> float:
        """What is left for short answers once the length term is set against being right, with and without the bonus.

        The smaller of the two: a bonus that holds the length term off has not lost, one that helps it is not it.
        """
        return self.accuracy + self.length + min(0.0, self.bonus)


def paid_parts(names: Collection[str]) -> list[str]:
    """Those parts that are paid beside being right."""
    return [name for name in names if name not in _UNPAID]
