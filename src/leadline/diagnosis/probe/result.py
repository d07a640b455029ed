"""The outcome of a probe, with all of its tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leadline.data.samples.counts import Counts
from leadline.diagnosis.as_json import as_json
from leadline.diagnosis.probe.copies import Copies, Dominance
from leadline.diagnosis.probe.correct_mass import Mass
from leadline.diagnosis.probe.curves import PassCurve, Reach
from leadline.diagnosis.probe.difficulty_bands import BANDS, Band, Window
from leadline.diagnosis.probe.failure_modes import Faults
from leadline.diagnosis.probe.live_groups import GroupSize, LiveShare
from leadline.diagnosis.probe.prefiltered import Filtered
from leadline.display import Sentence
from leadline.stats import Interval

__all__ = ["LAW", "Budget", "FirstSteps", "Forced", "Probe", "Repeats", "Twins", "Zeros"]

LAW = "the fitted law of Q, given the counts"  # where numbers of chosen problems come from


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run of ``batch`` prompts x ``group`` samples x ``steps`` steps can see.

    ``q`` is the smallest correct mass of which it holds a correct sample with 95% probability, over all
    problems of one kind; ``q_one_problem`` the same for a single problem, which it visits ``visits`` times.
    ``live`` is the number of live groups that it would hold if nothing were learned (None where unknown).
    """

    batch: int
    group: int
    steps: int
    samples: int
    q: float
    visits: float
    q_one_problem: float
    live: Interval | None


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """What the first steps will show: the share of their groups that is live, the scatter of so few counted in.

    Attributes:
        steps, groups: steps spoken of, and their groups together.
        live_groups: the forecast; it allows for what the model learns within these steps.
        unchanged: the same of a model that learns nothing in them.
    """

    steps: int
    groups: int
    live_groups: Interval
    unchanged: Interval


@dataclass(frozen=True, slots=True)
class Zeros:
    """Problems without a correct sample: how many, and how large their Q may still be.

    ``rule_of_three`` is the one-sided limit of a problem that was not chosen for being unsolved; ``mean`` that of
    these, from the fitted law of Q given the counts, or one-sided from the samples alone where no problem was
    ever solved, as nothing was chosen then.
    """

    problems: int
    samples: int
    rule_of_three: float | None
    mean: Interval | None


class Twins(NamedTuple):
    """Problems that repeat an earlier one of the set, and problems that are in an evaluation set.

    Counted by normalised prompt (typesetting removed), and of these those that are equal to the character.
    """

    again: int = 0
    again_exact: int = 0
    shared: int = 0
    shared_exact: int = 0


@dataclass(frozen=True, slots=True)
class Repeats:
    """The problems that :class:`Twins` counts.

    Attributes:
        duplicates: groups of ids that are one and the same problem.
        contamination: ids of problems that also stand in an evaluation set.
    """

    duplicates: tuple[tuple[str, ...], ...] = ()
    contamination: tuple[str, ...] = ()
    twins: Twins = Twins()  # noqa: RUF009 (a tuple)


