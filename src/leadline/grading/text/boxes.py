r"""Boxes: what ``\boxed{...}`` holds, and which boxes are one answer. Linear in the text."""

from __future__ import annotations

import re
from typing import NamedTuple

from leadline.grading.text.surroundings import in_formula

__all__ = ["BOX", "Found", "last_boxes", "with_backslashes"]

MAX_BOXES = 12
MAX_AROUND = 3
"""Boxes around a box that are looked at, so that time stays linear."""

BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-zA-Z])")
# In a string of Python or JSON a box may lose its backslash, or start with a backspace.
_BARE_BOX = re.compile(r"(?:\x08ox|(?<![\w\\{}])box)ed(?=\{)")
# Another value, offered right behind the box.
_OR = re.compile(
    r"[\s$*,]*(?:\\[)\]])?[\s$*,]*(?:\\text\s*\{\s*or\s*\}|\\l?or(?![a-zA-Z])|or\b)\s*"
    r"(?P<value>\$[^$\n]{1,60}\$|-?\d[\d.,]*(?:/\d+)?\s*(?:\\?%)?|\\[dt]?frac\s*\{[^{}]*\}\s*\{[^{}]*\}|(?:more|less|fewer|greater)\b)"
)
_DENIED = re.compile(r"\b(?:not|rather than|instead of)[\s$(\\\[]*\Z", re.IGNORECASE)
_STEP = {"{": 1, "}": -1}
_SPACES = re.compile(r"\s*")
_UNBRACED = re.compile(r"[-\d.]+|[a-zA-Z]")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_TOKEN = re.compile(r"[a-zA-Z]+(?:_\w+)?|[,;&=:]|\S")
_LINKS = frozenset(",;&") | {"and", "or"}
_NOT_NOUNS = frozenset("no not then so but wait we which i thus hence actually instead rather is are".split())
_MARKUP = re.compile(r"\\q?quad|\\text|\\\\|\\[,;:!()\[\]]|[$()\[\]{}*]")


def with_backslashes(text: str) -> str:
    """The text with the backslashes of boxes that have lost them, where none has kept its own."""
    if r"\boxed" in text or "oxed{" not in text:
        return text
    return _BARE_BOX.sub(r"\\boxed", text)


class Found(NamedTuple):
    """An answer, where the statement of it starts, and where it ends."""

    start: int
    text: str
    end: int


def last_boxes(text: str) -> Found | None:
    """The last box that closes, with those right before it that belong to the same answer."""
    contents: list[str] = []
    last, stop, around = None, 0, 0
    ends: dict[int, int] | None = None
    for match in reversed(list(BOX.finditer(text))):
        start = _SPACES.match(text, match.end()).end()  # type: ignore[union-attr]
        box = _box(text, start, ends)
        if box is None and ends is None and text[start : start + 1] == "{":
            # One box is open to the end; so may be thousands before it. All pairs are found in one pass instead.
            ends = _pairs(text)
        if box is None or _DENIED.search(text, max(0, match.start() - 40), match.start()):
            continue
        content, end = box
        if last is not None and end > last and around < MAX_AROUND:
            contents, around = [], around + 1  # it holds the later box
        elif last is not None and (end > last or not _linked(text[end:last])):
            break  # it belongs to another answer
        if content not in contents:
            contents.append(content)
        last, stop = match.start(), max(stop, end)
        if len(contents) >= MAX_BOXES:
            break
    if last is None or contents == [""]:
        return None
    if len(contents) == 1:
        contents = [in_formula(text, last, contents[0], stop)]
    other = _OR.match(text, stop, stop + 120)
    if other is not None:
        contents.insert(0, rf"\text{{ or }} {other.group('value')}")  # "\boxed{12} or 13"
        return Found(last, " ".join(reversed(contents)), other.end())
    return Found(last, ", ".join(reversed(contents)), stop)


def _box(text: str, start: int, ends: dict[int, int] | None) -> tuple[str, int] | None:
    """What the box at ``start`` holds, and where it ends; ``ends`` are the known pairs of braces."""
    if text[start : start + 1] != "{":
        word = _UNBRACED.match(text, start)
        return (word.group(), word.end()) if word else None
    end = _closing(text, start) if ends is None else ends.get(start)
    return (text[start + 1 : end].strip(), end + 1) if end is not None else None


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for match in _BRACE.finditer(text, start):
        depth += _STEP.get(match.group(), 0)
        if depth == 0:
            return match.start()
    return None


def _pairs(text: str) -> dict[int, int]:
    """Each opening brace with the one that closes it."""
    opened: list[int] = []
    pairs: dict[int, int] = {}
    for match in _BRACE.finditer(text):
        if match.group() == "{":
            opened.append(match.start())
        elif match.group() == "}" and opened:
            pairs[opened.pop()] = match.start()
    return pairs


def _linked(between: str) -> bool:
    """Whether the text between two boxes joins them into one answer: a noun or two, a link, a name for the next.

    >>> _linked(" apples and "), _linked(", $y = $"), _linked(" pens, then we get: ")
    (True, True, False)
    """
    if len(between) > 60 or "\n\n" in between or re.search(r"\.\s", between):
        return False
    tokens = [token.lower() for token in _TOKEN.findall(_MARKUP.sub(" ", between).strip(" .\n"))]
    if tokens[-1:] in ([":"], ["="]):
        if len(tokens) < 3 or len(tokens[-2]) > 4 or tokens[-2] in _NOT_NOUNS - {"i"}:
            return False
        tokens = tokens[:-2]
    nouns = 0
    while tokens[nouns:] and tokens[nouns].isalpha() and tokens[nouns] not in _LINKS | _NOT_NOUNS:
        nouns += 1
    links = tokens[nouns:]
    most = 4 if links and links[-1] in ("and", "or") else 2
    return nouns <= most and all(token in _LINKS for token in links) and (bool(links) or nouns == 0)
