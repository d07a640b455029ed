"""Comparison by algebra. Only workers import this: it may run for ever, or ask for all memory there is.

Two expressions are compared by their values at random points first, which is decisive either way far more often, and
sooner, than ``simplify``; sets, relations and matrices are left to math-verify.
"""

from __future__ import annotations

import re
from fractions import Fraction

import mpmath
import sympy

from leadline.grading.comparison.constants import same_up_to_a_constant, with_constants_exchanged
from leadline.grading.comparison.equations import same_equation
from leadline.grading.comparison.leaves import same_leaf, same_measure
from leadline.grading.comparison.math_verify_bridge import parsed, verified
from leadline.grading.comparison.numeric import same_reading, same_value, value_at
from leadline.grading.comparison.structural import StructureTest
from leadline.grading.comparison.values import letters_of, readable, value
from leadline.grading.expressions.leaf import Leaf
from leadline.grading.expressions.node import Node
from leadline.grading.expressions.qualifiers import with_index_renamed
from leadline.grading.expressions.structure import Items, Named, NumberRange, Structure, leaves_of, to_latex
from leadline.grading.expressions.structure_reader import read_structure
from leadline.grading.text.clean import plain_words
from leadline.grading.text.text_command import TEXT
from leadline.grading.verdict import Strictness

__all__ = ["cleaned_gold_fault", "same_by_algebra"]

_LONG_WORD = re.compile(r"(?<![a-zA-Z])[a-z]{5,}(?![a-zA-Z])")
_PRIMES = re.compile(r"(?<=[a-zA-Z}])'+")
_COMMANDS = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}|\\(?!text)[a-zA-Z]+")
_UNKNOWN = frozenset("abckmntuvwxyz")


def cleaned_gold_fault(text: str) -> str | None:
    """Why a cleaned gold cannot be used, or None. It can if it is read, and has a value where it should have one."""
    structure = read_structure(text)
    leaves = leaves_of(structure)
    for leaf in leaves:
        node = readable(leaf.text)
        if leaf.form is None and node is not None:
            value(node, dict.fromkeys(letters_of(node), mpmath.mpf(1)))
    if all(_is_read(leaf) or leaf.unit == "words" or _is_words(leaf.text) for leaf in leaves):
        return None
    for leaf in leaves:
        tree = parsed(to_latex(leaf)) if not _is_read(leaf) else None
        if isinstance(tree, sympy.Expr) and not tree.free_symbols:
            value_at(tree, {})
    if _is_words(text) or parsed(_spelt(structure)) is not None or parsed(text) is not None:
        return None
    return "neither the exact reader nor math-verify can read it"


def _is_words(text: str) -> bool:
    return "\\" not in TEXT.sub("", text)


def same_by_algebra(gold: str, answer: str, comparison: Strictness) -> bool:
    """Whether two cleaned answers are equal. Raises what the algebra raises when it runs out of memory."""
    if "\\sum" in gold + answer or "\\prod" in gold + answer:
        ours, theirs = with_index_renamed(gold), with_index_renamed(answer)
        if ours is not None or theirs is not None:
            return ours == theirs
    g, a = read_structure(gold), read_structure(answer)
    verdict = StructureTest(_same_leaf, comparison).same(g, a)
    if verdict is not None:
        return verdict
    equal = same_equation(gold, answer)
    if equal is not None:
        return equal
    if _differ_in_shape(g, a):
        return False
    if _is_prose(gold) or _is_prose(answer):
        return plain_words(gold) == plain_words(answer) != ""
    if _said(gold) != _said(answer) or gold.count("'") != answer.count("'"):
        return False  # the parser would pass over words and derivatives
    if _is_unsolved(gold, answer) or _is_unsolved(answer, gold):
        return False  # the parser would take the right side for the answer
    if verified(gold, answer, comparison):
        return True
    mixed = isinstance(a, NumberRange) and a.relation and not comparison.allow_set_relation_comp
    return not mixed and verified(_spelt(g), _spelt(a), comparison)


def _is_unsolved(value: str, equation: str) -> bool:
    """Whether ``2x = 5`` stands against 5: an equation in one unknown that says nothing of the unknown itself."""
    sides = equation.split("=")
    if "=" in value or len(sides) != 2:
        return False
    for side, other in (sides, sides[::-1]):
        node, number = readable(side), readable(other)
        if node is not None and number is not None and node.kind != "sym" and not letters_of(number):
            letters = letters_of(node)
            return len(letters) == 1 and letters <= _UNKNOWN
    return False


def _said(text: str) -> list[str]:
    """The words of a text, in order: those of its texts, and what is too long for a product of letters."""
    words = [word for piece in TEXT.findall(text) for word in plain_words(piece).split()]
    return words + _LONG_WORD.findall(_COMMANDS.sub(" ", TEXT.sub(" ", text)))


