"""Ids that number the samples of a file, not its problems: told by the prompts, which recur under them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from leadline.data.problems.duplicates import content_hash
from leadline.data.samples.counts import SUMS, Counts
from leadline.data.samples.same_problems import numbered_samples

__all__ = ["by_prompt"]

_REMEDY = "if they number the samples, say what names a problem: --columns problem_id=COLUMN"


def by_prompt(counts: Counts, *, named: bool) -> Counts:
    """The counts; where each id has one sample and every prompt recurs, with the problems known by their prompts.

    No set of problems asks each of them several times under ids of their own. What is doubtful is only said: prompts of
    which some stand alone, and ids that have the same endings (``task7-0``, ``task7-1``).

    Args:
        counts: of one source.
        named: the user said what names a problem: it is left at that.
    """
    if counts.n.max() != 1 or named:
        return counts
    asked = [(counts.prompts.get(name), counts.media.get(name)) for name in counts.ids]
    times = Counter(asked)
    if (
        len(times) > 1
        and min(times.values()) > 1
        and (None, None) not in times
        and _one_gold_each(counts, asked)
    ):
        note = (
            f"{len(counts):,} ids of one sample each, for {len(times):,} prompts: they number the samples, so that "
            "problems are known by their prompts (--columns problem_id=COLUMN takes them for problems)"
        )
        return replace(_merged(counts, asked), notes=(*counts.notes, note))
    doubt = _doubtful(counts, len(times))
    return replace(counts, notes=(*counts.notes, doubt)) if doubt else counts


def _one_gold_each(counts: Counts, asked: Sequence[tuple[str | None, str | None]]) -> bool:
    pairs = {
        (key, counts.golds[name]) for name, key in zip(counts.ids, asked, strict=True) if name in counts.golds
    }
    return len(pairs) == len({key for key, _ in pairs})


def _merged(counts: Counts, asked: Sequence[tuple[str | None, str | None]]) -> Counts:
    """One problem a prompt; of texts that repeat nothing is known any more."""
    first: dict[Any, int] = {}
    place = np.array([first.setdefault(key, len(first)) for key in asked])
    arrays: dict[str, Any] = {name: np.bincount(place, getattr(counts, name), len(first)) for name in SUMS}
    names = tuple(f"{content_hash(text or '', media)}-1" for text, media in first)
    texts: dict[str, Any] = {"prompts": {}, "golds": {}, "media": {}}
    for name, i in zip(counts.ids, place, strict=True):
        for field, held in texts.items():
            if name in getattr(counts, field):
                held.setdefault(names[i], getattr(counts, field)[name])
    starts = np.unique(place, return_index=True)[1]
    arrays |= {
        "copies": np.zeros(len(first)),
        "long_copies": np.zeros(len(first)),
        "repeats": np.ones(len(first)),
    }
    return replace(counts, ids=names, difficulty=counts.difficulty[starts], **arrays, **texts)


def _doubtful(counts: Counts, prompts: int) -> str | None:
    """What to say of ids that may number the samples: prompts recur under them, or all have the same endings."""
    if len(counts.prompts) == len(counts) > 2 * prompts:
        return (
            f"{len(counts):,} ids of one sample each, for {prompts:,} prompts: {_REMEDY} (the column of the prompt "
            "will do)"
        )
    found = None if counts.prompts else numbered_samples(counts.ids)
    if found is None:
        return None
    return f"{len(counts):,} ids of one sample each, {found[0]:,} names with the same {found[1]} endings: {_REMEDY}"
