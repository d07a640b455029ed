"""The tokens of a LaTeX expression."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["END", "VECTOR_NAME", "Token", "Unreadable", "tokens_of"]

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?|\.\d+)|\\([a-zA-Z]+)|\\?([{}])|([a-zA-Z])|(\S))")
# Letters side by side are a product, but "listen" is not "silent".
_WORD = re.compile(r"(?<![\\a-zA-Z])(?:[a-zA-Z]{3,}|[nN]o(?![a-zA-Z]))")
# A letter under an arrow is a letter of its own.
_VECTOR = re.compile(r"\\vec\s*(?:\{\s*([a-zA-Z])\s*\}|\s([a-zA-Z])(?![a-zA-Z]))")
VECTOR_NAME = re.compile(r"vec[a-zA-Z]")
_PRODUCT = frozenset("abcxyz")


class Unreadable(Exception):
    """The text is not in the small language; say nothing about it."""


class Token(NamedTuple):
    kind: str
    text: str


def tokens_of(text: str) -> list[Token]:
    if any(len(word) > 3 or not _PRODUCT.issuperset(word) for word in _WORD.findall(text)):
        raise Unreadable("a word")
    text = _VECTOR.sub(r"\\vec\1\2 ", _REPEATING.sub(_fraction, text))
    tokens: list[Token] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise Unreadable(text[position : position + 10])
        position = match.end()
        number, command, brace, letter, sign = match.groups()
        if number is not None:
            # In LaTeX an index without braces is one digit, and what follows is an argument.
            if tokens and tokens[-1].kind == "number" and tokens[-2:-1] != [_INDEX]:
                raise Unreadable("two numbers side by side")
            index = tokens[-2:] == [Token("command", "log"), _INDEX]
            if index and len(number) > 1 and number.isdecimal() and not _BEGINS.match(text, position):
                tokens.append(Token("number", number[0]))
                number = number[1:]
            tokens.append(Token("number", number))
        elif command is not None:
            tokens.append(Token("command", command))
        elif brace is not None:
            if text[match.end() - 2 : match.end() - 1] == "\\":
                raise Unreadable("a set")
            tokens.append(Token("sign", brace))
        elif letter is not None:
            tokens.append(Token("letter", letter))
        else:
            tokens.append(Token("sign", sign))
    return tokens


def _fraction(match: re.Match[str]) -> str:
    r"""A repeating decimal as a fraction: ``0.1\overline{6}`` is 1/6."""
    whole, fixed, period = match.group(1), match.group(2), match.group(3) or match.group(4)
    nines = 10 ** len(period) - 1
    above = int(whole + fixed) * nines + int(period)
    return rf"\frac{{{above}}}{{{nines * 10 ** len(fixed)}}}"


END = Token("end", "")
_INDEX = Token("sign", "_")
_BEGINS = re.compile(r"\s*[\w({\\]")  # an argument behind the base of a logarithm
_REPEATING = re.compile(
    r"(?<![\d.])(\d{1,30})\.(\d{0,30})"
    r"\s*(?:\\overline\s*\{?\s*(\d{1,30})\s*\}?|\\dot\s*\{?(\d)\}?(?!\s*\d*\\dot))"
)
