"""Did an algorithm go beyond what the base model could do? The rule, the numbers that it rests on, and the price.

U are the problems of which fewer than 0.01 right answers were to be expected among all that was sampled, X those of
them that end above 10%. Which problems are in U is the same for all algorithms of a cell and seed: the dearest of them
decides how much was sampled. Held-out problems are held to the same measure, though nothing was sampled of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from leadline.stats import Interval, paired_seeds, seed_mean
from leadline.storage.jsonl import Row
from leadline.studies.analysis.laws import GAINED, UNSEEN, Support, support
from leadline.studies.analysis.summary import StudyTable, by_seed, measured_gain, number_in
from leadline.studies.experiment.tally import COUNTS
from leadline.studies.plan import Plan

__all__ = ["CONTROLS", "FEWEST_SEEDS", "Judgement", "judge", "judge_beyond"]

BeyondVerdict = Literal["expanded", "expanded, trained only", "taught", "sharpened", "nothing", "undecided"]
SeedCounts = dict[int, int]

CONTROLS = ("grpo", "grpo-g16", "grpo-2x-updates", "grpo-4x-updates")
"""GRPO at rising cost: an algorithm is held against the cheapest of these that had no less than it."""

FEWEST_SEEDS = 5
"""Seeds below which nothing is said to be expanded or taught."""

T3_LEVEL = 0.01
SIDES = ("trained", "held_out")


@dataclass(frozen=True)
class Judgement:
    """One algorithm at one cell after so many steps.

    Attributes:
        verdict: see :func:`judge`.
        without_support: side -> mean number of problems in U, a seed.
        lifted: side -> mean number of problems in X, a seed, with its interval.
        against: other algorithm -> side -> X of this one less X of the other, paired by seed.
        control: the one that decides.
        t3: of the trained problems.
        gain: mean gain of the trained problems, as shares.
        spent: what each arm was given, mean over seeds.
    """

    cell: str
    algorithm: str
    step: int
    seeds: int
    verdict: BeyondVerdict
    without_support: dict[str, float]
    lifted: dict[str, Interval]
    against: dict[str, dict[str, Interval]]
    control: str
    t3: Support
    gain: Interval
    spent: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "lifted": {side: found.as_list() for side, found in self.lifted.items()},
            "against": {
                control: {side: found.as_list() for side, found in sides.items()}
                for control, sides in self.against.items()
            },
            "t3": self.t3._asdict(),
            "gain": self.gain.as_list(),
        }


def judge(
    t3: Support, trained: Interval, held_out: Interval, gain: Interval, *, seeds: int, references: bool
) -> BeyondVerdict:
    """The rule, set down before anything was run.

    Expanded: T3 rejects at p < 0.01, and the paired difference in X to GRPO at no less cost lies above 0 on trained
    and on held-out problems. Where it does on trained ones alone: taught, if reference answers were used; without
    them, expanded on those only. Else sharpened if the trained problems gained at all.
    """
    if seeds < FEWEST_SEEDS:
        return "undecided"
    if t3.p_value < T3_LEVEL and trained.lo > 0:
        if held_out.lo > 0:
            return "expanded"
        return "taught" if references else "expanded, trained only"
    return "sharpened" if gain.lo > 0 else "nothing"


def judge_beyond(plan: Plan, table: StudyTable) -> list[Judgement]:
    """Every algorithm of the plan, cell by cell, shortest run first."""
    found = []
    for cell, step in dict.fromkeys((arm.base.cell.name, step) for arm in plan.arms for step in arm.steps):
        names = dict.fromkeys(arm.algorithm for arm in plan.arms if arm.base.cell.name == cell)
        ran = {name: table.of(cell, name, step) + table.of(cell, name, step, "held_out") for name in names}
        run = _Cell(cell, step, {name: rows for name, rows in ran.items() if rows})
        found += [run.judgement(name) for name in run.ran]
    return found


class _Cell:
    """What ran at one cell for so many steps; by algorithm all rows, those in U, X by seed, and what was spent."""

    def __init__(self, name: str, step: int, ran: Mapping[str, list[Row]]) -> None:
        self.name, self.step, self.ran = name, step, ran
        self.sampled = _sampled(row for rows in ran.values() for row in rows)
        self.unsupported = {
            name: [row for row in rows if self.sampled[row["seed"]] * row["Q"] < UNSEEN]
            for name, rows in ran.items()
        }
        self.lifted = {
            name: {side: _lifted(rows, side, self.sampled) for side in SIDES}
            for name, rows in self.unsupported.items()
        }
        self.spent = {
            name: {count: float(np.mean([row[count] for row in rows])) for count in COUNTS}
            for name, rows in ran.items()
        }

    def judgement(self, algorithm: str) -> Judgement:
        """One algorithm against all others."""
        lifted, unsupported = self.lifted[algorithm], self.unsupported[algorithm]
        against = {
            name: {side: _difference(theirs[side], lifted[side]) for side in SIDES}
            for name, theirs in self.lifted.items()
        }
        control, spent, seeds = self._control(algorithm), self.spent[algorithm], len(self.sampled)
        trained = [row for row in self.ran[algorithm] if row["side"] == "trained"]
        t3 = _t3([row for row in unsupported if row["side"] == "trained"], self.sampled)
        gain = seed_mean(list(by_seed(trained, measured_gain).values()))
        more, references = against[control], spent["references"] > 0
        return Judgement(
            cell=self.name,
            algorithm=algorithm,
            step=self.step,
            seeds=seeds,
            verdict=judge(t3, more["trained"], more["held_out"], gain, seeds=seeds, references=references),
            without_support={side: sum(row["side"] == side for row in unsupported) / seeds for side in SIDES},
            lifted={side: seed_mean(list(found.values())) for side, found in lifted.items()},
            against=against,
            control=control,
            t3=t3,
            gain=gain,
            spent=spent,
        )

    def _control(self, algorithm: str) -> str:
        """The cheapest control that drew no less and was updated no less often; the dearest where none was."""
        own = self.spent[algorithm]
        controls = [name for name in CONTROLS if name in self.ran] or [next(iter(self.ran))]
        for name in controls:
            had = self.spent[name]
            if _drawn(had) >= _drawn(own) and had["updates"] >= own["updates"]:
                return name
        return controls[-1]


def _sampled(rows: Iterable[Row]) -> dict[int, float]:
    """Seed -> the most that any algorithm sampled, a problem of the pool, whoever drew it."""
    most: dict[int, float] = {}
    for row in rows:
        drawn = (row["completions"] + row["parts"] + row["prefixed"]) / row["pool"]
        most[row["seed"]] = max(most.get(row["seed"], 0.0), drawn)
    return dict(sorted(most.items()))


def _lifted(rows: Sequence[Row], side: str, seeds: Iterable[int]) -> SeedCounts:
    """Seed -> how many of these problems end above 10%."""
    counts = dict.fromkeys(seeds, 0)
    for row in rows:
        counts[row["seed"]] += row["side"] == side and row["p"] > GAINED
    return counts


def _difference(control: SeedCounts, algorithm: SeedCounts) -> Interval:
    return paired_seeds(list(control.values()), list(algorithm.values()))


def _drawn(spent: Mapping[str, float]) -> float:
    return spent["completions"] + spent["parts"] + spent["prefixed"]


def _t3(rows: Sequence[Row], sampled: Mapping[int, float]) -> Support:
    """Test T3 with the common measure as N, so that algorithms that draw nothing are tested, too."""
    return support(
        [number_in(row, "Q") for row in rows],
        [number_in(row, "p") for row in rows],
        [sampled[row["seed"]] for row in rows],
    )
