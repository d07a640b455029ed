"""Comparison by algebra. Only workers import this: it may run for ever, or ask for all memory there is.

math-verify reads the LaTeX (its own limits off, its reader of Python expressions never called) and compares sets,
relations and matrices. Two expressions are compared by their values at random points first, which is decisive either
way far more often, and sooner, than ``simplify``.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import mpmath
import sympy
import sympy.physics.units  # reads its own names through the evaluation that is shut below, so it has to come first
from latex2sympy2_extended import NormalizationConfig, latex2sympy2, normalize_latex
from math_verify import verify
from math_verify.parser import parse_latex_cached
from sympy.parsing import sympy_parser

from leadline.grading.clean import plain_words
from leadline.grading.compare import same
from leadline.grading.equations import same_equation
from leadline.grading.leaf import Leaf, same_leaf
from leadline.grading.reading import read_structure
from leadline.grading.structure import Interval, Items, Named, Structure, leaves_of, to_latex
from leadline.grading.syntax import Node
from leadline.grading.values import DIGITS, letters_of, readable, value
from leadline.grading.verdict import Comparison

__all__ = ["gold_fault", "same_by_algebra", "warm_up"]

logging.getLogger("math_verify").setLevel(logging.ERROR)


def _refuse(*_: Any, **__: Any) -> Any:
    raise SyntaxError("text is never evaluated here")


def _read_number(text: str) -> sympy.Number:
    return sympy.Integer(int(text)) if text.isdecimal() else sympy.Float(text)


# The LaTeX parser hands every numeral to sympy as a string, which sympy turns into Python code and evaluates. We read
# numerals ourselves (many times faster, too), and shut that door for good: no text is ever evaluated in this process.
latex2sympy2._Latex2Sympy.parse_number = lambda _, text: _read_number(text.replace(",", ""))
latex2sympy2.Number = _read_number
sympy_parser.eval_expr = _refuse

RANGES = ((31, 190), (2, 30), (110, 420), (-95, -20), (-30, -2))
"""Where the letters are put, in units of 1/101; letters below zero leave many a domain, so they come last."""
ENOUGH = 3
HUGE = 10**12
_TEXT = re.compile(r"\\text\s*\{[^{}]*\}")
_COMMANDS = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}|\\(?!text)[a-zA-Z]+")
_CONFIG = NormalizationConfig(
    basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none", equations=False
)


@lru_cache(maxsize=1_024)
def _parsed(latex: str) -> Any:
    """The sympy object that ``latex`` spells, or None if the parser does not read it."""
    try:
        return parse_latex_cached(normalize_latex(latex, _CONFIG))
    except MemoryError:
        raise
    except Exception:
        return None


def gold_fault(text: str) -> str | None:
    """Why a cleaned gold cannot be used, or None. It can if it is read, and has a value where it should have one."""
    structure = read_structure(text)
    leaves = leaves_of(structure)
    for leaf in leaves:
        node = readable(leaf.text)
        if leaf.form is None and node is not None:
            value(node, dict.fromkeys(letters_of(node), mpmath.mpf(1)))
    if all(_is_read(leaf) or _is_words(leaf.text) for leaf in leaves):
        return None
    for leaf in leaves:
        parsed = _parsed(to_latex(leaf)) if not _is_read(leaf) else None
        if isinstance(parsed, sympy.Expr) and not parsed.free_symbols:
            _value(parsed, {})
    if _is_words(text) or _parsed(_spelt(structure)) is not None or _parsed(text) is not None:
        return None
    return "neither the exact reader nor math-verify can read it"


def _is_words(text: str) -> bool:
    return "\\" not in _TEXT.sub("", text)


def same_by_algebra(gold: str, answer: str, comparison: Comparison) -> bool:
    """Whether two cleaned answers are equal. Raises what the algebra raises when it runs out of memory."""
    g, a = read_structure(gold), read_structure(answer)
    verdict = same(g, a, lambda x, y: _same_leaf(x, y, comparison), comparison)
    if verdict is not None:
        return verdict
    equal = same_equation(gold, answer)
    if equal is not None:
        return equal
    if _differ_in_shape(g, a):
        return False
    if _is_prose(gold) or _is_prose(answer):
        return plain_words(gold) == plain_words(answer) != ""
    if _verified(gold, answer, comparison):
        return True
    mixed = isinstance(a, Interval) and a.relation and not comparison.allow_set_relation_comp
    return not mixed and _verified(_spelt(g), _spelt(a), comparison)


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
    return leaf.form is not None or "infty" in leaf.text or readable(leaf.text) is not None


def _same_leaf(gold: Leaf, answer: Leaf, comparison: Comparison) -> bool | None:
    cheap = same_leaf(gold, answer, comparison)
    if cheap is not None:
        return cheap
    # Read as mathematics, a sentence is a product of its letters, and a slow one.
    if not gold.text or not answer.text or _is_prose(gold.text) or _is_prose(answer.text):
        return None
    read = _same_readings(gold, answer, comparison)
    if read is not None:
        return read
    g, a = _parsed(to_latex(gold)), _parsed(to_latex(answer))
    if not isinstance(g, sympy.Expr) or not isinstance(a, sympy.Expr):
        return None
    return _same_value(g, a, gold.decimal or answer.decimal, comparison)


def _same_readings(gold: Leaf, answer: Leaf, comparison: Comparison) -> bool | None:
    """By the small reader, if it reads both. A percentage is itself, or a hundredth of it."""
    g, a = readable(gold.text), readable(answer.text)
    if g is None or a is None or (not comparison.strict and letters_of(g) != letters_of(a)):
        return None
    if letters_of(g) != letters_of(a):
        g, a = _in_lower_case(g, a)
    decimal = gold.decimal or answer.decimal
    if gold.unit == "%" != answer.unit or answer.unit == "%" != gold.unit:
        small_g, small_a = (_hundredth(n) if leaf.unit == "%" else n for n, leaf in ((g, gold), (a, answer)))
        verdicts = (_same_reading(g, a, True, comparison), _same_reading(small_g, small_a, True, comparison))
        return True if True in verdicts else None if None in verdicts else False
    return _same_reading(g, a, decimal, comparison)


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


def _same_reading(g: Node, a: Node, decimal: bool, comparison: Comparison) -> bool | None:
    letters = letters_of(g) | letters_of(a)
    return _agree(letters, lambda point: (value(g, point), value(a, point)), mpmath.mpf, decimal, comparison)


def _same_value(g: sympy.Expr, a: sympy.Expr, decimal: bool, comparison: Comparison) -> bool | None:
    letters = g.free_symbols | a.free_symbols
    if any(isinstance(letter, sympy.MatrixSymbol) for letter in letters) or _undefined(g) or _undefined(a):
        return None
    if not comparison.strict and g.free_symbols != a.free_symbols:
        return None
    return _agree(
        letters, lambda point: (_value(g, point), _value(a, point)), sympy.Rational, decimal, comparison
    )


def _agree(
    letters: set[Any],
    both: Callable[[dict[Any, Any]], tuple[Any, Any]],
    number: Callable[[int], Any],
    decimal: bool,
    comparison: Comparison,
) -> bool | None:
    """True or False by values at random points; None if they cannot be computed, or prove nothing."""
    dice = random.Random(20)
    agreed = 0
    for low, high in RANGES if letters else RANGES[:1]:
        point = {letter: number(dice.randint(low, high)) / 101 for letter in sorted(letters, key=str)}
        x, y = both(point)
        if x is None or y is None:
            continue
        if _near(x, y, comparison.precision if decimal and not letters else None):
            # Next to a huge value, a difference drowns.
            agreed += bool(max(abs(x), abs(y)) < HUGE) or not letters
        elif not letters or (low > 0 and _is_real(x) == _is_real(y)) or (_is_real(x) and _is_real(y)):
            return False
        if agreed >= (ENOUGH if letters else 1):
            return True
    return None


def _is_real(number: Any) -> bool:
    return (
        not isinstance(number, mpmath.mpc)
        if isinstance(number, mpmath.mpf | mpmath.mpc)
        else bool(number.is_real)
    )


def _undefined(expression: sympy.Expr) -> bool:
    return bool(expression.atoms(sympy.core.function.AppliedUndef))


def _value(expression: sympy.Expr, point: dict[Any, Any]) -> Any:
    try:
        value = sympy.sympify(expression).evalf(DIGITS, subs=point)
    except MemoryError:
        raise
    except Exception:
        return None
    return value if value.is_number and value.is_finite and value.is_comparable is not False else None


def _near(x: Any, y: Any, precision: int | None) -> bool:
    with mpmath.workdps(DIGITS):
        return _within(abs(x - y), max(abs(x), abs(y)), precision)


def _within(gap: Any, size: Any, precision: int | None) -> bool:
    if precision is not None:
        return bool(gap * 10**precision <= 0.5) and bool(gap * 10 ** max(precision - 2, 0) <= size)
    return bool(gap * 10**25 <= size)


def _verified(gold: str, answer: str, comparison: Comparison) -> bool:
    g, a = _parsed(gold), _parsed(answer)
    if g is None or a is None:
        return False
    return bool(
        verify(
            g,
            a,
            float_rounding=comparison.precision,
            strict=comparison.strict,
            allow_set_relation_comp=comparison.allow_set_relation_comp,
            timeout_seconds=None,
        )
    )


def warm_up() -> None:
    """Fill the parser's tables, which costs far more than parsing does: every worker forked later starts with them."""
    for sample in _SAMPLES:
        _parsed(sample)
    for gold, answer in _PAIRS:
        same_by_algebra(gold, answer, Comparison())
    _parsed.cache_clear()
    parse_latex_cached.cache_clear()


