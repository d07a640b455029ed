"""The paper's five claims, each with a verdict that is computed from the numbers and the numbers it rests on.

S3 = arXiv 2510.15990. A verdict is ``supported`` or ``not supported`` only where the interval over seeds lies wholly on
one side; everything else is ``undecided``, and a claim that an axis says nothing about is ``not tested``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from leadline.display.numbers import points
from leadline.stats import Interval, paired_seeds, seed_mean
from leadline.storage.jsonl import Row
from leadline.studies.analysis.summary import StudyTable, by_seed, measured_gain, number_in, support_of
from leadline.studies.plan import GRID_ALGORITHMS, Plan

__all__ = ["MARGIN", "Claim", "judge_claims"]

Verdict = Literal["supported", "not supported", "undecided", "not tested"]

MARGIN = 0.05
"""The least mean gain that counts as one."""

UNSUPPORTED = 0.05
"""A trained problem is without support when fewer right answers than this were expected among its samples."""

STATEMENTS = {
    "a": "no gain without support",
    "b": "the gain follows the overlap with pretraining",
    "c": "the in-distribution gain falls as the base saturates",
    "d": "transfer to other tokens only with trained embeddings",
    "e": "composition only where atoms and some compositions were seen",
}


@dataclass(frozen=True)
class Claim:
    """One claim: its verdict, the number that decided it with its interval over seeds, and both in a sentence."""

    letter: str
    statement: str
    verdict: Verdict
    evidence: str
    interval: Interval | None = None

    @property
    def sentence(self) -> str:
        return f"({self.letter}) {self.statement}: {self.verdict}. {self.evidence}"

    def to_json(self) -> dict[str, Any]:
        interval = self.interval.as_list() if self.interval else None
        return {**asdict(self), "interval": interval, "sentence": self.sentence}


def judge_claims(plan: Plan, table: StudyTable) -> list[Claim]:
    """All five, in order, at the shortest number of steps and on the trained problems."""
    names = dict.fromkeys(arm.algorithm for arm in plan.arms)
    grid = next((name for name in GRID_ALGORITHMS if name in names), next(iter(names)))
    probe = "grpo" if "grpo" in names else grid
    return [
        _support(plan, table, grid),
        _overlap(plan, table, grid),
        _saturation(plan, table, probe),
        *(_transfer(plan, table, probe, letter) for letter in "de"),
    ]


def _support(plan: Plan, table: StudyTable, algorithm: str) -> Claim:
    """(a): the mean gain of trained problems that were hardly ever sampled right, and test T3.

    Of one algorithm and one length of run: two algorithms from one base model would count the same luck twice.
    """
    rows = [
        row
        for row in table.rows
        if (row["side"], row["algorithm"], row["step"]) == ("trained", algorithm, plan.steps[0])
        and _unsupported(row)
    ]
    if not rows:
        return _claim("a", "not tested", "No trained problem was without support.")
    interval = seed_mean(list(by_seed(rows, measured_gain).values()))
    told = support_of(rows)
    verdict = _below(interval)
    if told.p_value < 0.05:
        verdict = "not supported"
    evidence = (
        f"{algorithm}, {plan.steps[0]} steps: {len(rows)} problem-runs with fewer than {UNSUPPORTED} right answers "
        f"expected among their samples gained {gain_points(interval)}; {told.gained} of {told.problems} "
        f"with fewer than 0.01 expected passed 10% success, where at most {told.expected:.2g} were to be expected "
        f"without shared weights (T3, p = {told.p_value:.2g})."
    )
    return _claim("a", verdict, evidence, interval)


def _unsupported(row: Row) -> bool:
    samples, mass = int(row["N"]), float(row["Q"])
    return samples > 0 and samples * mass < UNSUPPORTED


def _overlap(plan: Plan, table: StudyTable, algorithm: str) -> Claim:
    """(b): slope of a seed's gain over the dose grid, up to the doses that leave less than half to gain."""
    doses = sorted((cell for cell in plan.axis.cells if cell.role == "dose"), key=lambda cell: cell.overlap)
    found = [(cell, table.of(cell.name, algorithm, plan.steps[0])) for cell in doses]
    open_ = [(cell, rows) for cell, rows in found if rows and _mean(rows, "Q") <= 0.5]
    if len(open_) < 2:
        return _claim(
            "b", "not tested", "Fewer than two doses leave half of the success or more to be gained."
        )
    gains = [by_seed(rows, measured_gain) for _, rows in open_]
    seeds = sorted(set.intersection(*(set(values) for values in gains)))
    places = np.arange(len(open_)) - (len(open_) - 1) / 2
    slopes = [
        float(places @ np.array([values[seed] for values in gains]) / (places @ places)) for seed in seeds
    ]
    interval = seed_mean(slopes)
    first, last = (float(np.mean(list(values.values()))) for values in (gains[0], gains[-1]))
    evidence = (
        f"From overlap {open_[0][0].overlap:g} to {open_[-1][0].overlap:g} the gain of {algorithm} after "
        f"{plan.steps[0]} steps goes from {100 * first:.1f} to {100 * last:.1f} points: {gain_points(interval)} a dose."
    )
    return _claim("b", _above(interval), evidence, interval)


