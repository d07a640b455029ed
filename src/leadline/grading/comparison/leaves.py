"""Leaves against leaves: numbers with their units, angles, words, choices, dates. In three values, without algebra."""

from __future__ import annotations

import re
from fractions import Fraction

from leadline.grading.expressions.dates import same_time
from leadline.grading.expressions.leaf import SAID, Leaf, read_leaf
from leadline.grading.expressions.qualifiers import INDEX_NAME
from leadline.grading.expressions.units import Unit, read_unit, same_unit, scale_between
from leadline.grading.text.clean import plain_words
from leadline.grading.verdict import Strictness

__all__ = ["same_leaf", "same_measure"]

_INDICES = frozenset("knm")
_ALL_INTEGERS = INDEX_NAME.removeprefix("\\")
_LETTER_UNIT = re.compile(
    r"(?P<number>-?(?:\d+(?:\.\d+)?|\\frac\{\d+\}\{\d+\}))\s+(?P<unit>[mgshlLNJWVAF](?:\s*\^\s*\{?[23]\}?)?)"
)
_PAIR_UNIT = re.compile(r"(?P<number>-?\d+(?:\.\d+)?)(?P<unit>[a-z]{2})")
_FREE = Unit()


def same_leaf(gold: Leaf, answer: Leaf, comparison: Strictness) -> bool | None:
    """True or False where that is certain and cheap, else None. False only between plain numbers, words, and units."""
    if gold.unit in SAID or answer.unit in SAID:
        return _same_kind(gold, answer)
    scale = same_measure(gold, answer, comparison)
    if scale is None:
        return False
    if gold.form is None or answer.form is None:
        return _same_text(gold, answer)
    if scale != 1:
        answer = answer._replace(form={term: value * scale for term, value in answer.form.items()})
    if gold.form == answer.form and not (gold.in_base and answer.in_base):
        return True
    if gold.number is not None and answer.number is not None:
        return _same_number(gold, answer, gold.number, answer.number, comparison)
    if _same_angle(gold, answer) or _same_family(gold, answer):
        return True
    return _same_with_letter(gold, answer, comparison)


def same_measure(gold: Leaf, answer: Leaf, comparison: Strictness) -> Fraction | None:
    """What the number of the answer is multiplied by to be in the unit of the gold; None if the units disagree.

    A unit that only one of the two has is forgiven, unless ``comparison.units`` asks for it.
    """
    ours, theirs = _measure(gold), _measure(answer)
    if ours is None or theirs is None:
        return None if comparison.units and ours is not theirs else Fraction(1)
    if isinstance(ours, str) or isinstance(theirs, str):
        return Fraction(1) if ours == theirs else None
    if ours.noun or theirs.noun:
        return Fraction(1) if same_unit(ours, theirs) else None
    if {name for name, _ in ours.dimension} == {"unit"} or {name for name, _ in theirs.dimension} == {"unit"}:
        return Fraction(1)
    return scale_between(ours, theirs)


def _measure(leaf: Leaf) -> Unit | str | None:
    """What the number counts; degrees and percent by their signs. None if nothing is said, or nothing that matters."""
    if leaf.unit in ("%", "°C", "°F"):
        return leaf.unit
    if leaf.unit == "deg":
        return read_unit("degree", upright=True)
    return None if leaf.measure == _FREE else leaf.measure


def _same_kind(gold: Leaf, answer: Leaf) -> bool | None:
    """Times, dates, choices and words are the same, or not, by what they say."""
    if gold.text == answer.text and gold.unit == answer.unit:
        return True
    kinds = {gold.unit, answer.unit}
    if kinds == {"clock"}:
        return same_time(gold.text, answer.text)
    if kinds <= {"words", "choice"}:
        words = plain_words(gold.text)
        return words == plain_words(answer.text) != ""
    if "clock" in kinds and _may_be_time(answer if gold.unit == "clock" else gold):
        return same_time(gold.text, answer.text)
    if "clock" in kinds or "date" in kinds:
        return False
    other = answer if gold.unit in SAID else gold
    if "choice" in kinds:  # a letter may be a variable, or a number with its unit
        return False if other.number is not None else None
    return False if other.form is not None else None


