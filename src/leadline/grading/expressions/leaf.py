"""The smallest things that are compared: a number with its unit, an expression, a word."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from leadline.grading.expressions.exact_form import ONE, Form, canonical, exact_form, power_floor
from leadline.grading.expressions.parser import Unreadable, read_expression
from leadline.grading.text.clean import plain_words
from leadline.grading.verdict import Strictness

__all__ = ["Leaf", "read_leaf", "same_leaf"]


class Leaf(NamedTuple):
    """One thing to compare.

    Attributes:
        text: the cleaned text, without its unit.
        form: its exact form, if it could be read.
        unit: ``%``, ``deg``, the name of a unit, or nothing.
        decimal: written with a decimal point, so that rounding is to be forgiven.
        floor: a lower bound of its binary logarithm, when it is a power too large to write down.
    """

    text: str
    form: Form | None = None
    unit: str = ""
    decimal: bool = False
    floor: float = 0.0

    @property
    def number(self) -> Fraction | None:
        """The plain exact number that it is, or None."""
        if self.form is None or len(self.form) > 1:
            return None
        return self.form.get(ONE) if self.form else Fraction(0)

    @property
    def canonical(self) -> str:
        """The text by which equal answers are recognised in a vote."""
        if self.form is None:
            return self.text.replace(" ", "") if "\\" in self.text else self.text.lower()
        mark = "%" if self.unit == "%" else ""
        return canonical(self.form) + mark


_NUMBER = r"[-+]?\s*(?:\d+(?:\.\d*)?|\.\d+)"
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-+]?\d{1,3}(?: \d{3})+(?:\.\d+)?")
_SCIENTIFIC = re.compile(r"(-?\d{1,30}(?:\.\d{1,30})?)[eE]([-+]?\d{1,3})")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d))?\s*(?:\\text\s*\{)?\s*([ap])\.?\s?m\.?\s*\}?", re.IGNORECASE)
_CLOCK_PLAIN = re.compile(r"(\d{1,2}):(0\d|00)")
_PERCENT = re.compile(r"(?:\\text\s*\{)?\s*(?:%|\bpercent(?:age)?\b|\bpct\b)\s*\}?\s*$", re.IGNORECASE)
_DEGREES = re.compile(r"(?:\^\s*\{?\s*\\circ\s*\}?|\\circ|(?:\\text\s*\{)?\s*\bdeg(?:ree)?s?\b\s*\}?)\s*$")
_UNIT = re.compile(
    r"(?<=[\d})\sa-z.])\s*(?:\\text\s*\{(?P<text>[^{}]*)\}|(?P<words>(?<![a-zA-Z\\])[a-zA-Z]{2,}[a-zA-Z .()/]*))"
    r"(?:\s*\^\s*\{?\s*\d\s*\}?)?\s*$"
)
_INDICES = frozenset("knmltsj")
_LETTER_UNIT = re.compile(
    r"(-?(?:\d+(?:\.\d+)?|\\frac\{\d+\}\{\d+\}))\s+[mgshlLNJWVAF](?:\s*\^\s*\{?[23]\}?)?"
)
_ORDINAL = re.compile(r"^(\d+)\s*(?:\^\s*\{?)?\s*(?:\\text\s*\{)?\s*(?:st|nd|rd|th)\s*\}?\s*\}?$")
_BASE = re.compile(r"(\d{1,30})\s*_\s*\{?\s*(?:\\text\s*\{)?\s*(\d{1,2})\s*\}?\s*\}?")
_WORDS = re.compile(r"\\text\s*\{[^{}\\]*\}|[A-Za-z][A-Za-z' .-]+|[a-zA-Z]")
_CHOICE = re.compile(r"^\(?\s*(?:\\text\s*\{)?\s*\(?\s*([A-Z])\s*\)?\s*\}?\s*\)?[.:]?$")

# Name -> (dimension, size). Units that are not here are not compared.
_UNITS: dict[str, tuple[str, Fraction]] = {}
for _dimension, _listed in {
    "length": "mm,millimeter:1/1000 cm,centimeter:1/100 dm,decimeter:1/10 m,meter,metre:1 km,kilometer,kilometre:1000 "
    "in,inch:254/10000 ft,foot,feet:3048/10000 yd,yard:9144/10000 mi,mile:1609344/1000",
    "mass": "mg,milligram:1/1000 g,gram:1 kg,kilogram:1000 ton,tonne:1000000",
    "time": "second,sec:1 minute,min:60 hour,hr:3600 day:86400 week:604800",
    "money": "cent:1/100 dollar:1",
    "volume": "ml,milliliter:1/1000 l,liter,litre:1",
}.items():
    for _entry in _listed.split():
        _names, _size = _entry.split(":")
        _UNITS |= dict.fromkeys(_names.split(","), (_dimension, Fraction(_size)))


@lru_cache(maxsize=4_096)
def read_leaf(text: str) -> Leaf:
    """What a cleaned text without any structure is. Never raises."""
    text = text.strip()
    for read in (_power_of_ten, _clock, _ordinal, _choice, _in_base):
        leaf = read(text)
        if leaf is not None:
            return leaf
    text, unit = _without_unit(text.removeprefix(r"\$").strip())
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "").replace(" ", "")
    try:
        node = read_expression(text)
    except Unreadable:
        return Leaf(text, None, unit, "." in text)
    decimal = "." in text
    try:
        return Leaf(text, exact_form(node), unit, decimal)
    except Unreadable:
        return Leaf(text, None, unit, decimal, power_floor(node))


def _power_of_ten(text: str) -> Leaf | None:
    match = _SCIENTIFIC.fullmatch(text)
    if match is None:
        return None
    number = Fraction(match.group(1)) * Fraction(10) ** int(match.group(2))
    return Leaf(text, {ONE: number} if number else {}, decimal="." in text)


def _clock(text: str) -> Leaf | None:
    match = _CLOCK.fullmatch(text)
    if match is not None:
        hour, minute, half = int(match.group(1)), match.group(2) or "00", match.group(3).lower()
        return Leaf(f"{hour}:{minute} {half}m", unit="clock") if hour < 25 else None
    match = _CLOCK_PLAIN.fullmatch(text)
    return Leaf(f"{int(match.group(1))}:{match.group(2)}", unit="clock") if match else None


def _ordinal(text: str) -> Leaf | None:
    match = _ORDINAL.match(text)
    return read_leaf(match.group(1)) if match else None


def _choice(text: str) -> Leaf | None:
    match = _CHOICE.match(text)
    return Leaf(match.group(1), {}, "choice")._replace(form=None) if match else None


def _in_base(text: str) -> Leaf | None:
    match = _BASE.fullmatch(text)
    if match is None:
        return None
    return Leaf(match.group(1), {ONE: Fraction(int(match.group(1)))}, f"base{int(match.group(2))}")


def _without_unit(text: str) -> tuple[str, str]:
    for pattern, unit in ((_PERCENT, "%"), (_DEGREES, "deg")):
        match = pattern.search(text)
        if match is not None and match.start() > 0:
            return text[: match.start()].rstrip(" \\"), unit
    match = _UNIT.search(text)
    if match is None or match.start() == 0 or not re.search(r"\d|\\pi", text[: match.start()]):
        return text, ""
    squared = "^" in text[match.end("text") if match.group("text") is not None else match.end("words") :]
    return text[: match.start()].rstrip(" \\"), "" if squared else _unit_name(
        match.group("text") or match.group("words") or ""
    )


def _unit_name(words: str) -> str:
    name = plain_words(words)
    return next(
        (form for form in (name, name.removesuffix("s"), name.removesuffix("es")) if form in _UNITS), name
    )


def same_leaf(gold: Leaf, answer: Leaf, comparison: Strictness) -> bool | None:
    """True or False where that is certain and cheap, else None. False only between plain exact numbers."""
    if "clock" in (gold.unit, answer.unit):
        return _same_time(gold.text, answer.text)
    if gold.form is None or answer.form is None:
        return _same_text(gold, answer)
    scale = _scale(gold.unit, answer.unit)
    if scale is not None and scale != 1:
        answer = answer._replace(form={term: value * scale for term, value in answer.form.items()})
    if gold.form == answer.form and not (gold.unit.startswith("base") and answer.unit.startswith("base")):
        return True
    if gold.number is not None and answer.number is not None:
        return _same_number(gold, answer, gold.number, answer.number, comparison)
    if _same_angle(gold, answer) or _same_family(gold, answer) or _same_with_letter(gold, answer):
        return True
    return None


def _same_text(gold: Leaf, answer: Leaf) -> bool | None:
    if gold.text == answer.text:
        return gold.text != "" or None
    if _WORDS.fullmatch(gold.text) and _WORDS.fullmatch(answer.text):
        words = plain_words(gold.text)
        return (words == plain_words(answer.text) and words != "") or None
    for huge, other in ((gold, answer), (answer, gold)):
        if other.number is not None and huge.floor > abs(other.number.numerator).bit_length() + 1:
            return False
    return None


def _same_time(gold: str, answer: str) -> bool:
    """Times of day; half of the day has to be said only once."""
    (g, *half), (a, *other) = gold.split(" "), answer.split(" ")
    return g == a and (half == other or not half or not other)


def _scale(gold: str, answer: str) -> Fraction | None:
    """What turns a number in the unit of the answer into one in the unit of the gold."""
    if gold == answer or gold not in _UNITS or answer not in _UNITS:
        return None
    (dimension, size), (other, theirs) = _UNITS[gold], _UNITS[answer]
    return theirs / size if dimension == other else None


def _same_number(gold: Leaf, answer: Leaf, g: Fraction, a: Fraction, comparison: Strictness) -> bool:
    pairs = [(g, a)]
    if (gold.unit == "%") != (answer.unit == "%"):
        pairs.append((g / 100, a) if gold.unit == "%" else (g, a / 100))
    if gold.unit.startswith("base") and answer.unit.startswith("base") and gold.unit != answer.unit:
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
    r"""``k\pi`` and ``n\pi``, both for all integers."""
    letters = [{p.atom for term in leaf.form or {} for p in term.powers} for leaf in (gold, answer)]
    if not all("pi" in of and len(of) == 2 for of in letters):
        return False
    (g,), (a,) = (of - {"pi"} for of in letters)
    if g not in _INDICES or a not in _INDICES:
        return False
    return gold.form == {
        term._replace(
            powers=tuple(sorted(p._replace(atom=g) if p.atom == a else p for p in term.powers))
        ): value
        for term, value in (answer.form or {}).items()
    }


def _same_with_letter(gold: Leaf, answer: Leaf) -> bool:
    """``5 m`` against ``5``: behind a blank, one letter may be a unit."""
    for number, other in ((gold, answer), (answer, gold)):
        match = _LETTER_UNIT.fullmatch(other.text)
        if number.number is not None and match is not None:
            return read_leaf(match.group(1)).number == number.number
    return False
