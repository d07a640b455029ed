"""Strings over a small alphabet, with six operations no two of which commute.

The public recipe DataAlchemy uses ROT-13, a cyclic shift and a reversal. ROT commutes with both, so "new order" tests
nothing, and shift and reversal alone generate 8 functions on strings of length 4, so every deep program is a shallow
one. The six here generate tens of thousands, and on lengths of 4 and more every order of two differs.
"""

from __future__ import annotations

import itertools

from leadline.tasks.machine import Machine, State

__all__ = ["string_machine"]


def string_machine(symbols: int, name: str) -> Machine:
    """The machine over strings of ``symbols`` letters; sizes of 3 and more are of interest.

    >>> machine = string_machine(6, "strings")
    >>> machine.run((0, 1, 2, 3), ("shl", "rmp"))
    (2, 4, 0, 4)
    """

    def ramp(state: State) -> State:
        return tuple((letter + place + 1) % symbols for place, letter in enumerate(state))

    def negate_first(state: State) -> State:
        return (-state[0] % symbols, *state[1:])

    def differences(state: State) -> State:
        return (state[0], *((b - a) % symbols for a, b in itertools.pairwise(state)))

    return Machine(
        name,
        symbols,
        {
            "shl": lambda state: (*state[1:], state[0]),
            "rev": lambda state: state[::-1],
            "swp": lambda state: (state[1], state[0], *state[2:]),
            "rmp": ramp,
            "neg": negate_first,
            "dif": differences,
        },
    )
