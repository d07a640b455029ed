"""Which way an update pushes the length, and what does the pushing: accuracy, the bonus, or the length term.

The drift is the mean advantage of a group's short completions minus that of its long ones, D = E[A | short] -
E[A | long]: the rate at which the odds of the short way grow. It falls into four parts that add up to it
(``theory.length_drift`` enumerates all but the bonus, docs/theory.md section 7):

    accuracy            what the advantages would be if being right were all that is paid
    bonus               what the other parts of the reward change in that
    length, mixed       what the length term adds in groups with right and wrong completions
    length, unanimous   what it adds in groups that are all right (or all wrong)

While accuracy is negative (short answers are worse) and the sum is positive, the length term is winning.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leadline.grpo.groups import Bools, Floats, Groups
from leadline.grpo.length_strata import short_rows

__all__ = ["LengthDrift", "measured_length_drift"]


class LengthDrift(NamedTuple):
    """The four parts; each is NaN where no group has both short and long completions."""

    accuracy: float
    bonus: float
    length_mixed: float
    length_unanimous: float

    @property
    def total(self) -> float:
        return sum(self)


def measured_length_drift(
    advantage: Floats,
    without_length: Floats,
    verdict_alone: Floats,
    correct: Bools,
    tokens: Floats,
    groups: Groups,
) -> LengthDrift:
    """The drift of one batch (scorable rows only).

    Args:
        advantage: [N] as trained on.
        without_length: [N] of the same rows with a length term of strength 0.
        verdict_alone: [N] likewise, without the bonus either.
        correct: [N].
        tokens: [N].
        groups: of the rows.

    What all rows of a group have in common pushes neither way here: the parts are taken about the group's mean.
    """
    short = short_rows(tokens, groups).astype(np.float64)
    apart = short - groups.mean(short)[groups.index]
    # n / (n - 1): the share of short in the group is itself an estimate
    free = np.divide(groups.size, groups.size - 1, out=np.zeros(groups.n_groups), where=groups.size > 1)
    odds = float((groups.mean(apart**2) * free)[groups.size > 0].sum())
    if odds == 0:
        return LengthDrift(np.nan, np.nan, np.nan, np.nan)
    rate = groups.mean(correct.astype(np.float64))
    mixed = ((rate > 0) & (rate < 1))[groups.index]

    def push(part: Floats) -> float:
        return float(groups.mean(part * apart)[groups.size > 0].sum()) / odds

    length = advantage - without_length
    return LengthDrift(
        push(verdict_alone),
        push(without_length - verdict_alone),
        push(np.where(mixed, length, 0.0)),
        push(np.where(mixed, 0.0, length)),
    )