def _spelt(structure: Structure) -> str:
    name = structure.name + "=" if isinstance(structure, Named) and "(" not in structure.name else ""
    return name + to_latex(structure)


def _is_prose(text: str) -> bool:
    words = plain_words(_COMMANDS.sub(" ", text)).split()
    return sum(len(word) > 2 and word.isalpha() for word in words) >= 4 and "=" not in text


def _differ_in_shape(gold: Structure, answer: Structure) -> bool:
    """Whether both were read to the last leaf, and are different numbers of things, or are made of different things."""
    if _shape(gold) == _shape(answer):
        return False
    return all(_is_read(leaf) for side in (gold, answer) for leaf in leaves_of(side))


def _shape(structure: Structure) -> str:
    """How a structure is made of collections of leaves; an interval, a union or a matrix is one thing of its own.

    >>> _shape(read_structure("(1,2), (3,4)")), _shape(read_structure("3,1")), _shape(read_structure("7"))
    ('((..)(..))', '(..)', '.')
    """
    if isinstance(structure, Named):
        return _shape(structure.value)
    if isinstance(structure, Leaf):
        return "."
    if not isinstance(structure, Items) or structure.kind == "matrix":
        return "#"
    shapes = sorted(map(_shape, structure.items))
    return shapes[0] if len(shapes) == 1 else f"({''.join(shapes)})"


def _is_read(leaf: Leaf) -> bool:
    """Whether the small reader knows what a leaf says: a value, or that two are equal."""
    if leaf.form is not None or "infty" in leaf.text or readable(leaf.text) is not None:
        return True
    sides = leaf.text.split("=")
    return len(sides) == 2 and all(readable(side) is not None for side in sides)


def _same_leaf(gold: Leaf, answer: Leaf, comparison: Strictness) -> bool | None:
    cheap = same_leaf(gold, answer, comparison)
    if cheap is not None:
        return cheap
    # Read as mathematics, a sentence is a product of its letters, and a slow one.
    if not gold.text or not answer.text or _is_prose(gold.text) or _is_prose(answer.text):
        return None
    if _PRIMES.findall(gold.text) != _PRIMES.findall(answer.text):
        return False  # the parser passes over them
    scale = same_measure(gold, answer, comparison) or Fraction(1)
    read = _same_readings(gold, answer, scale, comparison)
    if read is not None:
        return read
    g, a = parsed(to_latex(gold)), parsed(to_latex(answer))
    if not isinstance(g, sympy.Expr) or not isinstance(a, sympy.Expr):
        return None
    a *= sympy.Rational(scale.numerator, scale.denominator)
    return same_value(g, a, gold.decimal or answer.decimal, comparison)


def _same_readings(gold: Leaf, answer: Leaf, scale: Fraction, comparison: Strictness) -> bool | None:
    """By the small reader, if it reads both. A percentage is itself, or a hundredth of it."""
    g, a = readable(gold.text), readable(answer.text)
    if a is not None and scale != 1:
        a = Node("mul", (Node("num", value=scale), a))
    if (
        g is not None
        and a is not None
        and (same_up_to_a_constant(g, a) is True or with_constants_exchanged(g, a, comparison))
    ):
        return True
    if g is None or a is None or (not comparison.strict and letters_of(g) != letters_of(a)):
        return None
    if letters_of(g) != letters_of(a):
        g, a = _in_lower_case(g, a)
    decimal = gold.decimal or answer.decimal
    if gold.unit == "%" != answer.unit or answer.unit == "%" != gold.unit:
        small_g, small_a = (_hundredth(n) if leaf.unit == "%" else n for n, leaf in ((g, gold), (a, answer)))
        verdicts = (same_reading(g, a, True, comparison), same_reading(small_g, small_a, True, comparison))
        return True if True in verdicts else None if None in verdicts else False
    return same_reading(g, a, decimal, comparison)


def _hundredth(node: Node) -> Node:
    return Node("div", (node, Node("num", value=Fraction(100))))


def _in_lower_case(g: Node, a: Node) -> tuple[Node, Node]:
    """``2Cx`` for ``2cx``, unless one side uses a letter in both sizes."""
    ours, theirs = letters_of(g), letters_of(a)
    lowered = {letter.lower() for letter in ours}
    if lowered != {letter.lower() for letter in theirs} or not len(ours) == len(theirs) == len(lowered):
        return g, a
    return _lowered(g), _lowered(a)


def _lowered(node: Node) -> Node:
    return node._replace(
        name=node.name.lower() if node.kind == "sym" else node.name, args=tuple(map(_lowered, node.args))
    )
