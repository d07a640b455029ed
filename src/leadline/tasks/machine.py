"""Machines: finite states of fixed size and named operations on them; a problem is a state and a program to run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["Machine", "Program", "State"]

State = tuple[int, ...]
Program = tuple[str, ...]


@dataclass(frozen=True)
class Machine:
    """Operations on tuples of symbols ``0 .. symbols - 1``; every operation keeps the size of its state.

    Attributes:
        name: under which a study finds it again in another process.
        symbols: size of the alphabet (m); an answer of size L is one of m^L strings.
        operations: name -> operation. Bijections, so that no step of a program can be skipped or guessed away.
    """

    name: str
    symbols: int
    operations: Mapping[str, Callable[[State], State]] = field(compare=False)

    def run(self, state: State, program: Program) -> State:
        """The state after the program's operations, first to last."""
        for name in program:
            state = self.operations[name](state)
        return state

    def states(self, size: int) -> Iterator[State]:
        """All ``symbols ** size`` states, in counting order."""
        return itertools.product(range(self.symbols), repeat=size)

    def programs(self, depth: int) -> tuple[Program, ...]:
        """All programs of ``depth`` operations in which no operation follows itself directly.

        Repeats are left out because a reversal done twice is nothing done: it would hide depth behind a shortcut.
        """
        every = itertools.product(self.operations, repeat=depth)
        return tuple(p for p in every if all(a != b for a, b in itertools.pairwise(p)))
