"""Which reflecting words stand in text that only repeats what came before: the mark of reward hacking."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from leadline.types import Span

__all__ = ["near_repeats"]

_TOKEN = re.compile(r"[^\W\d_]+|\d+")


def near_repeats(text: str, hits: Sequence[Span]) -> tuple[Span, ...]:
    """The hits whose surroundings have been seen around an earlier hit of the same behaviour.

    The surroundings of a hit are the word trigrams that touch it. It is a near-repeat when at least two
    thirds of them touched earlier hits of its behaviour. A number that stands alone is a counter and is
    passed over, so that "Step 1: verify. Step 2: verify." repeats itself, while "check
    12 + 5 = 17. check 17 - 3 = 14." does not. Time and memory are linear in the text. Our own rule:
    arXiv 2603.14041 pays for every hit.

    Args:
        text: lower-cased text.
        hits: spans in it, in order of their start.
    """
    words, starts = _words(text)
    seen: dict[str, set[tuple[str, ...]]] = {}
    repeated = []
    for hit in hits:
        first = bisect_left(starts, hit.start)
        last = max(bisect_left(starts, hit.end), first + 1)
        inside = range(max(first - 2, 0), min(last, len(words) - 2))
        grams = {tuple(words[i : i + 3]) for i in inside}
        known = seen.setdefault(hit.behaviour, set())
        if grams and 3 * len(grams & known) >= 2 * len(grams):
            repeated.append(hit)
        known |= grams
    return tuple(repeated)


def _words(text: str) -> tuple[list[str], list[int]]:
    """The words of a text and where each one starts; lone numbers left out."""
    tokens = [(match.group(), match.start()) for match in _TOKEN.finditer(text)]
    number = [False, *(token[0].isdigit() for token, _ in tokens), False]
    kept = [token for i, token in enumerate(tokens, 1) if not number[i] or number[i - 1] or number[i + 1]]
    return [word for word, _ in kept], [start for _, start in kept]