# Shapes that answers take, for the tables of the parser.
_SAMPLES = (
    *(
        "x+1",
        r"\frac{3}{56}",
        "2x+3y-4=0",
        r"y = -\frac{1}{2}x + \frac{3}{4}",
        r"(1, \frac{\sqrt{3}}{2})",
        "[0, 1)",
    ),
    *(
        r"(-\infty, 2) \cup (3, \infty]",
        r"\{1, -2, \sqrt{5}\}",
        "1, 2, 3",
        "(1,2), (3,4)",
        r"x \in [-2, 7]",
        "3:1",
    ),
    *(
        r"-2 < x \le 3",
        "x^2 + y^2 = 4",
        r"\sin(2x) + \cos^2 x - \tan \frac{\pi}{3}",
        r"\log_2 3 + \ln 5 - \log x",
    ),
    *(
        r"e^{-i\pi/3}",
        r"2^{n+1} - \binom{n}{2} + n!",
        r"\lceil \frac{n}{2} \rceil + \lfloor n/2 \rfloor",
        "|x-1|+|y|",
    ),
    *(
        "f(x) = 2x + 1",
        "a_n = 3^{n} - 2",
        "f(x_1) + f(x_2)",
        r"\sum_{k=1}^{n} k^2",
        r"\int_0^1 x^2 dx",
        r"12\%",
    ),
    *(
        r"\lim_{x\to 0} \frac{\sin x}{x}",
        r"\text{odd}",
        r"\sqrt[3]{2} \cdot 5",
        r"1 \pm \sqrt{19}",
        r"30^\circ",
        "abc",
    ),
    *(
        "x_1 = 2, x_2 = 3",
        r"a \cdot b / c",
        "-(x+1)(x-2)^2",
        r"5 \times 10^{-3}",
        "x = 1 , y = 2",
        r"x \ge 5",
    ),
    *(r"(2-\sqrt{3})\pi a^2", r"\begin{pmatrix} 1 & -2 \\ 0 & \frac{1}{3} \end{pmatrix}", r"x \ne 3"),
    *(
        r"-3 < \tan \frac{7}{5} \pi < x < \cos \frac{1}{5} \pi",
        r"\sin( \frac{\pi}{2}x + \frac{\pi}{6} )",
        r"\frac{n - (a_0 + a_1 + \dots + a_k)}{p - 1}",
        r"f(x_1) + f(x_2) > 0",
        "-10x - 10y + 10 = 0",
        r"\{\frac{\pi}{6}, -\frac{3 \pi}{4}\}",
    ),
)
# Kinds of comparison that end in math-verify, for what sympy loads only when it is asked.
_PAIRS = (
    (r"x + 2y = 4", r"y = 2-\frac{x}{2}"),
    (r"6.018", r"f(x_1) + f(x_2) < 0"),
    (r"\frac{3\pi}{4}", "Mary"),
    (r"(3, 1, 2)", r"\lceil \frac{n}{2} \rceil + 1"),
    (r"5!", r"\sin(\frac{\pi}{2}x)"),
)
