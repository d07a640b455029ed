"""The reflection reward: pays for verifying, backtracking, sub-goals and backward chaining, ever less."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from leadline.rewards.near_repeats import near_repeats
from leadline.rewards.reflection_words import ANY, BEHAVIOURS, PATTERNS
from leadline.types import Completion, Span, text_of

__all__ = ["Reflection", "near_repeat_share", "reflect", "reflection", "reflection_value"]


FILLER = 9
"""Near-repeats of a behaviour from which on it may be filler as a whole."""


@dataclass(frozen=True, slots=True)
class Reflection:
    """What the reflection reward saw in one text.

    Attributes:
        value: the reward, in [0, 1).
        raw: the decayed sum over the four behaviours, before the squash.
        counts: hits that were paid for, by behaviour.
        spans: the hits that were paid for, in order of their start; spans of two behaviours may overlap.
        repeats: the hits that stand in near-repeats of what came before (paid for unless ``ignore_repeats``).
    """

    value: float
    raw: float
    counts: dict[str, int]
    spans: tuple[Span, ...]
    repeats: tuple[Span, ...]

    @property
    def near_repeat_share(self) -> float:
        """Hits in near-repeats over all hits; 0 when there are none."""
        hits = set(self.spans) | set(self.repeats)
        return len(self.repeats) / len(hits) if hits else 0.0


@lru_cache(maxsize=4096)
def decayed_sum(hits: int) -> float:
    """sum over i = 1..hits of 0.5 / (1 + (i - 1) / 2.5): each further hit of one behaviour pays less."""
    return math.fsum(0.5 / (1 + (i - 1) / 2.5) for i in range(1, hits + 1))


def reflection_value(counts: Iterable[int]) -> float:
    """The reward for so many hits of each behaviour.

    ::

        raw = sum over behaviours of sum over its hits i = 1, 2, ... of 0.5 / (1 + (i - 1) / 2.5)
        c = 0.8 ln(1 + raw);   value = 1 - 1 / (1 + c^1.2), rounded to 2 decimals

    Source: arXiv 2603.14041, reflection reward.

    >>> reflection_value([1]), reflection_value([100]), reflection_value([])
    (0.21, 0.6, 0.0)
    """
    return _squash(math.fsum(decayed_sum(count) for count in counts))


def _squash(raw: float) -> float:
    c = 0.8 * math.log1p(raw)
    return round(1 - 1 / (1 + math.pow(c, 1.2)), 2)


def reflection(
    completion: str | Completion,
    *,
    only_if_correct: bool = False,
    ignore_repeats: bool = False,
    correct: bool | None = None,
) -> float:
    """Reward in [0, 1) for reflecting words (``behaviours.TABLE``), by :func:`reflection_value`.

    Args:
        completion: the text, or a completion.
        only_if_correct: pay 0 unless ``correct`` is True.
        ignore_repeats: do not pay for hits in near-repeats of what came before (``near_repeats``), nor for a
            behaviour of which at least nine hits in ten are such.
        correct: the grader's verdict, needed by ``only_if_correct`` alone.

    >>> reflection("Let me check."), reflection("Step 1: add. Step 2: check, then fix the mistake.")
    (0.21, 0.48)
    >>> reflection("Let me check.", only_if_correct=True, correct=False)
    0.0
    >>> reflection("check " * 100), reflection("check " * 100, ignore_repeats=True)
    (0.6, 0.0)
    """
    if only_if_correct and correct is not True:
        return 0.0
    if ignore_repeats:
        return reflect(completion, ignore_repeats=True).value
    text = _lower(text_of(completion))
    if ANY.search(text) is None:
        return 0.0
    return reflection_value(sum(1 for _ in pattern.finditer(text)) for pattern in PATTERNS.values())


def reflect(
    completion: str | Completion, *, ignore_repeats: bool = False, repeats: bool = True
) -> Reflection:
    """The reflection reward with everything behind it: hits, counts, and which of them stand in near-repeats.

    ``repeats=False`` leaves ``Reflection.repeats`` empty and saves most of the time (it needs
    ``ignore_repeats=False``).

    >>> found = reflect("Let me check. Let me check.")
    >>> found.counts["verification"], found.near_repeat_share, found.spans[0]
    (2, 0.5, Span(start=7, end=12, behaviour='verification'))
    """
    text = _lower(text_of(completion))
    hits = _hits(text)
    repeated = near_repeats(text, hits) if hits and (repeats or ignore_repeats) else ()
    paid = _novel(hits, repeated) if ignore_repeats and repeated else hits
    counts = dict.fromkeys(BEHAVIOURS, 0)
    for hit in paid:
        counts[hit.behaviour] += 1
    raw = math.fsum(decayed_sum(count) for count in counts.values())
    return Reflection(_squash(raw), raw, counts, paid, repeated)


def _novel(hits: tuple[Span, ...], repeated: tuple[Span, ...]) -> tuple[Span, ...]:
    """The hits that are no near-repeats. A behaviour that is filler nine times in ten is not paid at all."""
    repeats = Counter(hit.behaviour for hit in repeated)
    all_hits = Counter(hit.behaviour for hit in hits)
    filler = {name for name, count in repeats.items() if 10 * count >= 9 * all_hits[name] and count >= FILLER}
    return tuple(hit for hit in hits if hit not in set(repeated) and hit.behaviour not in filler)


def near_repeat_share(completion: str | Completion) -> float:
    """Share of the reflecting hits in near-repeats of what came before: near 1 when text is repeated for the reward.

    >>> near_repeat_share("Let me check 3 + 4 = 7. Now verify 7 * 2 = 14."), near_repeat_share("check " * 100)
    (0.0, 0.99)
    """
    return reflect(completion).near_repeat_share


def _hits(text: str) -> tuple[Span, ...]:
    if ANY.search(text) is None:
        return ()
    found = [
        Span(match.start(), match.end(), behaviour)
        for behaviour, pattern in PATTERNS.items()
        for match in pattern.finditer(text)
    ]
    return tuple(sorted(found))


def _lower(text: str) -> str:
    """Lower-cased, every character still in its place: one capital (U+0130) would become two characters."""
    return text.replace("\u0130", "i").lower()
