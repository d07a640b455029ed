r"""How numbers are written: thousands set apart, repeating decimals, mixed numbers, powers of ten."""

from __future__ import annotations

import re

__all__ = ["plain_numerals"]

_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!,?\d)(?:\.\d+)?")
_LIST = re.compile(r"[(\[]([^()\[\]{}]*)[)\]]|\\\{([^{}]*)\\\}")
_APART = re.compile(r",\s|;|,\s*\\|\\text|\\land|\\lor|\band\b|\bor\b")
_TIMES = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
_MIXED = re.compile(r"(?<![\d.,/^_{}\w])(\d{1,6}) (\d{1,6}) ?/ ?(\d{1,6})(?![\d/.^])")

# 1.234.567,89 has points for thousands; 1.234 does not show it.
_POINTS = re.compile(
    r"(?<![\d.,])(?:(\d{1,3}(?:\.\d{3}){2,})((?:,\d+)?)|([1-9]\d{0,2}\.\d{3})(,\d{2}))(?![\d.,]?\d)"
)
_PERIOD = re.compile(
    r"(?<![\d.])(\d+\.\d*)(?:\\dot\s*\{?(\d)\}?\s*(\d*)\s*\\dot\s*\{?(\d)\}?|(?<=\.)\((\d+)\))"
)
_SEMICOLONS = re.compile(r"\(([^()\[\]{};]*;[^()\[\]{}]*)\)")
_DECIMAL = re.compile(r"\s*-?\d+(?:,\d+)?\s*")
_OUTWARD = re.compile(
    r"(?:(?<=^)|(?<=\\cup )|(?<=\\cup)|(?<=\\in )|(?<=\\in)|(?<== )|(?<==))([\[\]])"
    r"(?!\s*[\[\]])([^\[\]()]*)([\[\]])(?=\s*(?:$|\\cup|\\cap))"
)


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
    if "." in text:
        text = _POINTS.sub(_without_points, text)
        text = _PERIOD.sub(r"\1\\overline{\2\3\4\5}", text)
    if ";" in text and "," in text:
        text = _SEMICOLONS.sub(_with_points, text)
    if "[" in text or "]" in text:
        text = _OUTWARD.sub(_inward, text)
    if "10" in text:
        text = _TIMES.sub(r" \\times ", text)
    if "/" in text:
        text = _MIXED.sub(_mixed, text)
    return text


def _without_points(match: re.Match[str]) -> str:
    """``1.234.567,8``, and ``1.250,00``, with a decimal point and no others."""
    whole, part = match.group(1) or match.group(3), match.group(2) or match.group(4) or ""
    return whole.replace(".", "") + part.replace(",", ".")


def _with_points(match: re.Match[str]) -> str:
    """``(0,5; 2)`` with decimal points: where semicolons divide, commas do not."""
    parts = match.group(1).split(";")
    decimal = all(_DECIMAL.fullmatch(part) for part in parts)
    return match.group().replace(",", ".") if decimal else match.group()


def _inward(match: re.Match[str]) -> str:
    """``]1, 2[`` with the brackets of an open interval."""
    left, inside, right = match.groups()
    if "," not in inside and ";" not in inside:
        return match.group()
    return f"{'(' if left == ']' else '['}{inside}{')' if right == '[' else ']'}"


def _joined(match: re.Match[str], divided: list[tuple[int, int]]) -> str:
    if any(start < match.start() and match.end() < end for start, end in divided):
        return match.group()
    return match.group().replace(",", "")


def _mixed(match: re.Match[str]) -> str:
    whole, above, below = match.groups()
    return rf"{whole}\frac{{{above}}}{{{below}}}" if int(above) < int(below) else match.group()
