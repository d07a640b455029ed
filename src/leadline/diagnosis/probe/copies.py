"""Samples that are copies of each other, and problems that outweigh the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.data.samples.counts import Counts

__all__ = ["Copies", "Dominance", "dominance", "find_copies", "without_copies"]

MANY_COPIES = 0.5  # long copies above this share of the samples make the intervals worthless
SOME_COPIES = 0.1


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies among the samples of one problem, over all problems.

    Attributes:
        texts: samples whose text is known.
        share: of these, the share whose text an earlier sample of the same problem has.
        factor: every text of every problem occurs a multiple of this many times; 1 is as it should be.
        constant: every problem has one text only, over and over (greedy decoding, a cache, or a short
            answer).
        suspect: the counts cannot be taken at face value.
    """

    texts: int
    share: float
    factor: int
    constant: bool
    suspect: bool


def find_copies(counts: Counts) -> Copies:
    """Look for a file that holds its samples several times, or a sampler that returns the same text again.

    Short answers repeat by chance and are no fault. No chance are: every text of every problem occurring the
    same multiple of times; one text a problem that is right on some problems and wrong on others; long texts
    repeated word by word. Without texts nothing can be found.
    """
    texts = int(counts.stated["completion"])
    several = (counts.n > 1) & (counts.repeats > 0)
    if not texts or not several.any():
        return Copies(texts, 0.0, 1, False, False)
    share = float(counts.copies.sum()) / texts
    factor = int(np.gcd.reduce(counts.repeats[several].astype(np.int64)))
    one_text = (counts.repeats == counts.n)[several]
    constant = bool(one_text.all())
    rate = (counts.c / counts.n)[several]
    decided = constant and min(np.mean(rate == 0), np.mean(rate == 1)) >= SOME_COPIES
    doubled = factor > 1 and bool(np.mean(~one_text) >= SOME_COPIES)
    long = float(counts.long_copies.sum()) / texts >= MANY_COPIES
    return Copies(texts, share, max(factor, 1), constant, bool(decided or doubled or long))


def without_copies(counts: Counts, found: Copies) -> Counts:
    """The counts of every text once, where ``found`` says that all of them were counted several times."""
    return counts.thinned() if found.suspect and found.factor > 1 else counts


@dataclass(frozen=True, slots=True)
class Dominance:
    """The problem with the most samples, and the one with the most correct ones, with their shares."""

    most_samples: str
    samples_share: float
    most_correct: str | None
    correct_share: float


def dominance(counts: Counts) -> Dominance:
    """Which problem weighs most: by samples, and by correct samples *per sample drawn* (as the means weigh it)."""
    samples = int(counts.n.argmax())
    rate = counts.c / counts.n
    total = float(rate.sum())
    best = int(rate.argmax()) if total else None
    return Dominance(
        counts.ids[samples],
        float(counts.n[samples] / counts.n.sum()),
        None if best is None else counts.ids[best],
        0.0 if best is None else float(rate[best]) / total,
    )
