"""Text from outside as a terminal may show it: nothing that moves the cursor, changes colours or reverses letters."""

from __future__ import annotations

import re

__all__ = ["MAX_SHOWN", "visible"]

MAX_SHOWN = 2000
# C0 without tab and line feed, DEL, C1, marks and overrides of direction, half surrogate pairs, separators of lines.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def visible(text: str, limit: int | None = MAX_SHOWN) -> str:
    r"""``text`` with control characters written as escapes, and cut behind ``limit`` characters.

    >>> visible("\x1b[31mred\x07 fine\n"), visible("abcdef", 3)
    ('\\x1b[31mred\\x07 fine\n', 'abc... (6 characters)')
    """
    shown = text if limit is None else text[:limit]
    shown = _HIDDEN.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), shown)
    return (
        shown
        if len(shown) == 0 or limit is None or len(text) <= limit
        else f"{shown}... ({len(text):,} characters)"
    )
