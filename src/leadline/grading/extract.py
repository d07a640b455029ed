"""Finding the final answer in what a model wrote. Every step is linear in the text and looks at its tail only."""

from __future__ import annotations

import re

__all__ = ["extract_answer"]

TAIL = 20_000
"""Characters at the end of a response in which an answer is looked for."""

_BOX = re.compile(r"\\{1,2}(?:boxed|fbox)\b[ \t\n]*")
_HASHES = re.compile(r"^[ \t]*####[ \t]*([^\n]+?)[ \t]*$", re.MULTILINE)
_TAG = re.compile(r"<answer>(.{0,4000}?)</answer>", re.DOTALL | re.IGNORECASE)


def extract_answer(response: str) -> str | None:
    """The last answer that ``response`` states, or None if it states none."""
    tail = response[-TAIL:]
    for find in (_last_tag, _last_box, _last_hashes, _stated):
        found = find(tail)
        if found:
            return found
    return None


def _last_tag(text: str) -> str | None:
    found = None
    for match in _TAG.finditer(text):
        found = match.group(1)
    if found is None:
        return None
    return _last_box(found) or found.strip()


def _last_box(text: str) -> str | None:
    starts = list(_BOX.finditer(text))
    for match in reversed(starts):
        content = _braced(text, match.end())
        if content is not None:
            return content.strip()
    return None


def _braced(text: str, start: int) -> str | None:
    if start >= len(text) or text[start] != "{":
        return None
    depth = 0
    for i in range(start, len(text)):
        if text[i] == "{":
            depth += 1
        elif text[i] == "}":
            depth -= 1
            if depth == 0:
                return text[start + 1 : i]
    return None


def _last_hashes(text: str) -> str | None:
    found = _HASHES.findall(text)
    return found[-1] if found else None


_STATED = re.compile(
    r"(?:final answer is|answer is|answer:|^A:)[ \t:]*([^\n]+)", re.IGNORECASE | re.MULTILINE
)


def _stated(text: str) -> str | None:
    found = _STATED.findall(text)
    return re.sub(r"\.?\s*(?:I hope it is correct\.?)?\s*$", "", found[-1]) if found else None
