r"""What stands behind a number or an expression: percent, degrees, units, "million", what was counted."""

from __future__ import annotations

import re
from typing import NamedTuple

from leadline.grading.expressions.units import Unit, read_unit, times_word
from leadline.grading.text.text_command import without_text_commands

__all__ = ["Trailing", "without_trailing"]


class Trailing(NamedTuple):
    """A text without what stood behind it: ``unit`` is ``%``, ``deg``, ``°C`` or ``°F``; ``times`` a factor."""

    text: str
    unit: str = ""
    measure: Unit | None = None
    times: int = 1


_PERCENT = re.compile(r"(?:\\text\s*\{)?\s*(?:%|\bper\s?cent(?:age)?\b|\bpct\b)\s*\}?\s*$", re.IGNORECASE)
_TEMPERATURE = re.compile(
    r"\s*(?:\\text\s*\{\s*)?(?:\^\s*\{?\s*\\circ\s*\}?|\\circ|\bdegrees?)\s*(?:\\text\s*\{\s*)?"
    r"(?P<scale>[CF]|Celsius|Fahrenheit)\s*\}?\s*$"
)
_DEGREES = re.compile(r"(?:\^\s*\{?\s*\\circ\s*\}?|\\circ|(?:\\text\s*\{)?\s*\bdeg(?:ree)?s?\b\s*\}?)\s*$")
_FUNCTION = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")
_POWER = r"(?:\s*\^\s*\{?\s*-?\d\s*\}?)?"
_UPRIGHT = re.compile(rf"(?:\s*(?:\\cdot|/|\*)?\s*\\text\s*\{{[^{{}}]*\}}{_POWER})+\s*$")
_BARE = re.compile(
    rf"(?<=[\d)}}.\s])\s*(?<![a-zA-Z\\])"
    rf"(?P<words>/?\s?[a-zA-Z]{{2,}}(?:[ /.]+[a-zA-Z]+|{_POWER}){{0,16}}\.?)\s*$"
)
_NOT_ASCII = re.compile(
    r"(?<=[\d)}\s])\s*(?P<words>(?=[a-zA-Z]*[^\W\d_a-zA-Z])[^\W\d_]+(?:[/ ][^\W\d_]+){0,2})\s*$"
)
_PER = re.compile(r"(?<=\d)\s*(?:/\s*|\\text\s*\{\s*/\s*)(?P<words>[a-zA-Z]{2,})\s*\}?$")
_OHMS = re.compile(r"(?<=[\d\s}])\s*(?:\\text\s*\{\s*(?P<prefix>[kM])\s*\}\s*)?\\Omega\s*$")
_MICRO = re.compile(r"\\mu\s*\\text\s*\{\s*(?=[a-zA-Z])|\\text\s*\{\s*\\mu\s*(?=[a-zA-Z])")
_QUOTIENT = re.compile(
    r"(?<=\d)\s+(?P<words>(?:[kcm]?m|[km]?g|mi|ft|mol|rad|[kM]?[NJWCVL])\s?/\s?"
    r"(?:hr?|s(?:ec|\s?\^\s?\{?2\}?)?|min|day|k?g|mol|[cdm]?L|c?m(?:\s?\^\s?\{?[23]\}?)?))\s*$"
)
_NUMBER = re.compile(r"-?\s*(?:\d+(?:\.\d+)?|\.\d+|(?:\d+\s*)?\\frac\{\d+\}\{\d+\}|\d+/\d+)\s*")
_TENS = re.compile(r"[\d.\s]*\\times\s*10\s*\^\s*\{?\s*-?\d+\s*\}?\s*")
# Two letters that a physicist multiplies as often: units only behind a plain number and a blank.
_AMBIGUOUS = frozenset(
    "mg ms in ma mv kn pa mw kv kb mb gb ha ev un mi cc nm um us hr dm yd ml kj kw lb".split()
)