def _saturation(plan: Plan, table: StudyTable, algorithm: str) -> Claim:
    """(c): the most saturated base against the one whose mass is nearest one half, paired by seed."""
    cells = [cell for cell in plan.axis.cells if cell.role == "saturation"]
    found = {cell.name: table.of(cell.name, algorithm, plan.steps[0]) for cell in cells}
    mass = {name: _mean(rows, "Q") for name, rows in found.items() if rows}
    if len(mass) < 2:
        return _claim("c", "not tested", "Fewer than two states of saturation were run.")
    middle = min(mass, key=lambda name: abs(mass[name] - 0.5))
    most = max(mass, key=lambda name: mass[name])
    if middle == most:
        text = f"No base is saturated: the largest in-distribution mass is {mass[most]:.2f}."
        return _claim("c", "undecided", text)
    before, after = (by_seed(found[name], measured_gain) for name in (middle, most))
    seeds = sorted(before.keys() & after.keys())
    interval = paired_seeds([before[s] for s in seeds], [after[s] for s in seeds])
    verdict: Verdict = "supported" if interval.hi < 0 else "not supported" if interval.lo > 0 else "undecided"
    evidence = (
        f"Where the base solves {100 * mass[most]:.0f}% instead of {100 * mass[middle]:.0f}%, {algorithm} gains "
        f"{gain_points(interval)} (difference over {plan.steps[0]} steps)."
    )
    return _claim("c", verdict, evidence, interval)


def _transfer(plan: Plan, table: StudyTable, algorithm: str, letter: str) -> Claim:
    """(d), (e): nothing gained where something was missing from pretraining, and something where nothing was."""
    if plan.axis.claim != letter:
        return _claim(letter, "not tested", "This axis does not ask for it.")
    groups = dict(plan.axis.transfer)
    gains = {
        kind: {
            name: table.mean(rows, measured_gain)
            for name in groups.get(kind, ())
            if (rows := table.of(name, algorithm, plan.steps[0]))
        }
        for kind in ("with", "without")
    }
    have = [interval for interval in gains["with"].values() if interval]
    lack = [interval for interval in gains["without"].values() if interval]
    if not have or not lack:
        return _claim(letter, "not tested", "The cells that it compares were not run.")
    verdict: Verdict = "undecided"
    if any(i.lo > MARGIN for i in lack) or all(i.hi < MARGIN for i in have):
        verdict = "not supported"
    elif all(i.hi < MARGIN for i in lack) and any(i.lo > MARGIN for i in have):
        verdict = "supported"
    said = [
        f"{name} {gain_points(interval)}"
        for kind in gains.values()
        for name, interval in kind.items()
        if interval
    ]
    best = max(have, key=lambda interval: interval.value)
    return _claim(letter, verdict, f"Gains of {algorithm}: {'; '.join(said)}.", best)


def _claim(letter: str, verdict: Verdict, evidence: str, interval: Interval | None = None) -> Claim:
    return Claim(letter, STATEMENTS[letter], verdict, evidence, interval)


def _below(interval: Interval) -> Verdict:
    return "supported" if interval.hi < MARGIN else "not supported" if interval.lo > MARGIN else "undecided"


def _above(interval: Interval) -> Verdict:
    return "supported" if interval.lo > 0 else "not supported" if interval.hi < 0 else "undecided"


def _mean(rows: Sequence[Row], name: str) -> float:
    return float(np.mean([number_in(row, name) for row in rows]))


def gain_points(interval: Interval) -> str:
    """A gain in percentage points with its limits; with one seed there are none.

    >>> gain_points(Interval(0.041, -0.002, 0.08))
    '+4.1 points [-0.2, +8.0]'
    >>> gain_points(Interval(0.041, -np.inf, np.inf))
    '+4.1 points (one seed)'
    """
    if not np.isfinite(interval.width):
        return f"{100 * interval.value:+z.1f} points (one seed)"
    return points(interval)
