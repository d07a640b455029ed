"""The repetition penalty: a phrase said over and over, or a word that does not end."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import numpy.typing as npt

from leadline.types import Completion, Span, text_of

__all__ = ["find_repetition", "repetition"]

_WORD = re.compile(r"\S+")


def repetition(
    completion: str | Completion, *, max_words: int = 30, times: int = 10, word_length: int = 120
) -> float:
    """-1.0 if the text loops, else 0.0; its weight says how much that costs.

    It loops when a phrase of at most ``max_words`` words stands at least ``times`` times in a row, or when a
    "word" (a run without whitespace) has at least ``word_length`` characters. Scripts without spaces make
    long words: raise ``word_length`` for them. Source: arXiv 2504.09696 (released code; weight 1.5 in its
    second stage).

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
        return next(
            Span(m.start(), m.end(), "repetition")
            for m in _WORD.finditer(text)
            if m.end() - m.start() >= word_length
        )
    run = _longest_loop(words, max_words, times)
    if run is None:
        return None
    places = [match.span() for match in _WORD.finditer(text)]
    return Span(places[run[0]][0], places[run[1] - 1][1], "repetition")


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
        if matches >= n * (times - 1):
            return start, start + matches + n
    return None


def _longest_true(flags: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Start and length of the longest run of True."""
    breaks = np.concatenate(([-1], np.flatnonzero(~flags), [flags.size]))
    lengths = np.diff(breaks) - 1
    best = int(lengths.argmax())
    return int(breaks[best]) + 1, int(lengths[best])
