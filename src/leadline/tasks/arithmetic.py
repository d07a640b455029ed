"""Chains of modular arithmetic: a number written in digits, and sums and products to carry out on it in order."""

from __future__ import annotations

from collections.abc import Callable

from leadline.tasks.machine import Machine, State

__all__ = ["arithmetic_machine", "number_of"]


def arithmetic_machine(base: int = 7, name: str = "arithmetic") -> Machine:
    """Numbers in ``base``, first digit first, modulo the number of strings of their size.

    Factors are coprime to the base, so that every operation is a bijection; a sum and a product do not commute.

    >>> machine = arithmetic_machine()
    >>> machine.run((1, 3), ("+4", "*3"))
    (6, 0)
    """

    def on_number(function: Callable[[int], int]) -> Callable[[State], State]:
        return lambda state: _digits(function(number_of(state, base)), base, len(state))

    operations = {f"+{k}": on_number(lambda n, k=k: n + k) for k in (1, 4, 9)}  # type: ignore[misc]
    operations |= {f"*{k}": on_number(lambda n, k=k: n * k) for k in (2, 3, 5)}  # type: ignore[misc]
    return Machine(name, base, operations)


def number_of(state: State, base: int) -> int:
    """The place of a state in counting order: the number that it writes in ``base``."""
    value = 0
    for digit in state:
        value = value * base + digit
    return value


def _digits(value: int, base: int, size: int) -> State:
    digits = []
    for _ in range(size):
        value, digit = divmod(value, base)
        digits.append(digit)
    return tuple(reversed(digits))
