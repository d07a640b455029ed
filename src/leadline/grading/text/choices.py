"""Multiple choice: the letter of an option that was given with its text."""

from __future__ import annotations

import re

__all__ = ["option_text", "same_choice"]

_BARE = re.compile(r"[(\[]?\s*([A-J])\s*[)\]]?[.:]?")
_WITH_TEXT = re.compile(
    r"(?:\\text\s*\{|\{)?\s*(?:(?:[Oo]ption|[Cc]hoice)\s+)?"
    r"(?:\(([A-J])\)\s*:?\s*\}?\s*|([A-J])\s*(?:\}\s*)?(?:\\text\s*\{\s*)?(?:[).:]|\\?\)|\b(?:because|since)\b)\s*"
    r"|([A-J])\s*\}?\s*(?=\([^()]+\)\s*\}?$))\s*\S"
)
_BEHIND = re.compile(r"(?P<text>.*[\d)}\w])\s*(?:\\text\s*\{\s*)?\(\s*([A-J])\s*\)\s*\}?")
_LABEL = re.compile(
    r"\(\s*([A-J])\s*\)|(?<![A-Za-z])([A-J])(?:\s*[).:](?=[\s\d\\($]|$)|(?<=\\lor [A-J])(?![a-zA-Z]))"
)
_IN_FRONT = re.compile(
    r"(?:\\text\s*\{)?\s*(?:\(([A-J])\)|([A-J])\s*[.:)])\s*(?P<close>\})?\s*(?P<text>\S.*)", re.DOTALL
)


def _letters(text: str) -> set[str]:
    """The options that a text names with a mark of theirs."""
    return {match.group(1) or match.group(2) for match in _LABEL.finditer(text)}


def same_choice(gold: str, answer: str) -> bool | None:
    """Whether two cleaned texts choose the same option, where one is a letter and the other has the text as well.

    >>> same_choice("B", "(B) 12"), same_choice("C: the third", "B"), same_choice("C", "x + C"), same_choice("B", "B")
    (True, False, None, None)
    >>> same_choice("B", "(A) 10 (B) 12"), same_choice("A", "A. 10 B. 12"), same_choice("B", r"12 \\text{(B)}")
    (False, False, True)
    """
    for one, other in ((gold, answer), (answer, gold)):
        bare, full = _BARE.fullmatch(one), _WITH_TEXT.match(other)
        behind = _BEHIND.fullmatch(other) if full is None and other.rstrip(" }").endswith(")") else None
        if bare is not None and (full or behind) and not _BARE.fullmatch(other):
            if len(_letters(other)) > 1:
                return False  # several options, or all of them
            letter = next(filter(None, full.groups())) if full else behind.group(2)  # type: ignore[union-attr]
            return bare.group(1) == letter
    return None


def option_text(answer: str, gold: str) -> str | None:
    r"""The text of the one option that a cleaned answer gives with its letter; None for any other answer.

    Nor is it one where the gold speaks of that letter itself.

    >>> option_text("(B) 12", "12"), option_text(r"12 \text{(B)}", "12"), option_text("(A) 10 (B) 12", "12")
    ('12', '12', None)
    >>> option_text("(C) + x", "x + C")
    """
    if len(_letters(answer)) != 1:
        return None
    match = _IN_FRONT.fullmatch(answer) or (_BEHIND.fullmatch(answer) if r"\text" in answer else None)
    if match is None:
        return None
    letter = next(
        group for group in match.groups() if group is not None and len(group) == 1 and group.isupper()
    )
    if re.search(rf"(?<![A-Za-z\\]){letter}(?![A-Za-z])", gold):
        return None
    inside = answer.startswith(r"\text") and match.re is _IN_FRONT and not match.group("close")
    return (r"\text{" if inside else "") + match.group("text").strip()
