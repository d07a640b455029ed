r"""Dollar signs: those around mathematics, and those in front of prices."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["inside_math", "math_spans", "without_math", "without_prices"]

# The rule of Pandoc's Markdown: the opening sign touches what follows, the closing one touches what stands before it
# and no digit follows it. Models also put blanks on both sides.
_MATH = re.compile(
    r"\$\$(.{1,2000}?)\$\$"
    r"|(?<!\\)\$(?=\S)([^$]{0,1999}?[^\s$\\])\$(?!\d)"
    r"|(?<!\\)\$\s+([^$]{1,2000}?)\s+\$(?!\d)"
    r"|\\\((.{1,2000}?)\\\)"
    r"|\\\[(.{1,2000}?)\\\]",
    re.DOTALL,
)
_PRICE = re.compile(r"\\?\$\s?(?=-?[\d.])")


def math_spans(text: str) -> Iterator[re.Match[str]]:
    """The formulas of a text."""
    return _MATH.finditer(text)


def inside_math(match: re.Match[str]) -> str:
    """What stands between the signs of a formula."""
    return next(group for group in match.groups() if group is not None).strip()


def without_math(text: str) -> str:
    r"""The text with every formula blotted out, character for character.

    >>> without_math(r"so $x = 5$ and \(y\)") == "so " + "\0" * 7 + " and " + "\0" * 5
    True
    """
    return _MATH.sub(lambda match: "\0" * len(match.group()), text)


def without_prices(text: str, sign: str = "") -> str:
    r"""The text without the signs of prices (or with ``sign`` in their place), so that what stays are formulas.

    >>> without_prices("It is $5 + $7 = $12, so $x = 12$.")
    'It is 5 + 7 = 12, so $x = 12$.'
    """
    if "$" not in text:
        return text
    shown = without_math(text)
    pieces, at = [], 0
    for match in _PRICE.finditer(shown):
        pieces.append(text[at : match.start()] + sign)
        at = match.end()
    return "".join([*pieces, text[at:]])
