r"""The formula that a box stands in: ``-\boxed{5}`` is -5, and in ``\frac{1}{\boxed{5}}`` the answer is not 5."""

from __future__ import annotations

import re
from typing import NamedTuple

from leadline.grading.expressions.units import read_unit

__all__ = ["in_formula"]

REACH = 300
"""Characters on either side of a box that may belong to its formula."""

_OPENS = re.compile(r"\\[(\[]|(?<!\\)\$\$?|\n[ \t]*\n")
_CLOSES = re.compile(r"\\[)\]]|(?<!\\)\$|\n[ \t]*\n")
_PIECE = re.compile(
    r"(?P<note>\\(?:text\w*|mathrm|mbox|begin|end|tag|label)\s*\{[^{}]*\})"
    r"|(?P<denied>\\(?:ne|neq|not\s*=)(?![a-zA-Z])|≠)"
    r"|(?P<border>\\(?:approx|equiv|leq?|geq?|leqslant|geqslant|lt|gt|implies|Rightarrow|Longrightarrow|to|rightarrow"
    r"|therefore|because|q?quad|in|iff|colon|sim|cong|land|lor|mid|pmod|bmod|mod|displaystyle|checkmark|blacksquare|square|qed)"
    r"(?![a-zA-Z])|\\\\|[=<>≤≥≈&:;])"
    r"|(?P<comma>,)|(?P<open>\\\{|\\l(?:floor|ceil)(?![a-zA-Z])|[({\[])|(?P<close>\\\}|\\r(?:floor|ceil)(?![a-zA-Z])|[)}\]])"
    r"|\\[a-zA-Z]+|\\.|.",
    re.DOTALL,
)
_DIVIDING = frozenset(["note", "border", "denied", "comma"])
_FUNCTION = re.compile(
    r"(?:\\(?:[dtc]?frac|sqrt|[dt]?binom|overline|sin|cos|tan|ln|log)\s*(?:\[[^\[\]]*\])?\s*(?:\{[^{}]*\})?|[\^_])\s*\Z"
)
_WORDS = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}")
_FRONT = re.compile(r"[-+*/^\d)]\s*\Z|\\(?:cdot|times|div|pm|sqrt)\s*\Z")
_BACK = re.compile(
    r"\s*(?!\^\s*\{?\s*\\(?:circ|text|mathrm|prime))(?:\\(?:pi|cdot|times|div|sqrt|[dt]?frac|ln|log|sin|cos|tan|pm)(?![a-zA-Z])|[-+*/!\d(^_a-z])"
)
_LAYOUT = re.compile(r"\\(?:left|right|[bB]igg?[lr]?|[,;:! ])(?![a-zA-Z])|~")
_UNIT = re.compile(
    r"[\s~]*(?:\\[,;: ])*\s*\\(?:text|mathrm|textrm|mbox)\s*\{([^{}]*)\}\s*(\^\s*(?:\{\s*-?\d\s*\}|\d))?[\s.,;]*\Z"
)


class _Side(NamedTuple):
    """What stands on one side of a box, up to what ends its part of the formula."""

    text: str
    denied: bool = False


def in_formula(text: str, start: int, content: str, end: int) -> str:
    r"""The content of a box with all that it is a part of: factors, terms, fractions, brackets, a unit behind it.

    >>> in_formula(r"$x=-\boxed{5}$", 4, "5", 13), in_formula(r"so \boxed{5}", 3, "5", 12)
    ('-(5)', '5')
    >>> in_formula(r"$\frac{1}{\boxed{5}}$", 10, "5", 19), in_formula(r"$(\boxed{5}, 6)$", 2, "5", 11)
    ('\\frac{1}{5}', '(5, 6)')
    """
    left, right = _formula(text, start, end)
    if left is None:
        return content
    front = _front(left)
    opened = _opened(front.text)
    back, closed = _back(right, len(opened))
    if front.denied:
        return rf"\ne {content}"
    if opened and not closed:
        front, back = _Side(front.text[opened[-1] + 1 :]), ""
    unit = _UNIT.fullmatch(right)
    if unit is not None and not front.text.strip() and (measure := read_unit(unit.group(1), upright=True)):
        return content if measure.noun else rf"{content} \text{{ {unit.group(1)}}}{unit.group(2) or ''}"
    before, behind = (_LAYOUT.sub(" ", side).strip() for side in (front.text, back))
    if (opened and closed) or _FRONT.search(before) or _BACK.match(behind):
        return _whole(before, content, behind.rstrip(".,; "), bool(opened and closed))
    return content


def _whole(before: str, content: str, behind: str, enclosed: bool) -> str:
    if (
        _WORDS.search(before)
        or _WORDS.search(behind)
        or (before, behind) in (("[", "]"), ("(", ")"), ("{", "}"))
    ):
        return content
    if not enclosed and not _FRONT.search(before):
        before = ""
    if not enclosed and not _BACK.match(behind):
        behind = ""
    alone = (before[-1:] in "([{,") and (behind[:1] in ")]},\\")
    return f"{before}{content}{behind}" if alone and (before or behind) else f"{before}({content}){behind}"


def _formula(text: str, start: int, end: int) -> tuple[str | None, str]:
    """What stands before and behind a box in its formula; None if it stands in none."""
    before = text[max(0, start - REACH) : start]
    inside, at = False, 0
    for match in _OPENS.finditer(before):
        sign = match.group()
        inside = sign.startswith("\\") or (sign.startswith("$") and not inside)
        at = match.end()
    left = (
        before[at:] if inside else before[max(before.rfind("\n"), before.rfind(" "), before.rfind("$")) + 1 :]
    )
    behind = text[end : end + REACH]
    close = _CLOSES.search(behind)
    right = behind[: close.start()] if close is not None else behind.split("\n")[0]
    if not inside and not _opened(left):
        return None, right
    return left, right


def _front(left: str) -> _Side:
    """What stands before the box, behind the last sign that divides the formula."""
    depth, start, denied = 0, 0, False
    ends: list[int] = []
    for match in _PIECE.finditer(left):
        kind = match.lastgroup
        if kind == "open":
            harmless = match.group() == "{" and not _FUNCTION.search(left, 0, match.start())
            ends.append(-1 if harmless else start)
            depth += 1
            if harmless:
                start, denied = match.end(), False
        elif kind == "close" and ends:
            before = ends.pop()
            depth -= 1
            start = before if before >= 0 else start
        elif kind in _DIVIDING and (kind != "comma" or not depth) and all(place < 0 for place in ends):
            start, denied = match.end(), kind == "denied"
    return _Side(left[start:], denied and not left[start:].strip())


def _opened(text: str) -> list[int]:
    """Where brackets stand in ``text`` that do not close in it."""
    opened: list[int] = []
    for match in _PIECE.finditer(text):
        if match.lastgroup == "open":
            opened.append(match.start())
        elif match.lastgroup == "close" and opened:
            opened.pop()
    return opened


def _back(right: str, depth: int) -> tuple[str, bool]:
    """What stands behind the box, up to the next sign that divides the formula; whether ``depth`` brackets close."""
    closed = depth == 0
    for match in _PIECE.finditer(right):
        kind = match.lastgroup
        if kind == "close":
            depth -= 1
            if depth < 0:
                return right[: match.start()], closed
            closed = closed or depth == 0
        elif kind == "open":
            depth += 1
        elif depth == 0 and kind in _DIVIDING:
            return right[: match.start()], closed
    return right, closed
