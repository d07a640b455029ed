r"""Units of measure: which names are units, what they measure, and what words behind a number mean.

Bare letters are a unit only if they are in the list; all others are part of the expression. Words in ``\text`` that
are no unit are what was counted ("5 apples"), unless they change the number ("5 million") or say more ("5 or so").
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from leadline.grading.expressions.unit_names import (
    CASED,
    CODES,
    COUNTED,
    IRREGULAR,
    MEANING,
    MEANING_ELSEWHERE,
    MIXED,
    MODIFIERS,
    MONEY,
    TIMES,
    UNITS,
    Dimension,
)
from leadline.grading.expressions.unit_symbols import SYMBOLS

__all__ = ["Unit", "priced", "read_unit", "same_unit", "scale_between", "times_word"]


class Unit(NamedTuple):
    """What a number counts: powers of base dimensions, and how many base units one of it is.

    ``noun`` is what was counted where that is no unit of measure (``apples``); its dimension is empty. ``per`` is what
    a sum of money is paid for: it may be left unsaid, but not be another one.
    """

    dimension: Dimension = ()
    size: Fraction = Fraction(1)
    noun: str = ""
    per: tuple[Dimension, Fraction] | None = None


_WORD = re.compile(r"¥|[\u4e00-\u9fff]+|[^\W\d_\u4e00-\u9fff]+")
# Scripts without blanks between words, and others of which no words are known here.
_NO_NOUNS = re.compile(r"[^\x00-\u04ff]")
_HOW = re.compile(
    r"(?<=[a-z])\s+(?:old|long|tall|wide|high|deep|thick|apart|away|left|remaining|each|altogether|in (?:all|total))"
    r"\s*$"
)
_PART = re.compile(
    r"\s*(?:(?P<over>/|\bper\b|每)|(?P<word>[A-Za-z¥]+\.?|平方|立方|[\u4e00-\u9fff]+|[^\W\d_\u4e00-\u9fff]+\.?)|(?P<times>\\cdot|\*|·|-)"
    r"|\^\s*\{?\s*(?P<power>-?\d)\s*\}?|(?P<other>\S))"
)


@lru_cache(maxsize=2_048)
def read_unit(words: str, upright: bool) -> Unit | None:
    r"""The unit that ``words`` name, or None if they are none.

    Args:
        words: what stands behind a number, without ``\text``.
        upright: whether it stood in ``\text`` or the like, so that it cannot be a product of letters.

    >>> read_unit("km/h", True).dimension, read_unit("apples", True).noun, read_unit("ab", False)
    ((('length', 1), ('time', -1)), 'apple', None)
    """
    words = _HOW.sub("", words)
    found = _measured(words, upright)
    if found is not None:
        return found
    names = _nouns([word.lower() for word in _WORD.findall(words)])
    if not names or any(_changes_the_number(name) for name in names):
        return None
    if re.search(r"[^\w\s.,'’()/-]|\d", words) or words.count("(") != words.count(")"):
        return None
    if not words.isascii():
        if _NO_NOUNS.search(words):
            return Unit(noun=names[0]) if len(names) == 1 and names[0][0] in COUNTED else None
        return Unit(noun=" ".join(names)) if all(len(name) > 2 for name in names) else None
    counted = [_singular(name) for name in names if name not in ("the", "a", "an", "per")]
    if upright and all(len(name) > 1 for name in counted) and counted:
        return Unit(noun=" ".join(counted))
    # Bare letters could be a product: a noun has four of them, in lower case, and stands in the plural.
    one = len(names) == 1 or " of " in words
    plural = one and words.strip().islower() and len(names[0]) >= 4 and names[0].endswith("s")
    return Unit(noun=counted[0]) if (plural or names[0] in IRREGULAR) and counted else None


def _nouns(names: list[str]) -> list[str]:
    """The words of "slices of pizza" and "of the cake" without what joins them; other words as they are."""
    if names[:2] == ["of", "the"]:
        return names[2:]
    return names[:1] + names[2:] if names[1:2] == ["of"] and len(names) > 2 else names


def _changes_the_number(name: str) -> bool:
    """Whether a word behind a number says more than what was counted: half, more, millions, Tausend."""
    return name in MEANING or name.removesuffix("s") in TIMES or MEANING_ELSEWHERE.match(name) is not None


def times_word(words: str) -> tuple[int, str] | None:
    """The power of ten, or the dozen, that stands first in ``words``, and what is left of them.

    >>> times_word("million dollars")
    (1000000, 'dollars')
    """
    match = re.match(r"\s*([a-z]+|[万亿])\s*", words)
    number = TIMES.get(match.group(1).removesuffix("s")) if match else None
    if match is None or number is None:
        return None
    return number, words[match.end() :]


def _measured(words: str, upright: bool) -> Unit | None:
    """Units of measure, multiplied and divided: ``m/s^2``, ``square feet``, ``m s^{-1}``."""
    powers: dict[str, int] = {}
    size, sign, raised = Fraction(1), 1, 0
    last: tuple[Dimension, Fraction] | None = None
    money: tuple[Dimension, Fraction] | None = None
    text = words.strip().strip("()")
    at = 0
    while at < len(text):
        match = _PART.match(text, at)
        if match is None:
            break
        at = match.end()
        if match.group("other"):
            return None
        if match.group("over"):
            sign = -1
        elif match.group("power") or (match.group("word") or "").lower() in ("squared", "cubed"):
            exponent = int(match.group("power") or MODIFIERS[match.group("word").lower()])
            if last is None:
                return None
            _add(powers, last, exponent - 1)
            size *= last[1] ** (exponent - 1)
        elif (word := match.group("word")) is not None:
            if word.lower() in MODIFIERS:
                raised = MODIFIERS[word.lower()]
                continue
            found = _named(word, upright)
            if found is None:
                return None
            if sign > 0 and not powers and found[0][0][0] in MONEY:
                money, last = found, ((), Fraction(1))
                continue
            last = (tuple((name, sign * power) for name, power in found[0]), found[1] ** sign)
            _add(powers, last, raised or 1)
            size *= last[1] ** (raised or 1)
            raised = 0
    if last is None:
        return None
    measure = Unit(tuple(sorted((name, power) for name, power in powers.items() if power)), size)
    return measure if money is None else priced(Unit(*money), measure)


def priced(currency: Unit, measure: Unit | None) -> Unit:
    """A sum of money with what stands behind it: 12 dollars, each, or per hour."""
    if measure is None or measure.noun or not measure.dimension:
        return currency
    if any(power > 0 for _, power in measure.dimension):
        return measure
    return currency._replace(
        per=(tuple((name, -power) for name, power in measure.dimension), 1 / measure.size)
    )


def _add(powers: dict[str, int], unit: tuple[Dimension, Fraction], times: int) -> None:
    for name, power in unit[0]:
        powers[name] = powers.get(name, 0) + power * times


def _named(word: str, upright: bool) -> tuple[Dimension, Fraction] | None:
    word = word.rstrip(".")
    if word in SYMBOLS and (upright or len(word) > 1) and (upright or word in MIXED or word.islower()):
        return SYMBOLS[word]
    if not word.isascii() or word in CODES:
        return UNITS.get(word.lower())
    if word == "K":
        return UNITS["kelvin"] if upright else None
    if len(word) == 1:
        return UNITS.get(word.lower()) if upright and (word in CASED or word.islower()) else None
    if not upright and not (word.islower() or word in MIXED):
        return UNITS.get(word.lower()) if word.istitle() and len(word) > 3 else None
    name = word.lower()
    for form in (name, name.removesuffix("s"), name.removesuffix("es")):
        if form in UNITS and (len(form) > 1 or form == name):
            return UNITS[form]
    return None


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") and len(name) > 3 else name


# ¥ is either.
_ONE_SIGN = [{(("yuan or yen", 1),), ((name, 1),)} for name in ("yuan", "yen")]


def scale_between(gold: Unit, answer: Unit) -> Fraction | None:
    """What turns a number in the unit of the answer into one in the unit of the gold; None if nothing does."""
    if gold.noun or answer.noun:
        return None
    if gold.dimension != answer.dimension and {gold.dimension, answer.dimension} not in _ONE_SIGN:
        return None
    if gold.per is None or answer.per is None:
        return answer.size / gold.size
    return answer.size / gold.size if gold.per == answer.per else None


def same_unit(gold: Unit, answer: Unit) -> bool:
    """Whether two nouns count the same things: one may say more of them."""
    ours, theirs = gold.noun.split(), answer.noun.split()
    if not ours or not theirs:
        return False
    return set(ours) <= set(theirs) or set(theirs) <= set(ours)
