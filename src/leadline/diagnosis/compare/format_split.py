"""How much of a change in success is only form: fewer samples cut off, more answers found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.data.samples.counts import Counts
from leadline.diagnosis.compare.pairing import Pair
from leadline.stats import Interval, smooth_intervals

__all__ = ["FormSplit", "split_form"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FormSplit:
    """The change of the share of correct samples = answered x right when answered, split between the two.

    ``form`` is what comes of answering more often, ``content`` of being right more often when answering.
    """

    answered: tuple[float, float]
    right: tuple[float, float]
    form: Interval
    content: Interval

    def as_dict(self) -> dict[str, Any]:
        """The fields of the JSON output; pairs are [base, tuned]."""
        return {
            "answered": list(self.answered),
            "right_when_answered": list(self.right),
            "form": self.form.as_list(),
            "content": self.content.as_list(),
        }


def split_form(pair: Pair, seed: int = 0) -> FormSplit | None:
    """Split with the mean of both sides as weights; every problem counts the same. None if the rows say nothing.

    ``change = (right + right')/2 (answered' - answered) + (answered + answered')/2 (right' - right)``.
    """
    sides = (pair.base, pair.tuned)
    if not all(side.stated["finished"] or side.stated["reason"] for side in sides):
        return None
    if any(name in fields for fields in pair.partly.values() for name in ("finished", "reason")):
        return None  # those that do not say would all count as answered
    table = np.concatenate([_rates(side) for side in sides], axis=1)
    if not (table.sum(axis=0)[[0, 2]] > 0).all():
        return None
    form, content = smooth_intervals(table, _parts, seed=seed)
    means = table.mean(axis=0)
    right = (float(means[1] / means[0]), float(means[3] / means[2]))
    return FormSplit((float(means[0]), float(means[2])), right, form, content)


def _rates(counts: Counts) -> Array:
    """Share of samples with an answer, and of correct ones, one row a problem."""
    answered = counts.n - counts.cut_off - counts.no_answer
    return np.stack([answered / counts.n, counts.c / counts.n], axis=1)


def _parts(means: Array) -> Array:
    answered, correct, answered2, correct2 = means.T
    with np.errstate(invalid="ignore", divide="ignore"):
        right, right2 = correct / answered, correct2 / answered2
    form = (right + right2) / 2 * (answered2 - answered)
    content = (answered + answered2) / 2 * (right2 - right)
    return np.stack([form, content], axis=1)
