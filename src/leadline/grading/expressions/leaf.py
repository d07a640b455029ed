"""The smallest things that are compared: a number with its unit, an expression, a word."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from leadline.grading.expressions.dates import read_clock, read_date
from leadline.grading.expressions.exact_form import ONE, Form, canonical, exact_form, power_floor
from leadline.grading.expressions.money import without_currency
from leadline.grading.expressions.number_words import SMALL_NUMBERS, number_in_words
from leadline.grading.expressions.parser import read_expression
from leadline.grading.expressions.tokens import Unreadable
from leadline.grading.expressions.trailing import Trailing, without_trailing
from leadline.grading.expressions.units import Unit, priced
from leadline.grading.expressions.words import is_words
from leadline.grading.text.text_command import without_text_commands

__all__ = ["SAID", "Leaf", "read_leaf"]

SAID = frozenset(("clock", "date", "choice", "words"))
"""Sorts of leaves that are the same, or not, by what they say."""


class Leaf(NamedTuple):
    """One thing to compare.

    Attributes:
        text: the cleaned text, without its unit.
        form: its exact form, if it could be read.
        unit: what sort of thing it is: ``%``, ``deg``, ``°C``, ``clock``, ``date``, ``choice``, ``base8``, ``words``,
            or nothing.
        decimal: written with a decimal point, so that rounding is to be forgiven.
        floor: a lower bound of its binary logarithm, when it is a power too large to write down.
        measure: the unit of measure behind it, or what it counts.
    """

    text: str
    form: Form | None = None
    unit: str = ""
    decimal: bool = False
    floor: float = 0.0
    measure: Unit | None = None

    @property
    def number(self) -> Fraction | None:
        """The plain exact number that it is, or None."""
        if self.form is None or len(self.form) > 1:
            return None
        return self.form.get(ONE) if self.form else Fraction(0)

    @property
    def in_base(self) -> bool:
        """Whether the base of its digits is said."""
        return self.unit.startswith("base")

    @property
    def canonical(self) -> str:
        """The text by which equal answers are recognised in a vote."""
        if self.form is None:
            return self.text.replace(" ", "") if "\\" in self.text else self.text.lower()
        mark = "%" if self.unit == "%" else ""
        return canonical(self.form) + mark


_GROUPED = re.compile(r"[-+]?\d{1,3}(?: \d{3})+(?:\.\d+)?")
_SCIENTIFIC = re.compile(r"(-?\d{1,30}(?:\.\d{1,30})?)[eE]([-+]?\d{1,3})")
_ORDINAL = re.compile(
    r"^(\d*(?:(?<!1)1(?=\D*st)|(?<!1)2(?=\D*nd)|(?<!1)3(?=\D*rd)|(?:1[1-3]|[04-9])(?=\D*th)))"
    r"\s*(?:\^\s*\{?)?\s*(?:\\text\s*\{)?\s*(?:st|nd|rd|th)\s*\}?\s*\}?$"
)
_BASE = re.compile(
    r"(-?)\(?\s*(?:\\text\s*\{\s*)?([0-9A-Fa-f]{1,30}(?:\.[0-9A-Fa-f]{1,30})?)\s*\}?\s*\)?"
    r"\s*_\s*\{?\s*(?:\\text\s*\{)?\s*\(?\s*(\d{1,2}|[a-z]{3,7})\s*\)?\s*\}?\s*\}?"
)
# 1101_{\text{base 2}}, and 1101 (base 2).
_BASE_BELOW = re.compile(r"_\s*\{?\s*\\text\s*\{\s*base\b\s*\}?")
_BASE_SAID = re.compile(
    r"(?<=[\dA-Fa-f])\s*\(?\s*(?:\\text\s*\{)?\s*\(?\s*(?:in\s+)?base\b[\s}-]*(\d{1,2}|[a-z]{3,6})\s*\)?\s*\}?\s*\)?$"
)
_BASE_WORDS = {word: number for word, number in SMALL_NUMBERS.items() if 2 <= number <= 12}
_BASE_LETTERS = re.compile(r"(\d[0-9A-Fa-f]*?)\s*\\text\s*\{\s*([A-F])\s*\}\s*(_.*)")
_CHOICE = re.compile(
    r"^[(\[]?\s*(?:\\text\s*\{)?\s*(?:(?:[Oo]ption|[Cc]hoice)\s+)?\s*\(?\s*([A-Z])\s*\)?\s*\}?\s*[)\]]?[.:]?$"
)
_NO_SOLUTION = re.compile(
    r"(?:there (?:is|are|exists?) )?no (?:real |integer )?(?:solutions?|roots?)(?: exists?)?|(?:the )?empty set",
    re.IGNORECASE,
)
_MINUTES = re.compile(r"(-?\d+)\s*\^\s*\\circ\s*(\d{1,2})(?:'\s*(?:(\d{1,2}(?:\.\d+)?)(?:'')?)?)?")


@lru_cache(maxsize=4_096)
def read_leaf(text: str) -> Leaf:
    """What a cleaned text without any structure is. Never raises."""
    text = text.strip()
    if text.isdecimal() and len(text) < 1_000:
        return _plain(text)
    text, currency = without_currency(text)
    leaf = _read(text)
    return leaf if currency is None else leaf._replace(measure=priced(currency, leaf.measure))


def _read(text: str) -> Leaf:
    for read in (_power_of_ten, _clock, _date, _ordinal, _choice, _in_base, _degrees_and_minutes, _words):
        leaf = read(text)
        if leaf is not None:
            return leaf
    found = without_trailing(text)
    text = found.text
    if _GROUPED.fullmatch(text):
        text = text.replace(" ", "")
    return _expression(text, found)


def _plain(digits: str) -> Leaf:
    number = Fraction(int(digits))
    return Leaf(digits, {ONE: number} if number else {})


def _expression(text: str, found: Trailing) -> Leaf:
    leaf = Leaf(text, None, found.unit, "." in text, measure=found.measure)
    try:
        node = read_expression(text)
    except Unreadable:
        return leaf
    if node.degrees and not leaf.unit:
        leaf = leaf._replace(unit="deg")
    try:
        form = exact_form(node)
    except Unreadable:
        return leaf._replace(floor=power_floor(node))
    if found.times != 1:
        form = {term: value * found.times for term, value in form.items()}
    return leaf._replace(form=form)


def _power_of_ten(text: str) -> Leaf | None:
    match = _SCIENTIFIC.fullmatch(text)
    if match is None:
        return None
    number = Fraction(match.group(1)) * Fraction(10) ** int(match.group(2))
    return Leaf(text, {ONE: number} if number else {}, decimal="." in text)


def _clock(text: str) -> Leaf | None:
    shown = read_clock(text) if ":" in text or text.rstrip(" .}")[-1:] in "mM" else None
    return Leaf(shown, unit="clock") if shown else None


def _date(text: str) -> Leaf | None:
    shown = read_date(text)
    return Leaf(shown, unit="date") if shown else None


def _ordinal(text: str) -> Leaf | None:
    match = _ORDINAL.match(text)
    return read_leaf(match.group(1)) if match else None


def _choice(text: str) -> Leaf | None:
    match = _CHOICE.match(text)
    return Leaf(match.group(1), unit="choice") if match else None


def _in_base(text: str) -> Leaf | None:
    if "base" in text:
        text = _BASE_SAID.sub(r"_{\1}", _BASE_BELOW.sub("_{", text))
    letters = _BASE_LETTERS.fullmatch(text)
    match = _BASE.fullmatch("".join(letters.groups()) if letters else text)
    if match is None:
        return None
    named = match.group(3)
    base = int(named) if named.isdecimal() else _BASE_WORDS.get(named, 0)
    if not base or not (match.group(2)[0].isdigit() or (base > 10 and match.group(2).isupper())):
        return None
    digits = match.group(1) + match.group(2).upper()
    value = Fraction(digits if match.group(2).replace(".", "").isdecimal() else 0)
    form: Form | None = {ONE: value} if value else None
    return Leaf(digits, form, f"base{base}")


def _degrees_and_minutes(text: str) -> Leaf | None:
    match = _MINUTES.fullmatch(text) if "circ" in text else None
    if match is None or int(match.group(2)) > 59:
        return None
    degrees, minutes, seconds = match.group(1), Fraction(match.group(2)), Fraction(match.group(3) or 0)
    part = minutes / 60 + seconds / 3600
    value = int(degrees) + (-part if degrees.startswith("-") else part)
    return Leaf(text, {ONE: value} if value else {}, "deg")


def _words(text: str) -> Leaf | None:
    if not is_words(text):
        return None
    if (number := number_in_words(text)) is not None:
        return _plain(str(number))
    if _NO_SOLUTION.fullmatch(without_text_commands(text).strip()):
        return Leaf(r"\emptyset")
    counted = (
        "\\text" in text and not text.startswith("\\text") and without_trailing(text).measure is not None
    )
    return None if counted else Leaf(text, unit="words")
