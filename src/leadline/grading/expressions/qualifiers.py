r"""What stands behind a statement and says for which letters it holds: ``for all real x``, ``, k \in \mathbb{Z}``."""

from __future__ import annotations

import re

__all__ = ["INDEX_NAME", "without_qualifier"]

INDEX_NAME = r"\kappa"
"""What a letter that runs through all integers is called here, whatever it is called in the answer."""

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
_INDEX_IN_WORDS = re.compile(
    r"^(?P<rest>[^a-zA-Z]*.*?\S)[\s,;(]*(?:\\text\s*\{)?[\s,(]*\b"
    r"(?:for (?:all|any|every|each|some)(?: arbitrary)? (?:integers?|natural numbers?)\s*\}?\s*(?P<letter>[a-zA-Z])"
    r"|(?:where|with)\s*\}?\s*(?P<other>[a-zA-Z])\s*(?:\\text\s*\{)?\s*(?:is )?(?:an? |any )+integer)\s*\}?[\s.)]*$",
    re.DOTALL,
)


_SAID_OF = re.compile(r"\bwhere\s*\}?\s*([a-zA-Z])\s*\\in(?![a-zA-Z])")


def without_qualifier(text: str) -> str | None:
    r"""``text`` without its qualifier, or None if it has none. A letter that runs through all integers is renamed.

    >>> without_qualifier(r"\frac{\pi}{6}+n\pi, n \in \mathbb{Z}"), without_qualifier("f(x)=cx for any constant c")
    ('\\frac{\\pi}{6}+\\kappa \\pi', 'f(x)=cx')
    """
    index = _INDEX.match(text) or _INDEX_IN_WORDS.match(text) if "in" in text else None
    if index is not None:
        letter = index.groupdict().get("letter") or index.groupdict().get("other") or ""
        rest = re.sub(rf"\\[a-zA-Z]+|{letter}", lambda m: _renamed(m.group(), letter), index.group("rest"))
        # A letter that does not occur says nothing of the answer.
        return rest if INDEX_NAME in rest else None
    if "for" not in text and "where" not in text and "with" not in text and "arbitrary" not in text:
        return None
    shorter = _QUALIFIER.sub("", text)
    said_of = _SAID_OF.search(text)
    if said_of is not None and not re.search(
        rf"(?<![a-zA-Z\\]){said_of.group(1)}|\d{said_of.group(1)}", shorter
    ):
        return None  # of a letter that does not occur
    kept = shorter.strip() and shorter != text and re.search(r"[\d=]", shorter)
    return shorter if kept else None


def _renamed(token: str, letter: str) -> str:
    return f"{INDEX_NAME} " if token == letter else token
