r"""Money: which currency a sign or a code means, in front of a sum or behind it."""

from __future__ import annotations

import re

from leadline.grading.expressions.units import Unit, read_unit

__all__ = ["without_currency"]

# What the signs are called once a text is cleaned, and codes in front of a number -> the unit.
_SIGNS = {
    "usd": "dollar",
    "eur": "euro",
    "gbp": "gbp",
    "inr": "rupee",
    "rub": "ruble",
    "cent": "cent",
    "yuanyen": "¥",
}
_CODES = {
    "Rs": "rupee", "INR": "rupee", "EUR": "euro", "GBP": "gbp", "RMB": "yuan", "CNY": "yuan", "JPY": "yen",
    "US": "dollar", "HK": "dollar", "AU": "dollar", "CA": "dollar", "NZ": "dollar", "A": "dollar", "C": "dollar",
    "S": "dollar", "NT": "dollar", "R": "brl",
}  # fmt: skip
_SIGN = re.compile(rf"\\text\s*\{{\s*\\({'|'.join(_SIGNS)})\s*\}}|\\({'|'.join(_SIGNS)})(?![a-zA-Z])")
_CODE = re.compile(
    r"^(?:\\text\s*\{\s*)?(?:(Rs|INR|EUR|GBP|RMB|CNY|JPY)\.?|(US|HK|AU|CA|NZ)D?|(NT|[ACRS])(?=\s*\}?\s*\\usd))\s*\}?\s*(?=\\usd|-?[\d.])"
)


def without_currency(text: str) -> tuple[str, Unit | None]:
    r"""A cleaned text without the signs of one currency, and that currency; as it is where there are none, or several.

    >>> text, unit = without_currency(r"\usd 12 + \usd 3")
    >>> text.split(), unit.dimension
    (['12', '+', '3'], (('money', 1),))
    """
    name = ""
    code = _CODE.match(text)
    if code is not None:
        name, text = _CODES[code.group(1) or code.group(2) or code.group(3)], text[code.end() :]
    if "\\" in text:
        found = {match.group(1) or match.group(2) for match in _SIGN.finditer(text)}
        if len(found) == 1:
            name, text = name or _SIGNS[found.pop()], _SIGN.sub(" ", text).strip()
    return text, read_unit(name, upright=True) if name else None
