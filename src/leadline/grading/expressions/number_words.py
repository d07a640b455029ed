"""Numbers in words: ``twenty-three``, ``one hundred and five``."""

from __future__ import annotations

import re

__all__ = ["SMALL_NUMBERS", "number_in_words"]

_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
)
SMALL_NUMBERS = {word: i if i < 20 else 10 * (i - 18) for i, word in enumerate(_NAMES.split())}
_LARGE = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_WORDS = re.compile(r"[a-z]+(?:[ -]+[a-z]+){0,12}")


def number_in_words(text: str) -> int | None:
    """The whole number that English words spell; None where they spell none, or something else as well.

    >>> number_in_words("Twenty-three"), number_in_words("two thousand and five"), number_in_words("five apples")
    (23, 2005, None)
    >>> number_in_words("five two"), number_in_words("one or two"), number_in_words("third")
    (None, None, None)
    """
    text = text.strip().lower()
    if _WORDS.fullmatch(text) is None:
        return None
    total, part, last = 0, 0, 10**12
    for word in re.split(r"[ -]+", text):
        if word == "and" and part % 100 == 0 and part + total > 0:
            continue
        if word in SMALL_NUMBERS:
            value = SMALL_NUMBERS[word]
            fits = last == 10**12 or last >= 100 or (last in range(20, 100, 10) and 0 < value < 10)
            if not fits or (value == 0 and text != "zero"):
                return None
            part, last = part + value, value if value else 1
        elif word == "hundred" and 0 < part < 10:
            part, last = part * 100, 100
        elif word in _LARGE and part > 0 and (total == 0 or total % (1_000 * _LARGE[word]) == 0):
            total, part, last = total + part * _LARGE[word], 0, _LARGE[word]
        else:
            return None
    return total + part if last < 10**12 else None