@dataclass(frozen=True, slots=True)
class Forced:
    """Teacher-forced bounds: on how many problems, on how many that sampling never solved, and how high there.

    ``median_log_q`` is in nats, over the unsolved ones (over all where all are solved).
    """

    problems: int = 0
    unsolved: int = 0
    median_log_q: float | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """What base-model samples say of a GRPO run to come. ``as_dict`` is the JSON; ``problem_rows`` the detail."""

    counts: Counts = field(repr=False)
    mass: Mass = field(repr=False)
    pass_curve: PassCurve
    cover: Mapping[float, Interval]
    live: Mapping[int, LiveShare]
    live_here: Mapping[int, Interval]
    group: GroupSize
    faults: Faults
    reach: tuple[Reach, ...]
    edges: Window
    bands: npt.NDArray[np.int64] = field(repr=False)
    band_rows: tuple[Band, ...]
    budget: Budget
    zeros: Zeros
    copies: Copies
    dominance: Dominance
    filtered: Filtered
    forced: Forced
    twins: Twins
    first_steps: FirstSteps | None = None
    duplicates: tuple[tuple[str, ...], ...] = ()
    contamination: tuple[str, ...] = ()
    kept_live: Interval | None = None
    verdict: str = ""
    then: str = ""
    sentences: tuple[Sentence, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[str, ...]:
        """Ids of the problems worth training on: solve rate within the recommended window, twins named once."""
        twins = {name for group in self.duplicates for name in group[1:]}
        dropped = twins | set(self.contamination)
        inside = (self.mass.value >= self.edges.floor) & (self.mass.value <= self.edges.high)
        return tuple(
            name for name, yes in zip(self.counts.ids, inside, strict=True) if yes and name not in dropped
        )

    @property
    def undecided(self) -> int:
        """Problems whose interval for Q reaches across an edge of the useful band."""
        low, high = self.edges.low, self.edges.high
        across = ((self.mass.lo < low) & (self.mass.hi >= low)) | (
            (self.mass.lo <= high) & (self.mass.hi > high)
        )
        return int(across.sum())

    def problem_rows(self) -> list[dict[str, Any]]:
        """One row a problem: counts, limits for Q, band."""
        counts, kept = self.counts, set(self.kept)
        rows = []
        for i, name in enumerate(counts.ids):
            rows.append(
                {
                    "problem_id": name,
                    "n_samples": int(counts.n[i]),
                    "n_correct": int(counts.c[i]),
                    "band": BANDS[self.bands[i]],
                    "kept": name in kept,
                    "truncated": int(counts.truncated[i]),
                    "no_answer": int(counts.no_answer[i]),
                    **self.mass.row(i),
                }
            )
        return rows

    def as_dict(self, *, problems: bool = False) -> dict[str, Any]:
        """The JSON output (docs/probe.md); numbers of one figure are [value, lo, hi]."""
        n = self.counts.n
        named = Counter(BANDS[i] for i in self.bands)
        values: dict[str, Any] = {
            "schema": 1,
            "n_problems": len(self.counts),
            "n_samples": self.counts.n_samples,
            "samples_per_problem": [int(n.min()), float(np.median(n)), int(n.max())],
            "pass_at_k": {str(k): v.as_list() for k, v in self.pass_curve.value.items()},
            "pass_at_k_left_out": {str(k): v for k, v in self.pass_curve.left_out.items() if v},
            "cover_at": {f"{tau:g}": v.as_list() for tau, v in self.cover.items()},
            "live_groups": {str(g): _known(live.share) for g, live in self.live.items()},
            "live_groups_here": {str(g): live.as_list() for g, live in self.live_here.items()},
            "live_groups_extrapolated": [g for g, live in self.live.items() if live.extrapolated],
            "bands": {name: named[name] for name in BANDS},
            "band_table": as_json(self.band_rows),
            "undecided": self.undecided,
            "faults": self.faults.as_dict(),
            "reach": as_json(self.reach),
            "budget": as_json(self.budget),
            "first_steps": as_json(self.first_steps),
            "zeros": as_json(self.zeros),
            "forced": as_json(self.forced),
            "copies": as_json(self.copies),
            "dominance": as_json(self.dominance),
            "filtered": as_json(self.filtered),
            "twins": self.twins._asdict(),
            "duplicates": [list(group) for group in self.duplicates],
            "contamination": list(self.contamination),
            "recommended": {
                "G": self.edges.group,
                "G_limits": [self.group.lo, self.group.hi],
                "solve_rate": [self.edges.floor, self.edges.high],
                "kept": len(self.kept),
                "live_groups": None if self.kept_live is None else self.kept_live.as_list(),
                "estimated_from": LAW,
            },
            "verdict": self.verdict,
            "then": self.then,
            "sentences": [s.text for s in self.sentences],
            "evidence": [list(s.evidence) for s in self.sentences],
            "notes": list(self.notes),
        }
        if problems:
            values["problems"] = self.problem_rows()
        return values


def _known(interval: Interval) -> list[float | None]:
    """[value, lo, hi], the value None where the samples do not tell it."""
    value, lo, hi = interval
    return [None if math.isnan(value) else value, lo, hi]
