"""Values of expressions at points, to forty digits. Runs in workers only: a power may be as large as it likes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import mpmath

from leadline.grading.expressions.parser import Node, Unreadable, read_expression

__all__ = ["DIGITS", "letters_of", "readable", "value"]

DIGITS = 40
_CONSTANTS = {"pi": mpmath.pi, "e": mpmath.e, "i": mpmath.j}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "cot": mpmath.cot,
    "sec": mpmath.sec,
    "csc": mpmath.csc,
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "ln": mpmath.ln,
    "log": mpmath.log,
    "exp": mpmath.exp,
    "abs": abs,
    "factorial": mpmath.factorial,
    "binom": mpmath.binomial,
}


@lru_cache(maxsize=2_048)
def readable(text: str) -> Node | None:
    """The expression that a cleaned text spells, or None if the small reader gives up on it."""
    try:
        return read_expression(text)
    except Unreadable:
        return None


def letters_of(node: Node) -> set[str]:
    """The letters that need a value; ``pi``, ``e`` and ``i`` have theirs."""
    if node.kind == "sym":
        return {node.name} - _CONSTANTS.keys()
    return {letter for arg in node.args for letter in letters_of(arg)}


def value(node: Node, point: Mapping[str, Any]) -> Any:
    """The value at ``point``; None where there is no finite one (a pole, a logarithm of zero)."""
    with mpmath.workdps(DIGITS):
        try:
            found = +_value(node, point)
        except (ZeroDivisionError, ValueError, OverflowError, TypeError):
            return None
        return found if mpmath.isfinite(found) else None


def _value(node: Node, point: Mapping[str, Any]) -> Any:
    if node.kind == "num":
        assert node.value is not None
        return mpmath.mpf(node.value.numerator) / node.value.denominator
    if node.kind == "sym":
        return _CONSTANTS[node.name] if node.name in _CONSTANTS else point[node.name]
    args = [_value(arg, point) for arg in node.args]
    if node.kind == "add":
        return mpmath.fsum(args)
    if node.kind == "mul":
        return args[0] * args[1]
    if node.kind == "div":
        return args[0] / args[1]
    if node.kind == "pow":
        return mpmath.power(*args)
    if node.kind == "sqrt":
        assert node.value is not None
        return mpmath.root(args[0], int(node.value))
    return _FUNCTIONS[node.name](*args)
