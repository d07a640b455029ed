"""From rows to means: intervals are over seeds (decision "Intervals"), problems are averaged within a seed first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.stats import Interval, seed_mean
from leadline.storage.jsonl import Row
from leadline.studies.analysis.laws import Support, excess_share, support, tilt_slope
from leadline.theory import q_seen

__all__ = ["Condition", "StudyTable", "by_seed", "curve", "laws", "power", "summarise"]

Array = npt.NDArray[np.float64]

_BINS = np.array([0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0])


@dataclass(frozen=True)
class Condition:
    """What is averaged over: the problems of one side of one cell after one algorithm's steps."""

    cell: str
    algorithm: str
    step: int
    side: str


class StudyTable:
    """The rows of a study, by condition."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        self.groups: dict[Condition, list[Row]] = {}
        for row in self.rows:
            key = Condition(row["cell"], row["algorithm"], row["step"], row["side"])
            self.groups.setdefault(key, []).append(row)

    def of(self, cell: str, algorithm: str, step: int, side: str = "trained") -> list[Row]:
        """The rows of one condition; none when it was not run."""
        return self.groups.get(Condition(cell, algorithm, step, side), [])

    def mean(self, rows: Sequence[Row], value: Callable[[Row], float]) -> Interval | None:
        """The mean over seeds of the mean over problems; None where the value is not known."""
        means = [mean for mean in by_seed(rows, value).values() if np.isfinite(mean)]
        return seed_mean(means) if means else None


def by_seed(rows: Iterable[Row], value: Callable[[Row], float]) -> dict[int, float]:
    """Seed -> mean of ``value`` over its problems; what is not known (null) makes the mean NaN."""
    values: dict[int, list[float]] = {}
    for row in rows:
        values.setdefault(row["seed"], []).append(value(row))
    return {seed: float(np.mean(found)) for seed, found in sorted(values.items())}


def number_in(row: Row, name: str) -> float:
    """A column as a number; NaN where it is null."""
    return float("nan") if row[name] is None else float(row[name])


def measured_gain(row: Row) -> float:
    """What training added: p' - Q."""
    return float(row["p"]) - float(row["Q"])


def summarise(table: StudyTable) -> list[dict[str, Any]]:
    """One entry a condition: means with intervals over seeds of Q, p', the gain, the KL and the ladder."""
    entries = []
    for key, rows in table.groups.items():
        entry: dict[str, Any] = {
            "cell": key.cell,
            "role": rows[0]["role"],
            "overlap": rows[0]["overlap"],
            "algorithm": key.algorithm,
            "step": key.step,
            "side": key.side,
            "seeds": len({row["seed"] for row in rows}),
            "problems": len(rows),
        }
        for name in ("Q", "p", "N", "kl", "excess", "tabular", "tilt"):
            interval = table.mean(rows, partial(number_in, name=name))
            entry[name] = interval.as_list() if interval else None
        found = table.mean(rows, measured_gain)
        entry["gain"] = found.as_list() if found else None
        entry["gain_by_seed"] = list(by_seed(rows, measured_gain).values())
        entries.append(entry)
    return entries


def laws(table: StudyTable) -> list[dict[str, Any]]:
    """T1, T2 and T3 of every algorithm and step, over all trained problems of the dose and level cells."""
    pools: dict[tuple[str, int], list[Row]] = {}
    for key, rows in table.groups.items():
        if key.side == "trained" and rows[0]["role"] in ("dose", "level"):
            pools.setdefault((key.algorithm, key.step), []).extend(rows)
    entries = []
    for (algorithm, step), rows in pools.items():
        known = [row for row in rows if row["kl"] is not None]
        slope = tilt_slope(*(_column(rows, name) for name in ("Q", "p", "seed")))
        entries.append(
            {
                "algorithm": algorithm,
                "step": step,
                "T1_slope": slope.as_list() if slope else None,
                "T2_excess_share": excess_share(_column(known, "kl"), _column(known, "excess")),
                "T3": support_of(rows)._asdict(),
            }
        )
    return entries


def support_of(rows: Sequence[Row]) -> Support:
    """T3 over rows."""
    return support(*(_column(rows, name) for name in ("Q", "p", "N")))


def power(prompts: int, group: int, steps: Sequence[int]) -> list[dict[str, float]]:
    """For each length of run, the mass of a cell that it could not have told from zero."""
    return [
        {"step": step, "samples": prompts * group * step, "q_seen": float(q_seen(prompts * group * step))}
        for step in steps
    ]


def curve(rows: Sequence[Row]) -> list[dict[str, float]]:
    """Mean gain against Q in bins of Q, over problems; bins with fewer than five are left out."""
    mass, gains = _column(rows, "Q"), np.array([measured_gain(row) for row in rows])
    place = np.clip(np.digitize(mass, _BINS) - 1, 0, _BINS.size - 2)
    return [
        {"Q": float(mass[place == i].mean()), "gain": float(gains[place == i].mean()), "problems": int(n)}
        for i, n in enumerate(np.bincount(place, minlength=_BINS.size - 1))
        if n >= 5
    ]


def _column(rows: Sequence[Row], name: str) -> Array:
    return np.array([number_in(row, name) for row in rows])
