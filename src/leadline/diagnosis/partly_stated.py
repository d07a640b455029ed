"""What only some of the samples state: nothing is divided by samples that do not say."""

from __future__ import annotations

from collections.abc import Mapping

from leadline.data.samples.counts import Counts

__all__ = ["Partly", "left_out", "partly_stated"]

Partly = Mapping[str, tuple[int, int]]
"""Field -> samples that state it, and all samples."""

_LEFT_OUT = {
    "finished": ("whether they were cut off", "shares of samples that were cut off"),
    "reason": ("their answer or why they are wrong", "shares of samples without an answer"),
    "format": ("whether they kept the format", "shares of samples that missed the format"),
    "n_tokens": ("their length", "lengths"),
}


def partly_stated(counts: Counts) -> Partly:
    """The fields that some samples state and others do not.

    A file says which of its samples state a field by their number alone, so that a share of, or a mean over, those that
    do cannot be had. ``counts`` have to be as they were read: ``stated`` stays that of all samples when problems are
    taken out of them.
    """
    total = counts.n_samples
    return {name: (counts.stated[name], total) for name in _LEFT_OUT if 0 < counts.stated[name] < total}


def left_out(name: str, stated: int, total: int, whose: str = "") -> str:
    """The sentence that says so of one field.

    >>> left_out("n_tokens", 80, 160, " of the base")
    'Only 80 of the 160 samples of the base state their length: lengths are left out.'
    """
    what, gone = _LEFT_OUT[name]
    return f"Only {stated:,} of the {total:,} samples{whose} state {what}: {gone} are left out."
