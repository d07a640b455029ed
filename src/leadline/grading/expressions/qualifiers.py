r"""What stands behind a statement and says for which letters it holds: ``for all real x``, ``, k \in \mathbb{Z}``."""

from __future__ import annotations

import re

__all__ = ["INDEX_NAME", "domains_differ", "with_index_renamed", "without_qualifier"]

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
_DOMAIN = re.compile(
    r"([a-zA-Z])\s*\\in(?![a-zA-Z])\s*\\mathbb\s*\{?\s*(\w)\s*\}?\s*(?:[_^]\s*(\{[^{}]*\}|\\geq?\s*\d|\S))?"
)
_NATURAL = frozenset(["N", "Z+", "Z>0", "N+", "N*", "N1", "N>0"])
_WITH_ZERO = frozenset(["N", "N0", "Z\\ge0", "Z\\geq0", "Z+0"])
_INDEXED = re.compile(r"\\(?:sum|prod)\s*_\s*\{?\s*([a-z])\s*=")


def without_qualifier(text: str) -> str | None:
    r"""``text`` without its qualifier, or None if it has none. A letter that runs through all integers is renamed.

    >>> without_qualifier(r"\frac{\pi}{6}+n\pi, n \in \mathbb{Z}"), without_qualifier("f(x)=cx for any constant c")
    ('\\frac{\\pi}{6}+\\kappa \\pi', 'f(x)=cx')
    """
    index = _INDEX.match(text) or _INDEX_IN_WORDS.match(text) if "in" in text else None
    if index is not None:
        letter = index.groupdict().get("letter") or index.groupdict().get("other") or ""
        rest = _renamed(index.group("rest"), letter)
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


def _renamed(text: str, letter: str) -> str:
    """The text with another name for a letter, but not for those in the names of commands."""
    return re.sub(
        rf"\\[a-zA-Z]+|{letter}", lambda m: f"{INDEX_NAME} " if m.group() == letter else m.group(), text
    )


def domains_differ(gold: str, answer: str) -> bool:
    r"""Whether two cleaned texts let one letter run through different sets of numbers.

    >>> domains_differ(r"2k, k \in \mathbb{Z}", r"2k, k \in \mathbb{N}"), domains_differ(r"2k, k \in \mathbb{Z}", "2k")
    (True, False)
    """
    if r"\mathbb" not in gold or r"\mathbb" not in answer:
        return False
    ours, theirs = _domains(gold), _domains(answer)
    if len(ours) == len(theirs) == 1:
        (one,), (other,) = ours.values(), theirs.values()
        return not _may_be_one(one, other)
    return any(not _may_be_one(ours[letter], theirs[letter]) for letter in ours.keys() & theirs.keys())


def _domains(text: str) -> dict[str, str]:
    """The letters of which a text says where they run, and the name of that set."""
    found = {}
    for letter, name, mark in _DOMAIN.findall(text):
        found[letter] = name + mark.strip("{}").replace(" ", "")
    return found


def _may_be_one(one: str, other: str) -> bool:
    return one == other or any({one, other} <= same for same in (_NATURAL, _WITH_ZERO))


def with_index_renamed(text: str) -> str | None:
    r"""A sum over members of a sequence with its index renamed; None for others, whose terms are plain expressions.

    >>> with_index_renamed(r"\sum_{k=1}^{n} F_k") == with_index_renamed(r"\sum_{j=1}^{n} F_j") != None
    True
    >>> with_index_renamed(r"\sum_{k=1}^{n} k^2 + a_n")
    """
    index = _INDEXED.search(text)
    if index is None:
        return None
    letter, body = index.group(1), text[index.end() :]
    if not re.search(rf"[A-Za-z]\s*_\s*(?:{letter}|\{{[^{{}}]*{letter})", body):
        return None
    return _renamed(text, letter).replace(" ", "")
