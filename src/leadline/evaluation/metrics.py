"""Samples and their scores to metrics, each with its 95% interval over problems."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.errors import DataError
from leadline.stats import (
    Interval,
    bootstrap_ratio,
    bounded_mean,
    cons_at_k,
    count_mean,
    never_certain,
    paired_bootstrap,
    paired_bootstrap_ratio,
    paired_counts,
    pass_at_k,
)
from leadline.types import Completion, Problem, Score

__all__ = ["Evaluation", "MetricTable", "evaluate", "paired_differences"]

Array = npt.NDArray[np.float64]

_MAX_LEVELS = 12  # more distinct difficulties than this are put together by their whole part


@dataclass(frozen=True, slots=True)
class MetricTable:
    """One number a problem, for every quantity that a metric is made of, all in the same order.

    Attributes:
        ids: the problems.
        n, c: samples, and correct ones among them.
        tokens, tokens_correct: summed completion tokens of all samples, and of the correct ones.
        truncated, no_answer, unscorable: samples of each kind.
        shares: ``pass@k`` and ``cons@k`` by name.
        parts: summed value of every part of the reward, by name.
    """

    ids: tuple[str, ...]
    n: Array
    c: Array
    tokens: Array
    tokens_correct: Array
    truncated: Array
    no_answer: Array
    unscorable: Array
    shares: Mapping[str, Array]
    parts: Mapping[str, Array]

    def ratio(self, metric: str) -> tuple[Array, Array]:
        """Numerator and denominator, one a problem, of a metric that is a ratio of sums.

        Raises:
            KeyError: no such metric.
        """
        pairs = {
            "mean_tokens": (self.tokens, self.n),
            "mean_tokens_correct": (self.tokens_correct, self.c),
            "truncated": (self.truncated, self.n),
            "no_answer": (self.no_answer, self.n),
            "unscorable": (self.unscorable, self.n),
        } | {name: (values, self.n) for name, values in self.parts.items() if name != "accuracy"}
        return pairs[metric]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one model did on one problem set.

    Attributes:
        metrics: name -> estimate with its 95% interval over problems. ``pass@k`` and ``cons@k`` are means
            over problems (decision "Votes"), ``mean_tokens`` (decision "Length"), rates and parts of the reward
            over samples.
        by_difficulty: level -> ``pass@1``, ``pass@1_ci``, ``mean_tokens``, ``n_problems``.
        table: the numbers behind them, one a problem.
    """

    metrics: Mapping[str, Interval]
    by_difficulty: Mapping[str, Mapping[str, Any]]
    table: MetricTable = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The fields of an arm in ``summary.json``: every metric, its limits as ``<metric>_ci``, counts.

        A metric of nothing (the mean length of no correct sample) is None.
        """
        row: dict[str, Any] = {}
        for name, interval in self.metrics.items():
            known = math.isfinite(interval.value)
            row[name] = interval.value if known else None
            row[f"{name}_ci"] = [interval.lo, interval.hi] if known else None
        row["n_problems"] = len(self.table.ids)
        row["n_samples"] = int(self.table.n.sum())
        row["by_difficulty"] = {level: dict(values) for level, values in self.by_difficulty.items()}
        return row


def evaluate(
    problems: Sequence[Problem],
    completions: Sequence[Completion],
    scores: Sequence[Score],
    *,
    ks: Sequence[int] = (1, 8),
    seed: int = 0,
) -> Evaluation:
    """Metrics of samples.

    ``pass@k`` is the unbiased estimator, unscorable rows counting as wrong; ``cons@k`` a vote over canonical
    answers (k > 1). A k above the samples of some problem is left out: it cannot be estimated. The unit of
    every interval is the problem, drawn with all of its samples (decision "Intervals"); for shares in [0, 1] it stays
    honest when every problem agrees (:func:`leadline.stats.bounded_mean`).

    Args:
        problems: the problem set; each one needs a sample.
        completions: samples; the number of samples may differ between problems. Their order matters only to the
            subsets that vote in cons@k below the number of samples.
        scores: of each completion, in the order of ``completions``.
        ks: for pass@k and cons@k; 1 is always there.
        seed: of the bootstrap and of the subsets that vote.

    Raises:
        DataError: no problem, a problem without a sample, a sample of an unknown problem, or two problems of
            one id.
        ValueError: ``completions`` and ``scores`` differ in length, or a k below 1.
    """
    if min(ks, default=1) < 1:
        raise ValueError(f"k must be at least 1, got {list(ks)}")
    rows = _rows(problems, completions, scores)
    table = _table(rows, sorted({1, *ks}), seed)
    metrics = {name: _share(name, values, table) for name, values in table.shares.items()}
    for name in ("mean_tokens", "mean_tokens_correct", "truncated", "no_answer", "unscorable", *table.parts):
        if name != "accuracy":
            metrics[name] = _interval(*table.ratio(name), bounded="tokens" not in name, seed=seed)
    return Evaluation(metrics, _by_difficulty(problems, table), table)


def paired_differences(
    a: tuple[str, Evaluation],
    b: tuple[str, Evaluation],
    metrics: Sequence[str] = ("pass@1", "mean_tokens"),
    *,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Rows ``{"a", "b", "metric", "difference", "ci"}``: b minus a on the same problems, drawn together.

    They say how sure one *model* is better than another, not one *algorithm* (decision "Intervals": that takes seeds).

    Raises:
        DataError: the two were not evaluated on the same problems in the same order.
    """
    (a_name, left), (b_name, right) = (a[0], a[1].table), (b[0], b[1].table)
    if left.ids != right.ids:
        raise DataError(f"{a_name} and {b_name} were evaluated on different problems")
    rows = []
    for metric in metrics:
        interval = _paired(left, right, metric, seed)
        ci = [interval.lo, interval.hi]
        rows.append({"a": a_name, "b": b_name, "metric": metric, "difference": interval.value, "ci": ci})
    return rows


