"""Multiple choice: the letter of an option that was given with its text."""

from __future__ import annotations

import re

__all__ = ["same_choice"]

_BARE = re.compile(r"[(\[]?\s*([A-J])\s*[)\]]?[.:]?")
_WITH_TEXT = re.compile(
    r"(?:\\text\s*\{|\{)?\s*(?:\(([A-J])\)\s*\}?\s*|([A-J])\s*(?:[).:]|\\?\)|\b(?:because|since)\b)\s*)\S"
)

_LABEL = re.compile(
    r"\(\s*([A-J])\s*\)|(?<![A-Za-z])([A-J])(?:\s*[).:](?=[\s\d\\($]|$)|(?<=\\lor [A-J])(?![a-zA-Z]))"
)


def same_choice(gold: str, answer: str) -> bool | None:
    """Whether two cleaned texts choose the same option, where one is a letter and the other has the text as well.

    >>> same_choice("B", "(B) 12"), same_choice("C: the third", "B"), same_choice("C", "x + C"), same_choice("B", "B")
    (True, False, None, None)
    >>> same_choice("B", "(A) 10 (B) 12"), same_choice("A", "A. 10 B. 12")
    (False, False)
    """
    for one, other in ((gold, answer), (answer, gold)):
        bare, full = _BARE.fullmatch(one), _WITH_TEXT.match(other)
        if bare is not None and full is not None and not _BARE.fullmatch(other):
            if len({match.group(1) or match.group(2) for match in _LABEL.finditer(other)}) > 1:
                return False  # several options, or all of them
            return bare.group(1) == (full.group(1) or full.group(2))
    return None
