r"""How numbers are written: thousands set apart, repeating decimals, mixed numbers, powers of ten."""

from __future__ import annotations

import re

__all__ = ["plain_numerals"]

_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!,?\d)(?:\.\d+)?")
_LIST = re.compile(r"[(\[]([^()\[\]{}]*)[)\]]|\\\{([^{}]*)\\\}")
_APART = re.compile(r",\s|;|,\s*\\|\\text|\\land|\\lor|\band\b|\bor\b")
_TIMES = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
_MIXED = re.compile(r"(?<![\d.,/^_{}\w])(\d{1,6}) (\d{1,6}) ?/ ?(\d{1,6})(?![\d/.^])")


def plain_numerals(text: str) -> str:
    """Numbers without commas for the thousands, mixed numbers as such, and ``x 10^3`` as a product.

    Inside of a bracket commas divide, unless others do there: ``(1,000)`` is a pair, ``(1,000, 2,000)`` is one of
    thousands.

    >>> plain_numerals("1,000x + 12,500"), plain_numerals("(1,000)"), plain_numerals("(1,000, 2)")
    ('1000x + 12500', '(1,000)', '(1000, 2)')
    """
    if "," in text and _GROUPED.search(text) is not None:
        divided = [match.span() for match in _LIST.finditer(text) if not _APART.search(match.group())]
        text = _GROUPED.sub(lambda match: _joined(match, divided), text)
    if "10" in text:
        text = _TIMES.sub(r" \\times ", text)
    if "/" in text:
        text = _MIXED.sub(_mixed, text)
    return text


def _joined(match: re.Match[str], divided: list[tuple[int, int]]) -> str:
    if any(start < match.start() and match.end() < end for start, end in divided):
        return match.group()
    return match.group().replace(",", "")


def _mixed(match: re.Match[str]) -> str:
    whole, above, below = match.groups()
    return rf"{whole}\frac{{{above}}}{{{below}}}" if int(above) < int(below) else match.group()
