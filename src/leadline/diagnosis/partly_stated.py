"""What only some of the samples state: nothing is divided by samples that do not say."""

from __future__ import annotations

from collections.abc import Mapping

from leadline.data.samples.counts import NEARLY, Counts

__all__ = ["Partly", "left_out", "partly_stated"]

Partly = Mapping[str, tuple[int, int]]
"""Field -> samples that state it, and all samples."""

_LEFT_OUT = {
    "finished": ("whether they were cut off", "shares of samples that were cut off"),
    "reason": ("their answer or why they are wrong", "shares of samples without an answer"),
    "format": ("whether they kept the format", "shares of samples that missed the format"),
    "n_tokens": ("their length", "lengths"),
}

BOUND_COUNTS = 0.1  # of all samples are stated to have a fault: a lower bound of its share is worth having

_SUMS = {"finished": "truncated", "reason": "no_answer", "format": "format_failed"}


def partly_stated(counts: Counts, *, lower_bounds: bool = False) -> Partly:
    """The fields that too few samples state for a share of, or a mean over, all of them.

    Of a fault it is counted how many samples state it and no more, so that a share of those alone cannot be had.
    Lengths are known by problem (`Counts.measured`): they may be means over the samples that state one. ``counts`` have
    to be as they were read: ``stated`` stays that of all samples when problems are taken out of them.

    Args:
        lower_bounds: keep a fault, too, that is stated of a tenth of all samples, however few state anything: the
            others then count as free of it, which is a lower bound.
    """
    total = counts.n_samples
    partly = {name: (counts.stated[name], total) for name in _LEFT_OUT if 0 < counts.stated[name] < total}
    return {name: of for name, of in partly.items() if not _counts_all_the_same(counts, name, lower_bounds)}


def _counts_all_the_same(counts: Counts, name: str, lower_bounds: bool) -> bool:
    if name not in _SUMS:
        return False
    total = counts.n_samples
    faulty = float(getattr(counts, _SUMS[name]).sum())
    return counts.stated[name] >= NEARLY * total or (lower_bounds and faulty >= BOUND_COUNTS * total)


def left_out(name: str, stated: int, total: int, whose: str = "") -> str:
    """The sentence that says so of one field.

    >>> left_out("n_tokens", 80, 160, " of the base")
    'Only 80 of the 160 samples of the base state their length: lengths are left out.'
    """
    what, gone = _LEFT_OUT[name]
    return f"Only {stated:,} of the {total:,} samples{whose} state {what}: {gone} are left out."
