r"""Units of measure: which names are units, what they measure, and what words behind a number mean.

Bare letters are a unit only if they are in the list; all others are part of the expression. Words in ``\text`` that
are no unit are what was counted ("5 apples"), unless they change the number ("5 million") or say more ("5 or so").
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Unit", "read_unit", "same_unit", "scale_between", "times_word"]

Dimension = tuple[tuple[str, int], ...]


class Unit(NamedTuple):
    """What a number counts: powers of base dimensions, and how many base units one of it is.

    ``noun`` is what was counted where that is no unit of measure (``apples``); its dimension is empty.
    """

    dimension: Dimension = ()
    size: Fraction = Fraction(1)
    noun: str = ""


_LISTED = {
    "length": "nm,nanometer,nanometre:1/1000000000 mm,millimeter,millimetre,毫米:1/1000 "
    "cm,centimeter,centimetre,厘米,公分:1/100 dm,decimeter,decimetre,分米:1/10 m,meter,metre,米:1 "
    "km,kilometer,kilometre,千米,公里:1000 in,inch,inche:254/10000 "
    "ft,foot,feet:3048/10000 yd,yard:9144/10000 mi,mile:1609344/1000",
    "mass": "mg,milligram,毫克:1/1000 g,gram,gramme,克:1 kg,kilogram,kilo,千克,公斤:1000 ton,tonne,吨:1000000 "
    "lb,lbs,pound:45359237/100000 oz,ounce:28349523125/1000000000",
    "time": "ms,millisecond:1/1000 s,sec,second,秒,秒钟:1 min,minute,mins,分钟:60 h,hr,hour,小时:3600 day,天:86400 "
    "week,周,星期:604800",
    "years": "month,个月:1/12 yr,year,年:1",
    "money": "cent,¢:1/100 dollar,buck,usd:1",
    "euro": "euro,eur:1",
    "sterling": "gbp:1 pence:1/100",
    "rupee": "rupee,inr:1",
    "yuan": "yuan,rmb,cny,元:1 角:1/10",
    "yen": "yen,jpy:1",
    "angle": "deg,degree,度:1 arcmin:1/60",
    "radian": "rad,radian:1",
    "energy": "j,joule:1 kj,kilojoule:1000 cal,calorie:4184/1000 kcal:4184 ev:1",
    "force": "n,newton:1 kn,kilonewton:1000",
    "power": "w,watt:1 kw,kilowatt:1000 mw,megawatt:1000000 hp,horsepower:7457/10",
    "current": "a,amp,ampere:1 ma,milliampere:1/1000",
    "voltage": "v,volt:1 kv,kilovolt:1000 mv,millivolt:1/1000",
    "resistance": "ohm:1",
    "charge": "coulomb:1",
    "pressure": "pa,pascal:1 kpa,kilopascal:1000 atm,atmosphere:101325 bar:100000",
    "frequency": "hz,hertz:1 khz:1000 mhz:1000000 rpm:1/60",
    "temperature": "kelvin:1",
    "amount": "mol,mole:1 mmol:1/1000",
    "data": "bit:1/8 byte:1 kb,kilobyte:1000 mb,megabyte:1000000 gb,gigabyte:1000000000",
}
# Three lengths multiplied: litres are cubic decimetres.
_COMPOUND = {
    "ml,milliliter,millilitre,毫升,cc": ((("length", 3),), Fraction(1, 1000000)),
    "l,liter,litre,升": ((("length", 3),), Fraction(1, 1000)),
    "mph": ((("length", 1), ("time", -1)), Fraction(44704, 100000)),
    "kph,kmh": ((("length", 1), ("time", -1)), Fraction(1000, 3600)),
    "acre": ((("length", 2),), Fraction(40468564224, 10000000)),
    "hectare,ha,公顷": ((("length", 2),), Fraction(10000)),
    "unit,un": ((("unit", 1),), Fraction(1)),
    "gallon,gal": ((("length", 3),), Fraction(3785411784, 10**12)),
}
UNITS: dict[str, tuple[Dimension, Fraction]] = {}
for _dimension, _names in _LISTED.items():
    for _entry in _names.split():
        _spelt, _size = _entry.split(":")
        UNITS |= dict.fromkeys(_spelt.split(","), (((_dimension, 1),), Fraction(_size)))
for _spelt, _meaning in _COMPOUND.items():
    UNITS |= dict.fromkeys(_spelt.split(","), _meaning)

_CASED = frozenset(["J", "N", "W", "V", "A", "F", "C", "K", "L"])
"""Single capitals that are units where they stand upright."""
_MIXED = frozenset(["Hz", "Pa", "kPa", "kW", "kJ", "kN", "mL", "kHz", "MHz", "MW", "eV"])
_CODES = frozenset(["USD", "EUR", "GBP", "INR", "RMB", "CNY", "JPY"])
_MODIFIERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3, "平方": 2, "立方": 3}
_TIMES = {
    "hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
    "万": 10_000, "亿": 10**8,
}  # fmt: skip
_COUNTED = frozenset("个人只本张件辆条支棵头名位次种块盒箱页岁题道间层排袋瓶朵颗根套双对倍枚匹台架艘座")
# Words that say more than what was counted: behind them the number is another one, or none.
_MEANING = frozenset(
    [
        "is",
        "are",
        "was",
        "not",
        "no",
        "or",
        "and",
        "more",
        "less",
        "fewer",
        "than",
        "over",
        "above",
        "below",
        "under",
        "least",
        "most",
        "about",
        "around",
        "almost",
        "nearly",
        "wrong",
        "right",
        "correct",
        "incorrect",
        "remainder",
        "factorial",
        "squared",
        "cubed",
        "half",
        "halves",
        "third",
        "thirds",
        "quarter",
        "quarters",
        "fourth",
        "fourths",
        "fifth",
        "fifths",
        "sixth",
        "sixths",
        "seventh",
        "eighth",
        "eighths",
        "ninth",
        "tenth",
        "tenths",
        "hundredth",
        "hundredths",
        "thousandth",
        "plus",
        "minus",
        "times",
        "divided",
        "mod",
        "modulo",
        "base",
        "to",
        "of",
        "out",
        "pi",
        "i",
        "ii",
        "r",
        "x",
        "y",
        "z",
        "negative",
        "positive",
        "but",
        "if",
        "when",
        "where",
        "for",
        "with",
        "then",
        "percent",
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "twenty",
        "thirty",
        "forty",
        "fifty",
        "sixty",
        "seventy",
        "eighty",
        "ninety",
        "score",
        "pair",
        "pairs",
        "so",
        "up",
        "down",
        "off",
        "either",
        "neither",
        "between",
        "through",
    ]
)
_WORD = re.compile(r"[A-Za-z¢]+|[\u4e00-\u9fff]+")
_PART = re.compile(
    r"\s*(?:(?P<over>/|\bper\b|每)|(?P<word>[A-Za-z¢]+\.?|平方|立方|[\u4e00-\u9fff]+)|(?P<times>\\cdot|\*|·|-)"
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
    found = _measured(words, upright)
    if found is not None:
        return found
    names = [word.lower() for word in _WORD.findall(words)]
    if not names or _MEANING.intersection(names) or _TIMES.keys() & set(names):
        return None
    if re.search(r"[^\w\s.,'’()/-]|\d", words) or words.count("(") != words.count(")"):
        return None
    if not words.isascii():
        return Unit(noun=names[0]) if len(names) == 1 and names[0][0] in _COUNTED else None
    counted = [_singular(name) for name in names if name not in ("the", "a", "an", "per")]
    if upright and all(len(name) > 1 for name in counted) and counted:
        return Unit(noun=" ".join(counted))
    # Bare letters could be a product: a noun has four of them, in lower case, and stands in the plural.
    plural = len(names) == 1 and words.strip().islower() and len(names[0]) >= 4 and names[0].endswith("s")
    return Unit(noun=counted[0]) if (plural or names[0] in _IRREGULAR) and counted else None


_IRREGULAR = frozenset(
    ["people", "children", "men", "women", "feet", "mice", "geese", "students", "ways", "points"]
)


def times_word(words: str) -> tuple[int, str] | None:
    """The power of ten, or the dozen, that stands first in ``words``, and what is left of them.

    >>> times_word("million dollars")
    (1000000, 'dollars')
    """
    match = re.match(r"\s*([a-z]+|[万亿])\s*", words)
    number = _TIMES.get(match.group(1)) if match else None
    if match is None or number is None:
        return None
    return number, words[match.end() :]


def _measured(words: str, upright: bool) -> Unit | None:
    """Units of measure, multiplied and divided: ``m/s^2``, ``square feet``, ``m s^{-1}``."""
    powers: dict[str, int] = {}
    size, sign, raised, last = Fraction(1), 1, 0, None
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
            exponent = int(match.group("power") or _MODIFIERS[match.group("word").lower()])
            if last is None:
                return None
            _add(powers, last, exponent - 1)
            size *= last[1] ** (exponent - 1)
        elif (word := match.group("word")) is not None:
            if word.lower() in _MODIFIERS:
                raised = _MODIFIERS[word.lower()]
                continue
            found = _named(word, upright)
            if found is None:
                return None
            last = (tuple((name, sign * power) for name, power in found[0]), found[1] ** sign)
            _add(powers, last, raised or 1)
            size *= last[1] ** (raised or 1)
            raised = 0
    if last is None:
        return None
    return Unit(tuple(sorted((name, power) for name, power in powers.items() if power)), size)


def _add(powers: dict[str, int], unit: tuple[Dimension, Fraction], times: int) -> None:
    for name, power in unit[0]:
        powers[name] = powers.get(name, 0) + power * times


def _named(word: str, upright: bool) -> tuple[Dimension, Fraction] | None:
    word = word.rstrip(".")
    if not word.isascii() or word in _CODES:
        return UNITS.get(word.lower())
    if len(word) == 1 and word.isascii():
        return UNITS.get(word.lower()) if upright and (word in _CASED or word.islower()) else None
    if not upright and not (word.islower() or word in _MIXED):
        return UNITS.get(word.lower()) if word.istitle() and len(word) > 3 else None
    name = word.lower()
    for form in (name, name.removesuffix("s"), name.removesuffix("es")):
        if form in UNITS and (len(form) > 1 or form == name):
            return UNITS[form]
    return None


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") and len(name) > 3 else name


def scale_between(gold: Unit, answer: Unit) -> Fraction | None:
    """What turns a number in the unit of the answer into one in the unit of the gold; None if nothing does."""
    return (
        answer.size / gold.size
        if gold.dimension == answer.dimension and not (gold.noun or answer.noun)
        else None
    )


def same_unit(gold: Unit, answer: Unit) -> bool:
    """Whether two nouns count the same things: one may say more of them."""
    ours, theirs = gold.noun.split(), answer.noun.split()
    if not ours or not theirs:
        return False
    return set(ours) <= set(theirs) or set(theirs) <= set(ours)
