r"""What stands behind a statement and says for which letters it holds: ``for all real x``, ``, k \in \mathbb{Z}``."""

from __future__ import annotations

import re

__all__ = ["without_qualifier"]

_QUALIFIER = re.compile(
    r"[\s,(]*(?:\\text\s*\{\s*)?[\s,(]*\b(?:for (?:all|any|every|each|some)|where|with|(?:is|are) (?:an? )?(?:any )?"
    r"(?:arbitrary|real|integer|constant))\b(?:(?!\\land|\\lor|;).)*",
    re.DOTALL,
)
_INTEGERS = (
    r"(?:\\mathbb\s*\{?\s*[ZN]\s*\}?|\{?\s*[ZN]\s*\}?|\\text\s*\{\s*integers?\s*\})"
    r"(?:\s*[\^_]\s*\{?[+*0-9]\}?)?"
)
_INDEX = re.compile(
    rf"^(?P<rest>.*\S)\s*[,;(]\s*\\?,?\s*(?P<letter>[a-zA-Z])\s*\\in(?![a-zA-Z])\s*{_INTEGERS}\s*\)?$",
    re.DOTALL,
)
_COMMON = "k"


def without_qualifier(text: str) -> str | None:
    r"""``text`` without its qualifier, or None if it has none. A letter that runs through all integers is called k.

    >>> without_qualifier(r"\frac{\pi}{6}+n\pi, n \in \mathbb{Z}"), without_qualifier("f(x)=cx for any constant c")
    ('\\frac{\\pi}{6}+k\\pi', 'f(x)=cx')
    """
    index = _INDEX.match(text) if r"\in" in text else None
    if index is not None:
        rest, letter = index.group("rest"), index.group("letter")
        taken = re.search(rf"(?<![a-zA-Z\\]){_COMMON}(?![a-zA-Z])", rest) is not None
        if letter == _COMMON or taken:
            return rest
        return re.sub(
            rf"(?<![a-zA-Z\\]){letter}(?![a-zA-Z])|(?<=\\pi){letter}|(?<=[0-9]){letter}", _COMMON, rest
        )
    if "for" not in text and "where" not in text and "with" not in text and "arbitrary" not in text:
        return None
    shorter = _QUALIFIER.sub("", text)
    kept = shorter.strip() and shorter != text and re.search(r"[\d=]", shorter)
    return shorter if kept else None