def without_trailing(text: str) -> Trailing:
    r"""Take apart ``text`` and what stands behind its value; all of it is the value if nothing known does.

    >>> without_trailing(r"5 \text{ cm}").text, without_trailing("2ab").text, without_trailing("3 million").times
    ('5', '2ab', 1000000)
    """
    if not text or _NUMBER.fullmatch(text):
        return Trailing(text)
    if "\\mu" in text:
        text = _MICRO.sub(r"\\text{u", text)
    found = _sign(text) or _ohms(text) or _upright(text) or _quotient(text) or _per(text) or _bare(text)
    return found or Trailing(text)


def _sign(text: str) -> Trailing | None:
    """Percent and degrees. Degrees behind a function belong to its argument."""
    match = _PERCENT.search(text)
    if match is not None and match.start() > 0:
        return Trailing(text[: match.start()].rstrip(" \\"), "%")
    match = _TEMPERATURE.search(text)
    if match is not None and match.start() > 0:
        return Trailing(text[: match.start()].rstrip(), "°" + match.group("scale")[0])
    match = _DEGREES.search(text)
    if match is not None and match.start() > 0 and not _FUNCTION.search(text):
        return Trailing(text[: match.start()].rstrip(" \\"), "deg")
    return None


def _ohms(text: str) -> Trailing | None:
    match = _OHMS.search(text) if "\\Omega" in text else None
    if match is None or not _NUMBER.fullmatch(text[: match.start()].rstrip(" \\")):
        return None
    return _measured(text[: match.start()].rstrip(" \\"), (match.group("prefix") or "") + "ohm", upright=True)


def _upright(text: str) -> Trailing | None:
    match = _UPRIGHT.search(text) if "\\text" in text else None
    if match is None or not _is_value(text[: match.start()]):
        return None
    return _measured(text[: match.start()].rstrip(" \\"), without_text_commands(match.group()), upright=True)


def _per(text: str) -> Trailing | None:
    """``25/year``: the dividend was counted by something."""
    match = _PER.search(text)
    unit = read_unit("/" + match.group("words"), upright=True) if match else None
    if match is None or unit is None or unit.noun:
        return None
    return Trailing(text[: match.start()], measure=unit)


def _bare(text: str) -> Trailing | None:
    match = _BARE.search(text) or _NOT_ASCII.search(text)
    if match is None or match.start() == 0:
        return None
    value, words = text[: match.start()].rstrip(" \\"), match.group("words")
    plain = _NUMBER.fullmatch(value) is not None or _TENS.fullmatch(value) is not None
    first = re.split(r"[^a-zA-Z]", words.strip("/ "))[0].lower()
    apart = match.start() < match.start("words") or text[match.start() - 1].isspace()
    if words.isascii() and not plain and (not apart or first in _AMBIGUOUS):
        return None
    if first in _AMBIGUOUS and not apart:
        return None
    if not plain and not re.search(r"\d|\\pi", value):
        return None
    return _measured(value, words, upright=False)


def _quotient(text: str) -> Trailing | None:
    """``5 m/s``: behind a plain number and a blank a quotient of units is no quotient of letters."""
    match = _QUOTIENT.search(text) if "/" in text else None
    if match is None or not _NUMBER.fullmatch(text[: match.start()]):
        return None
    return _measured(text[: match.start()], match.group("words"), upright=True)


def _measured(value: str, words: str, *, upright: bool) -> Trailing | None:
    several = times_word(words)
    times, words = several if several is not None else (1, words)
    if not words.strip():
        return Trailing(value, times=times)
    unit = read_unit(words, upright)
    return None if unit is None else Trailing(value, measure=unit, times=times)


def _is_value(text: str) -> bool:
    r"""Whether something stands in front of a unit that a unit may measure."""
    bare = text.strip().rstrip("\\")
    return bool(bare) and "\\text" not in bare and not re.search(r"(?<![a-zA-Z\\])[a-zA-Z]{4,}", bare)
