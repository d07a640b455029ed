"""The repetition penalty: a phrase said over and over, or a word that does not end."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import numpy.typing as npt

from leadline.types import Completion, Span, text_of

__all__ = ["find_repetition", "repetition"]

_WORD = re.compile(r"\S+")
_LETTER = re.compile(r"[^\W\d_]")
LONGEST_NUMBER = 2_000
"""Characters up to which a row of digits and signs may be a number."""
MAX_STRETCH = 60
"""Characters of a stretch that may be found to loop inside of one long word."""


def repetition(
    completion: str | Completion, *, max_words: int = 30, times: int = 10, word_length: int = 120
) -> float:
    """-1.0 if the text loops, else 0.0; its weight says how much that costs.

    It loops when a phrase of at most ``max_words`` words stands at least ``times`` times in a row, or when a
    "word" (a run without whitespace) of at least ``word_length`` characters says nothing: all of it letters, or one
    stretch at least ``times`` times in a row. Source: arXiv 2504.09696 (released code; weight 1.5 in its second stage),
    which punishes every long word. Scripts without spaces, long formulas and rows of digits are no loops here: a phrase
    without any letter has to come ten times as often, a row of digits has to be longer than any number.

    >>> repetition("wait, no. " * 10), repetition("wait, no. " * 9), repetition("a" * 120)
    (-1.0, 0.0, -1.0)
    """
    found = find_repetition(completion, max_words=max_words, times=times, word_length=word_length)
    return 0.0 if found is None else -1.0


def find_repetition(
    completion: str | Completion, *, max_words: int = 30, times: int = 10, word_length: int = 120
) -> Span | None:
    """Where the text loops (the whole run, or the long word), or None.

    Phrases are looked for from one word up; time is O(words * max_words) and independent of what they are.

    >>> find_repetition("so " + "a b " * 10)
    Span(start=3, end=42, behaviour='repetition')
    """
    text = text_of(completion)
    words = text.split()
    if max(map(len, words), default=0) >= word_length:
        for match in _WORD.finditer(text):
            if match.end() - match.start() >= word_length and _says_nothing(
                match.group(), times, word_length
            ):
                return Span(match.start(), match.end(), "repetition")
    run = _longest_loop(words, max_words, times)
    if run is None:
        return None
    places = [match.span() for match in _WORD.finditer(text)]
    return Span(places[run[0]][0], places[run[1] - 1][1], "repetition")


def _says_nothing(word: str, times: int, word_length: int) -> bool:
    """Whether a long word is letters only (no formula, and not of a script without spaces), or a stretch in a loop."""
    if re.search(rf"[A-Za-z0-9_]{{{word_length},}}", word) and re.search(
        r"[A-Za-z]{20}|[A-Za-z]\d[A-Za-z]", word
    ):
        return True
    codes = np.frombuffer(word.encode("utf-32-le"), dtype=np.uint32)
    for n in range(1, min(MAX_STRETCH, len(word) // times) + 1):
        start, matches = _longest_true(codes[n:] == codes[:-n])
        least = n * times if _LETTER.search(word, start, start + n) else LONGEST_NUMBER
        if matches + n >= max(least, word_length):
            return True
    return False


def _longest_loop(words: list[str], max_words: int, times: int) -> tuple[int, int] | None:
    """``[start, end)``, in words, of the shortest phrase that loops and its longest run."""
    if len(words) < times or max(Counter(words).values()) < times:
        return None
    index: dict[str, int] = {}
    ids = np.array([index.setdefault(word, len(index)) for word in words], dtype=np.int64)
    for n in range(1, min(max_words, len(words) // times) + 1):
        same = ids[n:] == ids[:-n]
        if np.count_nonzero(same) < n * (times - 1):  # most texts end here, at a third of the price
            continue
        start, matches = _longest_true(same)
        spoken = any(_LETTER.search(word) for word in words[start : start + n])
        if matches >= n * ((times if spoken else 10 * times) - 1):
            return start, start + matches + n
    return None


def _longest_true(flags: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Start and length of the longest run of True."""
    breaks = np.concatenate(([-1], np.flatnonzero(~flags), [flags.size]))
    lengths = np.diff(breaks) - 1
    best = int(lengths.argmax())
    return int(breaks[best]) + 1, int(lengths[best])
