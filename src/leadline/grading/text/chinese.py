"""What a Chinese sentence concludes: the number in 所以一共有 42 个苹果."""

from __future__ import annotations

import re

__all__ = ["concluded_in_chinese"]

_SO = re.compile(r"^(?:综上所述|综上|因此|因而|所以|于是|从而|故)\s*[,，:：]?\s*")
_VALUE = r"(-?\d[\d,]*(?:\.\d+)?(?:/\d+)?%?)"
_STATED = re.compile(
    rf"[\u4e00-\u9fff，、\s]*(?:有|是|为|等于|得到|得|需要|需|共|剩下|还剩|花了|用了)\s*{_VALUE}\s*[\u4e00-\u9fff]{{0,4}}[。.\s]*"
)


def concluded_in_chinese(text: str) -> str | None:
    """The value in a short Chinese sentence that says so; None in any other text.

    >>> concluded_in_chinese("所以一共有42个苹果。"), concluded_in_chinese("因此，x=36。")
    ('42', 'x=36')
    """
    so = _SO.match(text)
    if so is None:
        return None
    rest = text[so.end() :]
    stated = _STATED.fullmatch(rest)
    if stated is not None:
        return stated.group(1)
    return None if re.search(r"[\u4e00-\u9fff]", rest) else rest.strip(" 。.") or None
