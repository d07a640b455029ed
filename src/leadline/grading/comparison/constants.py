r"""Constants that may be any number: of integration (``\ln x + C``), and of differential equations (``C_1 e^x``)."""

from __future__ import annotations

import itertools
import random
import re

import mpmath

from leadline.grading.comparison.numeric import same_reading
from leadline.grading.comparison.values import DIGITS, SAME_TO, letters_of, real_value
from leadline.grading.expressions.node import Node
from leadline.grading.verdict import Strictness

__all__ = ["same_up_to_a_constant", "with_constants_exchanged"]

_ADDED = frozenset("CcK")
_NUMBERED = re.compile(r"[Cc]_?\d")
_LETTERED = frozenset("ABCDK")
_VARIABLES = frozenset("xtnsz")
_RANGES = ((7, 95), (110, 290), (310, 790), (-95, -7), (-290, -110))
POINTS_IN_A_RANGE = 3
ENOUGH_GAPS = 4


def same_up_to_a_constant(gold: Node, answer: Node) -> bool | None:
    """Whether two antiderivatives with ``+ C`` differ by a number alone; None where either has no such constant.

    Where one is real and the other is not, they are two functions.
    """
    letters = letters_of(gold) & letters_of(answer) & _ADDED
    if len(letters) != 1 or letters_of(gold) != letters_of(answer):
        return None
    (constant,) = letters
    g, a = _without(gold, constant), _without(answer, constant)
    variables = sorted(letters_of(gold) - letters)
    if g is None or a is None or not variables:
        return None
    dice, gaps = random.Random(23), []
    with mpmath.workdps(DIGITS):
        for low, high in _RANGES:
            for _ in range(POINTS_IN_A_RANGE):
                point = {letter: mpmath.mpf(dice.randint(low, high)) / 101 for letter in variables}
                x, y = real_value(g, point), real_value(a, point)
                if (x is None) != (y is None):
                    return False
                if x is not None:
                    gaps.append(x - y)
        if len(gaps) < ENOUGH_GAPS:
            return None
        return all(abs(gap - gaps[0]) * SAME_TO <= 1 + abs(gaps[0]) for gap in gaps)


def _without(node: Node, constant: str) -> Node | None:
    """A sum without the constant that is added to it once; None where it stands elsewhere, or not at all."""
    if node.kind != "add":
        return None
    kept = [term for term in node.args if term != Node("sym", name=constant)]
    if len(kept) != len(node.args) - 1 or any(constant in letters_of(term) for term in kept):
        return None
    return kept[0] if len(kept) == 1 else node._replace(args=tuple(kept))


def with_constants_exchanged(gold: Node, answer: Node, comparison: Strictness) -> bool:
    """Whether the answer is the gold once its free constants have the names, in some order, of the gold's.

    Only ``C_1, C_2`` and the like, on one side at least, are such constants; then ``A`` and ``B`` on the other are.
    """
    ours, theirs = letters_of(gold), letters_of(answer)
    numbered = [{letter for letter in side if _NUMBERED.fullmatch(letter)} for side in (ours, theirs)]
    if numbered[0] and numbered[1]:
        names, others = numbered
    elif numbered[0] or numbered[1]:
        names = numbered[0] or (ours - theirs) & _LETTERED
        others = numbered[1] or (theirs - ours) & _LETTERED
    else:
        return False
    if not 1 <= len(names) == len(others) <= 3 or ours - names != theirs - others:
        return False
    if not (_is_general(gold, names) and _is_general(answer, others)):
        return False
    for order in itertools.permutations(sorted(names)):
        renamed = _renamed(answer, dict(zip(sorted(others), order, strict=True)))
        if same_reading(gold, renamed, False, comparison) is True:
            return True
    return False


def _is_general(node: Node, constants: set[str]) -> bool:
    """Whether functions of one variable are added up, each constant being the factor of one: ``C_1 e^x + C_2``.

    ``C_1`` and ``C_2`` may also be capacities: ``C_1 / (C_1 + C_2)`` is none of these.
    """
    variables = letters_of(node) - constants
    if len(variables) != 1 or not variables <= _VARIABLES:
        return False
    terms = node.args if node.kind == "add" else (node,)
    for term in terms:
        held = letters_of(term) & constants
        if len(held) > 1 or (held and not _is_factor(term, next(iter(held)))):
            return False
    holding = [letter for term in terms for letter in letters_of(term) & constants]
    return sorted(holding) == sorted(constants)


def _is_factor(term: Node, letter: str) -> bool:
    if term.kind == "sym":
        return term.name == letter
    holding = [arg for arg in term.args if letter in letters_of(arg)]
    if (
        len(holding) != 1
        or term.kind not in ("mul", "div")
        or (term.kind == "div" and holding[0] is not term.args[0])
    ):
        return False
    return _is_factor(holding[0], letter)


def _renamed(node: Node, names: dict[str, str]) -> Node:
    name = names.get(node.name, node.name) if node.kind == "sym" else node.name
    return node._replace(name=name, args=tuple(_renamed(arg, names) for arg in node.args))
