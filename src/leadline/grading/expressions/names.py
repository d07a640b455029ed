r"""Names of values: ``x``, ``a_n``, ``f(x)``, ``\text{Area}``, ``(x, y)``."""

from __future__ import annotations

import re

from leadline.grading.expressions.brackets import split_outside

__all__ = ["VALUE_NAME", "is_name_tuple", "point_name", "tidy_name"]

_LETTER = r"(?:\{\s*\w+\s*\}|\w)"
_BASES = (
    rf"\\(?:hat|widehat|vec|overline|tilde)\s*{_LETTER}",
    r"[A-Za-z]+",
    r"\|\s*(?:[zw]|[A-Z]{2}|\\vec\s*(?:\{\s*\w\s*\}|\w))\s*\|",
    r"\\[a-zA-Z]+",
    r"\\text\s*\{[^{}]*\}",
)
_BEHIND = (
    r"(?:\s*_\s*(?:\{[^{}]*\}|\d+|\w))?",  # an index
    r"'*",
    r"(?:\^\s*\{\s*-1\s*\}(?=\s*\())?",  # of an inverse function
    r"(?:\s*\([^()=<>]{1,20}\))?",  # its argument
)
VALUE_NAME = re.compile(rf"^(?:{'|'.join(_BASES)}){''.join(_BEHIND)}$")
_COMMA = re.compile(r"[,;]")
_POINT = re.compile(r"([ABD-Z])'?\s*(?=\()")


def point_name(text: str) -> tuple[str, str]:
    """The name and the place in ``P(3, 4)``; no name where none stands before the bracket.

    >>> point_name("P(3, 4)"), point_name("(3, 4)"), point_name("C(5, 2)")
    (('P', '(3, 4)'), ('', '(3, 4)'), ('', 'C(5, 2)'))
    """
    match = _POINT.match(text)
    return (match.group(1), text[match.end() :]) if match else ("", text)


def tidy_name(name: str) -> str:
    """A name without markup."""
    return re.sub(r"\\text\s*|[{}\s\\]", "", name)


def is_name_tuple(name: str) -> bool:
    """Whether ``name`` is several names in brackets."""
    if not (name.startswith("(") and name.endswith(")")):
        return False
    return all(VALUE_NAME.match(part.strip()) for part in split_outside(name[1:-1], _COMMA)[0])
