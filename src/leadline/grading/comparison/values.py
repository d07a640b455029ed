"""Values of expressions at points, to forty digits. Runs in workers only: a power may be as large as it likes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import mpmath

from leadline.grading.expressions.node import Node
from leadline.grading.expressions.parser import read_expression
from leadline.grading.expressions.tokens import Unreadable

__all__ = [
    "DIGITS",
    "SAME_TO",
    "largest_constant",
    "letters_of",
    "readable",
    "real_value",
    "value",
    "with_branches",
]

DIGITS = 40
SAME_TO = 10**25
"""Values that differ by less than one part in so many are equal: the other digits are rounding."""
_CONSTANTS = {"pi": mpmath.pi, "e": mpmath.e, "i": mpmath.j}
_INVERTED = ("sin", "cos", "tan", "cot", "sinh", "cosh", "tanh")
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(mpmath, name)
        for name in (*_INVERTED, "coth", "sec", "csc", "ln", "log", "factorial", "floor")
    },
    **{f"arc{name}": getattr(mpmath, f"a{name}") for name in _INVERTED},
    "abs": abs,
    "factorial2": mpmath.fac2,
    "binom": mpmath.binomial,
    "gcd": lambda *numbers: _formal(3, numbers),
    "lcm": lambda *numbers: _formal(5, numbers),
    "max": max,
    "min": min,
    "ceil": mpmath.ceil,
    "mod": lambda number, modulus: number - modulus * mpmath.floor(number / modulus),
}
_WITH_BRANCHES = frozenset(
    "abs max min floor ceil mod ln log arcsin arccos arctan arccot arccosh arctanh".split()
)


def _formal(sort: int, numbers: tuple[Any, ...]) -> Any:
    """A value for what is defined for integers only: the same for the same numbers in any order, else another one."""
    return sort + mpmath.fsum(x * x for x in numbers) / 3 + mpmath.fprod(numbers) / 7


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


def with_branches(node: Node) -> bool:
    """Whether an expression is put together from pieces, so that agreeing in one place says little of others."""
    if node.kind == "sqrt" or (node.kind == "call" and node.name in _WITH_BRANCHES):
        return True
    if node.kind == "pow" and node.args[1].kind == "div":
        return True
    return any(map(with_branches, node.args))


def largest_constant(node: Node) -> float:
    """The largest number that stands in an expression, by its absolute value."""
    if node.kind == "num" and node.value is not None:
        return min(float(abs(node.value.numerator // node.value.denominator)), 1e9) + 1
    return max(map(largest_constant, node.args), default=0.0)


def value(node: Node, point: Mapping[str, Any]) -> Any:
    """The value at ``point``; None where there is no finite one (a pole, a logarithm of zero)."""
    return _finite(node, point, real=False)


def real_value(node: Node, point: Mapping[str, Any]) -> Any:
    """The value at ``point`` if it is real, and all that it is made of is; else None."""
    return _finite(node, point, real=True)


def _finite(node: Node, point: Mapping[str, Any], *, real: bool) -> Any:
    with mpmath.workdps(DIGITS):
        try:
            found = +_value(node, point, real)
        except (ZeroDivisionError, ValueError, OverflowError, TypeError, KeyError):
            return None
        return found if mpmath.isfinite(found) else None


def _value(node: Node, point: Mapping[str, Any], real: bool) -> Any:
    if node.kind == "num":
        assert node.value is not None
        return mpmath.mpf(node.value.numerator) / node.value.denominator
    if node.kind == "sym":
        return _CONSTANTS[node.name] if node.name in _CONSTANTS else point[node.name]
    found = _combined(node, [_value(arg, point, real) for arg in node.args])
    if real and isinstance(found, mpmath.mpc):
        raise ValueError("not real")
    return found


def _combined(node: Node, args: list[Any]) -> Any:
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
        index = int(node.value)
        if index % 2 and not isinstance(args[0], mpmath.mpc) and args[0] < 0:
            return -mpmath.root(-args[0], index)
        return mpmath.root(args[0], index)
    return _FUNCTIONS[node.name](*args)
