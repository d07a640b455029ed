"""How much of the failure is only form: cut off by the token cap, no answer found, format missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from leadline.data.samples.counts import Counts
from leadline.diagnosis.as_json import as_json
from leadline.diagnosis.partly_stated import Partly, partly_stated
from leadline.stats import Interval, bootstrap_ratio, clopper_pearson, count_mean

__all__ = ["Faults", "count_faults"]

_FEW = 8
"""Problems below which a bootstrap over them is not trusted alone."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Rates over samples (mean over problems), and the make-up of the failures. None: not all rows say.

    Attributes:
        truncated, no_answer, format_failed, unscorable: share of samples of each kind.
        of_failures: of the samples that are not correct, the share that was truncated, had no answer, was
            unscorable, or is simply wrong; empty when nothing failed, or where not all samples say how they ended.
        answered: share of correct samples among those with an answer; None when there is none, or in that case.
        partly_stated: what only some samples say, and is left out for that.
    """

    truncated: Interval | None
    no_answer: Interval | None
    format_failed: Interval | None
    unscorable: Interval
    of_failures: dict[str, float]
    answered: Interval | None
    partly_stated: Partly

    @property
    def only_form(self) -> float:
        """Share of the failures that never got as far as a wrong answer."""
        return self.of_failures.get("truncated", 0.0) + self.of_failures.get("no_answer", 0.0)

    def as_dict(self) -> dict[str, Any]:
        """The fields of the JSON output; intervals as [value, lo, hi]."""
        values: dict[str, Any] = as_json(self)
        return values | {"pass_at_1_answered": values.pop("answered")}


def _of_answered(right: np.ndarray, answered: np.ndarray, confidence: float, seed: int) -> Interval:
    """Right ones among the samples with an answer.

    A bootstrap of a few problems that happen to agree has no width: below `_FEW` problems the interval is at least that
    of as many independent answers.
    """
    found = bootstrap_ratio(right, answered, confidence=confidence, seed=seed)
    units = int((answered > 0).sum())
    if not 0 < units < _FEW:
        return found
    low, high = clopper_pearson(min(units * found.value, units), units, confidence)
    return Interval(found.value, min(float(low), found.lo), max(float(high), found.hi))


def count_faults(
    counts: Counts, confidence: float = 0.95, seed: int = 0, partly: Partly | None = None
) -> Faults:
    """Sort the failures by their kind; the interval of ``answered`` is a bootstrap over problems.

    ``partly``: what only some samples state (`partly_stated`), of the counts as read where these are a part of them.
    """
    partly = partly_stated(counts, lower_bounds=True) if partly is None else partly

    def share(n: np.ndarray, c: np.ndarray) -> np.ndarray:
        return np.asarray(c / n)

    def rate(values: np.ndarray, name: str) -> Interval | None:
        known = counts.stated[name] > 0 and name not in partly
        return count_mean(counts.n, values, share, confidence) if known else None

    failed = float((counts.n - counts.c).sum())
    silent = counts.cut_off + counts.no_answer
    kinds = {"truncated": counts.cut_off, "no_answer": counts.no_answer, "unscorable": counts.unscorable}
    sums = {name: float(number.sum()) for name, number in kinds.items()}
    sums["wrong"] = max(failed - sum(sums.values()), 0.0)
    ended = not {"finished", "reason"} & set(
        partly
    )  # else those that do not say would count as answered, and as wrong
    answered = _of_answered(counts.c, counts.n - silent, confidence, seed)
    return Faults(
        truncated=rate(counts.truncated, "finished"),
        no_answer=rate(counts.no_answer, "reason"),
        format_failed=rate(counts.format_failed, "format"),
        unscorable=count_mean(counts.n, counts.unscorable, share, confidence),
        of_failures={name: value / failed for name, value in sums.items()} if failed and ended else {},
        answered=answered if ended and np.isfinite(answered.value) else None,
        partly_stated={name: partly[name] for name in ("finished", "reason", "format") if name in partly},
    )