def _paired(left: MetricTable, right: MetricTable, metric: str, seed: int) -> Interval:
    """Right minus left: of pass@k as ``leadline compare`` has it, so that one page does not show two intervals."""
    if metric not in left.shares or metric not in right.shares:
        return paired_bootstrap_ratio(left.ratio(metric), right.ratio(metric), seed=seed)
    if metric.startswith("pass@"):
        statistic = partial(pass_at_k, k=int(metric.removeprefix("pass@")))
        return paired_counts((left.n, left.c), (right.n, right.c), [statistic], seed=seed)[0][2]
    votes = left.shares[metric], right.shares[metric]
    return never_certain(paired_bootstrap(*votes, seed=seed), votes[1] - votes[0])


Rows = dict[str, list[tuple[Completion, Score]]]


def _rows(problems: Sequence[Problem], completions: Sequence[Completion], scores: Sequence[Score]) -> Rows:
    """Samples and their scores by problem, in the order of the problems."""
    if len(completions) != len(scores):
        raise ValueError(f"{len(completions)} completions, but {len(scores)} scores")
    rows: Rows = {problem.id: [] for problem in problems}
    faults = [] if len(rows) == len(problems) else ["two problems have the same id"]
    unknown: dict[str, int] = defaultdict(int)
    for completion, score in zip(completions, scores, strict=True):
        if completion.problem_id in rows:
            rows[completion.problem_id].append((completion, score))
        else:
            unknown[completion.problem_id] += 1
    faults += [
        f"{count} samples of {name!r}, which is not in the problem set" for name, count in unknown.items()
    ]
    faults += [f"no sample of {name!r}" for name, samples in rows.items() if not samples]
    if not rows:
        faults.append("no problems")
    if faults:
        shown = faults[:20] + ([f"... and {len(faults) - 20} more"] if len(faults) > 20 else [])
        raise DataError(shown)
    return rows


def _table(rows: Rows, ks: Sequence[int], seed: int) -> MetricTable:
    def total(value: Callable[[Completion, Score], float]) -> Array:
        return np.array([math.fsum(value(*row) for row in samples) for samples in rows.values()])

    n = total(lambda _c, _s: 1.0)
    c = total(lambda _c, s: s.correct is True)
    usable = [k for k in ks if k <= n.min()]
    shares = {f"pass@{k}": pass_at_k(n, c, k) for k in usable}
    shares |= {f"cons@{k}": _cons(rows, k, seed) for k in usable if k > 1}
    names = dict.fromkeys(name for samples in rows.values() for _, score in samples for name in score.parts)
    return MetricTable(
        ids=tuple(rows),
        n=n,
        c=c,
        tokens=total(lambda completion, _s: completion.n_tokens),
        tokens_correct=total(lambda completion, s: completion.n_tokens if s.correct is True else 0),
        truncated=total(lambda completion, _s: not completion.finished),
        no_answer=total(lambda _c, s: s.reason == "no_answer"),
        unscorable=total(lambda _c, s: s.correct is None),
        shares=shares,
        parts={name: total(lambda _c, s, name=name: s.parts.get(name, 0.0)) for name in names},  # type: ignore[misc]
    )


def _share(name: str, values: Array, table: MetricTable) -> Interval:
    """The mean of a share over problems; pass@k by the law of its counts, as the probe has it."""
    kind, _, k = name.partition("@")
    if kind == "pass":
        return count_mean(table.n, table.c, lambda n, c: pass_at_k(n, c, int(k)))
    return bounded_mean(values)


def _interval(top: Array, bottom: Array, *, bounded: bool, seed: int) -> Interval:
    """A ratio of sums; one that is a share keeps its doubt when no problem shows it (a bootstrap would not)."""
    if bounded and bottom.min() == bottom.max():
        shares = top / bottom
        if shares.min() >= 0 and shares.max() <= 1:
            return bounded_mean(shares)
        if shares.min() >= -1 and shares.max() <= 0:
            cost = bounded_mean(-shares)
            return Interval(-cost.value, -cost.hi, -cost.lo)
    return bootstrap_ratio(top, bottom, seed=seed)


def _cons(rows: Rows, k: int, seed: int) -> Array:
    values = []
    for samples in rows.values():
        answers = [score.answer if score.answered else None for _, score in samples]
        values.append(cons_at_k(answers, [score.correct for _, score in samples], k, seed=seed))
    return np.array(values)


def _by_difficulty(problems: Sequence[Problem], table: MetricTable) -> dict[str, dict[str, Any]]:
    """pass@1 and length by level; levels are the difficulties themselves unless there are very many."""
    levels = [problem.difficulty for problem in problems]
    known = {level for level in levels if level is not None}
    if len(known) > _MAX_LEVELS:
        levels = [None if level is None else float(math.floor(level)) for level in levels]
    result = {}
    for level in sorted({level for level in levels if level is not None}):
        at = np.array([own == level for own in levels])
        share = count_mean(table.n[at], table.c[at], lambda n, c: pass_at_k(n, c, 1))
        result[f"{level:g}"] = {
            "pass@1": share.value,
            "pass@1_ci": [share.lo, share.hi],
            "mean_tokens": float(table.tokens[at].sum() / table.n[at].sum()),
            "n_problems": int(at.sum()),
        }
    return result
