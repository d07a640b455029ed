"""Where problems come from: which programs on which sizes in which vocabulary, and how one is written in tokens."""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from typing import Literal, NamedTuple

from leadline.errors import InputError
from leadline.tasks.machine import Machine, Program, State
from leadline.tasks.machines import find_machine

__all__ = ["EOS", "Encoding", "Item", "Side", "Source", "draw_distinct", "draw_item", "side_of"]

Side = Literal["pretraining", "trained", "held_out"]
# Chosen by hash, so that every process knows the side of a problem without talking (decision "Hashes"): an eighth is
# left for reinforcement learning, an eighth is only ever measured. Pretraining sees neither.
_SIDES: tuple[Side, ...] = ("held_out", "trained", *("pretraining",) * 6)
_PATIENCE = 10_000  # draws without a new problem before a source counts as exhausted

PAD, EOS, GOES_TO = 0, 1, 2
_FIRST = 3


@dataclass(frozen=True)
class Source:
    """A set of problems; one is drawn by drawing its program, its size and its state, each evenly.

    Attributes:
        programs: the operations to run, first to last.
        sizes: sizes of the states.
        vocabulary: which of the two alphabets states and answers are written in.
        machine: name of the machine (:func:`leadline.tasks.machines.find_machine`).
    """

    programs: tuple[Program, ...]
    sizes: tuple[int, ...] = (4,)
    vocabulary: Literal[0, 1] = 0
    machine: str = "strings"


class Item(NamedTuple):
    """One problem: what to start from, what to run on it, and the alphabet it is written in."""

    state: State
    program: Program
    vocabulary: int = 0


def side_of(item: Item) -> Side:
    """Which side of the split a problem is on. The alphabet does not count: both spellings are on the same side."""
    canonical = f"{','.join(map(str, item.state))}|{' '.join(item.program)}"
    return _SIDES[zlib.crc32(canonical.encode()) % len(_SIDES)]


def draw_item(source: Source, rng: random.Random, side: Side) -> Item:
    """One problem of ``source`` from ``side``.

    Raises:
        InputError: the source has no problem on that side.
    """
    symbols = find_machine(source.machine).symbols
    for _ in range(_PATIENCE):
        program = rng.choice(source.programs)
        state = tuple(rng.randrange(symbols) for _ in range(rng.choice(source.sizes)))
        item = Item(state, program, source.vocabulary)
        if side_of(item) == side:
            return item
    raise InputError(f"source of {len(source.programs)} programs: no problem found on its side {side!r}")


def draw_distinct(
    source: Source, rng: random.Random, side: Side, count: int, fewest: int | None = None
) -> list[Item]:
    """``count`` different problems; as few as ``fewest``, where that is given, when no more are found.

    Raises:
        InputError: the source has too few on that side.
    """
    found: dict[Item, None] = {}
    for _ in range(count * 200):
        if len(found) == count:
            break
        found[draw_item(source, rng, side)] = None
    if len(found) >= (count if fewest is None else fewest):
        return list(found)
    raise InputError(
        f"source of {len(source.programs)} programs: fewer than {fewest or count} problems on side {side!r}"
    )


@dataclass(frozen=True)
class Encoding:
    """Token ids of a machine's problems: pad, end, "goes to", two alphabets, and one token an operation.

    Prompt: the state's letters, the operations, "goes to". Completion: the answer's letters and the end.
    """

    machine: Machine

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return _FIRST + 2 * self.machine.symbols + len(self.machine.operations)

    def letters(self, vocabulary: int) -> list[int]:
        """The alphabet's token ids, letter 0 first."""
        first = _FIRST + vocabulary * self.machine.symbols
        return list(range(first, first + self.machine.symbols))

    def prompt(self, item: Item) -> list[int]:
        letters = self.letters(item.vocabulary)
        first = _FIRST + 2 * self.machine.symbols
        operations = {name: first + index for index, name in enumerate(self.machine.operations)}
        return [*(letters[s] for s in item.state), *(operations[name] for name in item.program), GOES_TO]

    def answer(self, item: Item) -> list[int]:
        """The one completion that is right, end-of-sequence included."""
        letters = self.letters(item.vocabulary)
        return [*(letters[s] for s in self.machine.run(item.state, item.program)), EOS]

    def read(self, item: Item, said: list[int]) -> State | None:
        """The state that a completion states, with as many letters as the problem has; None when it states none."""
        first, size = self.letters(item.vocabulary)[0], len(item.state)
        state = tuple(token - first for token in said[:size])
        well_formed = said[size:] == [EOS] and all(0 <= symbol < self.machine.symbols for symbol in state)
        return state if well_formed else None