def _may_be_time(leaf: Leaf) -> bool:
    """Whether a number may be a time of day: ``8:30`` alone may also be a ratio."""
    return leaf.number is not None and leaf.measure is None and not leaf.unit


def _same_text(gold: Leaf, answer: Leaf) -> bool | None:
    if gold.text == answer.text and gold.unit == answer.unit:
        return gold.text != "" or None
    if gold.in_base and answer.in_base:
        return False
    if gold.in_base or answer.in_base:
        return gold.text.upper() == answer.text.upper()
    for huge, other in ((gold, answer), (answer, gold)):
        if other.number is not None and huge.floor > abs(other.number.numerator).bit_length() + 1:
            return False
    return None


def _same_number(gold: Leaf, answer: Leaf, g: Fraction, a: Fraction, comparison: Strictness) -> bool:
    pairs = [(g, a)]
    if (gold.unit == "%") != (answer.unit == "%"):
        pairs.append((g / 100, a) if gold.unit == "%" else (g, a / 100))
    if gold.in_base and answer.in_base and gold.unit != answer.unit:
        return False
    rounded = gold.decimal or answer.decimal or len(pairs) > 1
    return any(x == y or (rounded and _close(x, y, comparison.precision)) for x, y in pairs)


def _close(x: Fraction, y: Fraction, precision: int) -> bool:
    """Equal once rounded to ``precision`` decimals, which forgives small numbers no more than large ones."""
    if abs(x - y) * 10 ** max(precision - 2, 0) > max(abs(x), abs(y)):
        return False
    return round(x, precision) == round(y, precision)


def _same_angle(gold: Leaf, answer: Leaf) -> bool:
    """Degrees against radians."""
    for degrees, radians in ((gold, answer), (answer, gold)):
        if degrees.unit == "deg" and radians.unit != "deg" and degrees.number is not None and radians.form:
            ((term, value), *more) = radians.form.items()
            if not more and [p.atom for p in term.powers] == ["pi"] and term.radicand == 1:
                return term.powers[0].exponent == 1 and value == degrees.number / 180
    return False


def _same_family(gold: Leaf, answer: Leaf) -> bool:
    r"""``k\pi`` and ``n\pi``, both for all integers: said so on one side, or two letters that usually mean it."""
    g, a = (_index(leaf) for leaf in (gold, answer))
    if g is None or a is None or not (_ALL_INTEGERS in (g, a) or ({g, a} <= _INDICES and "pi" in gold.text)):
        return False
    return gold.form == {
        term._replace(
            powers=tuple(sorted(p._replace(atom=g) if p.atom == a else p for p in term.powers))
        ): value
        for term, value in (answer.form or {}).items()
    }


def _index(leaf: Leaf) -> str | None:
    """The letter of a family: the one that runs through all integers, or else the only one beside pi."""
    letters = {p.atom for term in leaf.form or {} for p in term.powers}
    if _ALL_INTEGERS in letters:
        return _ALL_INTEGERS
    others = letters - {"pi"}
    (only,) = others if len(others) == 1 else (None,)
    return only if only is not None and ("pi" in letters or only.isalpha()) else None


def _same_with_letter(gold: Leaf, answer: Leaf, comparison: Strictness) -> bool | None:
    """``5 m`` against ``5``, or against ``5 km``: behind a blank, a letter may be a unit; ``8hr`` is, beside hours."""
    for one, other in ((gold, answer), (answer, gold)):
        match = _LETTER_UNIT.fullmatch(one.text) or (
            _PAIR_UNIT.fullmatch(one.text) if isinstance(_measure(other), Unit) else None
        )
        if match is not None and other.number is not None:
            number = read_leaf(match.group("number"))
            unit = read_unit(match.group("unit"), upright=True)
            if unit is None or unit.noun:
                return None
            measured = number._replace(measure=unit)
            pair = (measured, other) if one is gold else (other, measured)
            return same_leaf(*pair, comparison)
    return None
