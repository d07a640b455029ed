r"""Braces around the arguments of commands: ``\frac12`` is ``\frac{1}{2}``, ``\sqrt3x`` is ``\sqrt{3}x``."""

from __future__ import annotations

import re

__all__ = ["brace_arguments", "closing_brace"]

MAX_BRACE_DEPTH = 60

_COMMAND = re.compile(r"\\([a-zA-Z]+|.)", re.DOTALL)
_ARGUMENTS = {"frac": 2, "binom": 2, "sqrt": 1}
_SPACES = re.compile(r"\s*")


def closing_brace(text: str, start: int) -> int:
    """Where the brace that opens at ``start`` closes, or -1."""
    depth = 0
    for i in range(start, len(text)):
        if text[i] == "{" and text[i - 1 : i] != "\\":
            depth += 1
        elif text[i] == "}" and text[i - 1] != "\\":
            depth -= 1
            if depth == 0:
                return i
    return -1


def brace_arguments(text: str, depth: int = 0) -> str:
    r"""``text`` with braces around the arguments of fractions, binomials and roots.

    >>> brace_arguments(r"\frac{\sqrt2}3")
    '\\frac{\\sqrt{2}}{3}'
    """
    if depth > MAX_BRACE_DEPTH or ("frac" not in text and "sqrt" not in text and "binom" not in text):
        return text
    pieces: list[str] = []
    at = 0
    while (match := _COMMAND.search(text, at)) is not None:
        pieces.append(text[at : match.end()])
        at = match.end()
        wanted = _ARGUMENTS.get(match.group(1), 0)
        if match.group(1) == "sqrt" and text[at : at + 1] == "[" and (end := text.find("]", at)) > 0:
            pieces.append(text[at : end + 1])
            at = end + 1
        for _ in range(wanted):
            argument, at = _argument(text, at, depth)
            pieces.append(argument)
    pieces.append(text[at:])
    return "".join(pieces)


def _argument(text: str, at: int, depth: int) -> tuple[str, int]:
    """The argument at ``at`` in braces, and where it ends; nothing if there is none."""
    at = _SPACES.match(text, at).end()  # type: ignore[union-attr]
    if at >= len(text) or text[at] in "}&^_":
        return "", at
    if text[at] == "{":
        end = closing_brace(text, at)
        if end < 0:
            return "", at
        return "{" + brace_arguments(text[at + 1 : end], depth + 1) + "}", end + 1
    command = _COMMAND.match(text, at)
    if command is None:
        return "{" + text[at] + "}", at + 1
    inside, at = command.group(), command.end()
    for _ in range(_ARGUMENTS.get(command.group(1), 0) if depth <= MAX_BRACE_DEPTH else 0):
        argument, at = _argument(text, at, depth + 1)
        inside += argument
    return "{" + inside + "}", at
