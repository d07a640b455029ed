"""Chain problems: a three-digit running value and a list of operations to carry out on it, one after another.

``407: a+3 rev c-1`` reads: start from 407, add 3 to the first digit (mod 10), reverse the digits, take 1 from the
last. Every operation is a bijection on the 1,000 values, so that no step can be skipped or guessed away (a guess is
right once in a thousand), and they do not commute: adding to a digit before or after a reversal differs.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["OPERATIONS", "Chain", "Split", "run_chain", "sample_chain", "split_of"]

Digits = tuple[int, int, int]
Split = Literal["train", "valid", "test"]


def _turn(place: int, by: int) -> Callable[[Digits], Digits]:
    def turn(value: Digits) -> Digits:
        digits = list(value)
        digits[place] = (digits[place] + by) % 10
        return digits[0], digits[1], digits[2]

    return turn


OPERATIONS: Mapping[str, Callable[[Digits], Digits]] = MappingProxyType(
    {f"{'abc'[place]}{by:+d}": _turn(place, by) for place in range(3) for by in (-1, 1, 3)}
    | {
        "rot": lambda value: (value[1], value[2], value[0]),
        "rev": lambda value: (value[2], value[1], value[0]),
        "swp": lambda value: (value[1], value[0], value[2]),
    }
)
_NAMES = tuple(OPERATIONS)
# Chosen by hash, so that every process knows the side of a chain without talking: 1/8 test, 1/8 validation.
_SPLITS: tuple[Split, ...] = ("test", "valid", "train", "train", "train", "train", "train", "train")


@dataclass(frozen=True, slots=True)
class Chain:
    """One problem: where it starts and what is done, in order. ``len(operations)`` is its difficulty."""

    start: Digits
    operations: tuple[str, ...]

    @property
    def prompt(self) -> str:
        return f"{_write(self.start)}: {' '.join(self.operations)}\n"

    @property
    def values(self) -> tuple[str, ...]:
        """The running value after every step, as written."""
        return run_chain(self.start, self.operations)

    @property
    def answer(self) -> str:
        return self.values[-1]


def run_chain(start: Digits, operations: tuple[str, ...]) -> tuple[str, ...]:
    """The value after each operation.

    >>> run_chain((4, 0, 7), ("a+3", "rev", "c-1"))
    ('707', '707', '706')
    """
    values, value = [], start
    for name in operations:
        value = OPERATIONS[name](value)
        values.append(_write(value))
    return tuple(values)


def apply(name: str, value: str) -> str:
    """One operation on a written value.

    >>> apply("rot", "407")
    '074'
    """
    return _write(OPERATIONS[name]((int(value[0]), int(value[1]), int(value[2]))))


def split_of(chain: Chain) -> Split:
    """Which side of the split a chain lies on, decided by a hash of its canonical form (decision "Hashes")."""
    digest = hashlib.sha256(chain.prompt.encode()).digest()
    return _SPLITS[digest[0] % len(_SPLITS)]


def sample_chain(rng: random.Random, steps: int, split: Split) -> Chain:
    """Draw a chain of ``steps`` distinct operations from one side of the split.

    Operations within one chain differ, so that every step can be found in the prompt by the one before it. No chain
    ends where it began: repeating the start would otherwise be right in 1.5% of all cases.
    """
    while True:
        start = (rng.randrange(10), rng.randrange(10), rng.randrange(10))
        chain = Chain(start, tuple(rng.sample(_NAMES, steps)))
        if split_of(chain) == split and chain.values[-1] != _write(start):
            return chain


def _write(value: Digits) -> str:
    return "".join(map(str, value))
