"""One node of an expression, and the names that an expression may use."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from leadline.grading.expressions.tokens import Unreadable
from leadline.grading.text.limits import MAX_DIGITS
from leadline.grading.text.spelling import GREEK, UPRIGHT_NAMES

__all__ = ["FUNCTIONS", "FUNCTION_NAMES", "GREEK_LETTERS", "MINUS_ONE", "Node", "mixed_number", "number_node"]

GREEK_LETTERS = frozenset(GREEK.values()) - {"iota", "Pi"} | {"ell", "hbar"}
FUNCTIONS = frozenset(UPRIGHT_NAMES) - {"log"} | {"exp"}  # a logarithm may have a base
FUNCTION_NAMES = frozenset("f g h F G H P Q W T u v Gamma phi psi zeta sigma mu tau omega Phi Psi".split())
"""Letters that are a function, not a factor, in front of a bracket."""


class Node(NamedTuple):
    """One node of an expression.

    ``kind`` is num (``value``), sym (``name``), add, mul (``args``), div, pow (two ``args``), sqrt (one ``args``,
    ``value`` the index of the root) or call (``name``, its arguments). ``degrees`` is set at the top where a degree
    sign stood outside of all functions.
    """

    kind: str
    args: tuple[Node, ...] = ()
    value: Fraction | None = None
    name: str = ""
    degrees: bool = False


MINUS_ONE = Node("num", value=Fraction(-1))
_WRITTEN_OUT = {"2.71828182845": "e", "3.14159265358": "pi"}


def number_node(text: str) -> Node:
    """A number, or the constant that it writes out."""
    if text[:13] in _WRITTEN_OUT:
        return Node("sym", name=_WRITTEN_OUT[text[:13]])
    if len(text) > MAX_DIGITS:
        raise Unreadable("digits")
    return Node("num", value=Fraction(text))


def mixed_number(whole: Node, part: Node) -> Node:
    """A whole number with a fraction behind it."""
    above, below = (arg.value for arg in part.args)
    assert whole.value is not None
    if above is None or below is None or whole.value.denominator != 1 or not 0 <= above < below:
        raise Unreadable("a number before a fraction")
    return Node("add", (whole, part))
