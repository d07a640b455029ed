"""Tables of units: what they are called, what they measure, and words behind a number that are none."""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = [
    "CASED", "CODES", "COUNTED", "IRREGULAR", "MEANING", "MEANING_ELSEWHERE", "MIXED",
    "MODIFIERS", "MONEY", "TIMES", "UNITS", "Dimension",
]  # fmt: skip

Dimension = tuple[tuple[str, int], ...]

_LISTED = {
    "length": "å,angstrom:1/10000000000 nm,nanometer,nanometre:1/1000000000 um,micrometer,micrometre,micron:1/1000000 "
    "mm,millimeter,millimetre,毫米,мм:1/1000 "
    "cm,centimeter,centimetre,厘米,公分,см:1/100 dm,decimeter,decimetre,分米:1/10 m,meter,metre,米,м:1 "
    "km,kilometer,kilometre,千米,公里,км:1000 in,inch,inche:254/10000 "
    "ft,foot,feet:3048/10000 yd,yard:9144/10000 mi,mile:1609344/1000",
    "mass": "mg,milligram,毫克:1/1000 g,gram,gramme,克,г:1 kg,kilogram,kilo,千克,公斤,кг:1000 ton,tonne,吨:1000000 "
    "lb,lbs,pound:45359237/100000 oz,ounce:28349523125/1000000000",
    "time": "us,microsecond:1/1000000 ms,millisecond:1/1000 s,sec,second,秒,秒钟,сек:1 min,minute,mins,分钟,мин:60 "
    "h,hr,hour,小时,ч,час,часа,часов:3600 day,天:86400 "
    "week,周,星期:604800",
    "years": "month,个月:1/12 yr,year,年:1 decade:10 century,centurie:100 millennium:1000",
    "money": "cent:1/100 dollar,buck,usd:1",
    "euro": "euro,eur:1",
    "sterling": "gbp:1 pence:1/100",
    "rupee": "rupee,inr:1",
    "ruble": "ruble,rouble,rub,руб,рубль,рубля,рублей:1",
    "brl": "brl,reais:1",
    "yuan": "yuan,rmb,cny,元:1 角:1/10",
    "yen": "yen,jpy,円:1",
    "yuan or yen": "¥:1",
    "angle": "deg,degree,度:1 arcmin:1/60",
    "radian": "rad,radian:1",
    "energy": "j,joule:1 kj,kilojoule:1000 cal,calorie:4184/1000 kcal,kilocalorie:4184 "
    "ev,electronvolt:1602176634/10000000000000000000000000000 "
    "wh:3600 kwh:3600000 megajoule:1000000",
    "force": "n,newton:1 kn,kilonewton:1000",
    "power": "w,watt:1 kw,kilowatt:1000 mw,megawatt:1000000 hp,horsepower:7457/10",
    "current": "a,amp,ampere:1 ma,milliampere:1/1000",
    "voltage": "v,volt:1 kv,kilovolt:1000 mv,millivolt:1/1000",
    "resistance": "ohm:1 kohm:1000 mohm:1000000",
    "charge": "coulomb:1",
    "capacitance": "farad:1",
    "field": "tesla:1 gauss:1/10000",
    "inductance": "henry:1",
    "flux": "weber:1",
    "pressure": "pa,pascal:1 kpa,kilopascal:1000 atm,atmosphere:101325 bar:100000 torr,mmhg:101325/760",
    "frequency": "hz,hertz:1 khz,kilohertz:1000 mhz,megahertz:1000000 ghz,gigahertz:1000000000 rpm:1/60",
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
    "quart,qt": ((("length", 3),), Fraction(3785411784, 4 * 10**12)),
    "pint": ((("length", 3),), Fraction(3785411784, 8 * 10**12)),
    "molar": ((("amount", 1), ("length", -3)), Fraction(1000)),
}
UNITS: dict[str, tuple[Dimension, Fraction]] = {}
for _dimension, _names in _LISTED.items():
    for _entry in _names.split():
        _spelt, _size = _entry.split(":")
        UNITS |= dict.fromkeys(_spelt.split(","), (((_dimension, 1),), Fraction(_size)))
for _spelt, _meaning in _COMPOUND.items():
    UNITS |= dict.fromkeys(_spelt.split(","), _meaning)

MONEY = frozenset(["money", "euro", "sterling", "rupee", "ruble", "brl", "yuan", "yen", "yuan or yen"])
CASED = frozenset(["J", "N", "W", "V", "A", "F", "C", "K", "L"])
"""Single capitals that are units where they stand upright."""
MIXED = frozenset(["Hz", "Pa", "kPa", "kW", "kJ", "kN", "mL", "kHz", "MHz", "MW", "eV"])
CODES = frozenset(["USD", "EUR", "GBP", "INR", "RMB", "CNY", "JPY"])
MODIFIERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3, "平方": 2, "立方": 3}
TIMES = {
    "hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
    "quadrillion": 10**15, "quintillion": 10**18, "lakh": 10**5, "crore": 10**7, "万": 10_000, "亿": 10**8,
}  # fmt: skip
COUNTED = frozenset(
    "个人只本张件辆条支棵头名位次种块盒箱页岁题道间层排袋瓶朵颗根套双对倍枚匹台架艘座個名開원개명마리권"
)
# Words that say more than what was counted: behind them the number is another one, or none.
_MEANING = {
    "links": "is are was not no or and but if when where for with then so until to of out off up down through unless "
    "except either neither between",
    "bounds": "more less fewer than over above below under beyond least most about around almost nearly ish",
    "verdicts": "wrong right correct incorrect false untrue invalid impossible extraneous rejected maybe perhaps "
    "possibly probably",
    "multiples": "tens ppm ppb permille percent googol gross grand bn mn tn score scores pair pairs double triple "
    "twice thrice",
    "operations": "square cube squared cubed root inverse reciprocal choose versus vs remainder factorial plus minus "
    "times divided mod modulo base negative positive",
    "parts": "half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths seventh sevenths "
    "eighth eighths ninth ninths tenth tenths eleventh elevenths twelfth twelfths hundredth hundredths thousandth "
    "thousandths millionth millionths",
    "numbers": "zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty "
    "seventy eighty ninety pi i ii r x y z",
}
MEANING = frozenset(" ".join(_MEANING.values()).split())

# The same in other languages, by the stems of the words, whatever ending follows.
_STEMS = {
    "powers of ten": "milliard milh mill?i?on millón mil mille mila miles tausend hundert tusen ribu juta bin milyon "
    "bilh bilion cent[oi]?s? cien cientos tysi тысяч миллион миллиард сот",
    "dozens and parts": "дюжин docena dúzia dutzend douzaine dozzin halb hälfte demi moitié medi[oa] mitad mezz "
    "met[aà]de viertel drittel fünftel zehntel hundertstel tiers tercio половин трет четверт десят сотых пят",
    "links and bounds": "на не или более менее больше меньше nicht kein oder und mehr weniger ou ni non más menos plus "
    "moins mais mal fois veces vezes volte раз",
    "verdicts": "falsch faux fausse fals[oa] incorrect[oa] errad[oa] неверно неправильно richtig",
    "operations": "fakultät факториал процент prozent por pour per",
}
_ENDINGS = r"(?:n?e[nsr]?|[aeiouyыаяи]|s|es|ов|ей|й)?$"
MEANING_ELSEWHERE = re.compile(f"(?:{'|'.join(' '.join(_STEMS.values()).split())}){_ENDINGS}")

IRREGULAR = frozenset("people children men women feet mice geese students ways points".split())
