"""Brackets: splitting outside of them, and which one closes which."""

from __future__ import annotations

import re

__all__ = ["matching", "split_outside"]

_BEGIN, _END = re.compile(r"\\begin\s*(?=\{)"), re.compile(r"\\end\s*(?=\{)")
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


def split_outside(text: str, pattern: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """``text`` split where ``pattern`` matches outside all brackets and environments, and the separators found."""
    parts, found, depth, start, at = [], [], 0, 0, 0
    while at < len(text):
        char = text[at]
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
        elif (
            char == "\\"
            and text[at + 1 : at + 2] in ("b", "e")
            and (_BEGIN.match(text, at) or _END.match(text, at))
        ):
            depth += 1 if text[at + 1] == "b" else -1  # an environment is a bracket
        elif depth == 0:
            match = pattern.match(text, at)
            if match is not None:
                parts.append(text[start:at])
                found.append(match.group())
                start = at = match.end()
                continue
        if char == "\\" and at + 1 < len(text) and text[at + 1] not in "{}":
            at += 1
        at += 1
    parts.append(text[start:])
    return parts, found


def matching(text: str) -> int:
    """Where the bracket that opens ``text`` closes, or -1."""
    depth = 0
    for at, char in enumerate(text):
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
            if depth == 0:
                return at
    return -1
