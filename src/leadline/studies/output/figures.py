"""The figures of a study: accuracy by cell, gain against Q, dose and response, and all axes on one curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from leadline.display.svg import Mark, Plot, Series
from leadline.stats import Interval
from leadline.studies.analysis.summary import StudyTable, curve, measured_gain, number_in
from leadline.studies.plan import GRID_ALGORITHMS, Plan
from leadline.theory import gain as tilt_gain

__all__ = ["figures", "interval_mark"]

_LEAST_MASS = 1e-6
_MOST_DOTS = 400


def figures(
    plan: Plan, table: StudyTable, curves: Mapping[str, Sequence[Mapping[str, float]]]
) -> dict[str, str]:
    """Name -> SVG. ``curves``: the binned gains of this axis and of others that were found beside it."""
    names = list(dict.fromkeys(arm.algorithm for arm in plan.arms))
    grid = [name for name in names if name in GRID_ALGORITHMS] or names[:1]
    return {
        "accuracy": _accuracy(plan, table, names),
        "algorithms": _algorithms(plan, table, names),
        "gain": _gain(plan, table, grid),
        "dose": _dose(plan, table, names),
        "collapse": _collapse(plan, curves),
    }


def _accuracy(plan: Plan, table: StudyTable, names: Sequence[str]) -> str:
    """Every cell before and after the first algorithm that was run there, on trained and on held-out problems."""
    found = []
    for cell in plan.axis.cells:
        ran = [
            name for name in ("grpo", *GRID_ALGORITHMS, *names) if table.of(cell.name, name, plan.steps[0])
        ]
        if ran:
            found.append((cell.name, ran[0]))
    plot = Plot(
        f"Accuracy before and after {plan.steps[0]} steps",
        "exact success, mean and 95% interval over seeds",
        "",
        rows=[f"{cell} ({algorithm})" for cell, algorithm in found],
    )
    for side, colour in (("trained", 0), ("held_out", 1)):
        words = side.replace("_", "-")
        for name, hollow in (("Q", True), ("p", False)):
            value = partial(number_in, name=name)
            marks = [
                interval_mark(interval, place)
                for place, (cell, algorithm) in enumerate(found)
                if (interval := table.mean(table.of(cell, algorithm, plan.steps[0], side), value))
            ]
            when = "before" if hollow else "after"
            plot.series.append(Series(f"{words}, {when}", marks, colour, hollow=hollow))
    return plot.svg()


def _algorithms(plan: Plan, table: StudyTable, names: Sequence[str]) -> str:
    """All algorithms and controls at the main cell, and what table and tilt reach with the KL that each spent."""
    ran = [(name, step) for name in names for step in plan.steps if table.of(plan.axis.main, name, step)]
    plot = Plot(
        f"All algorithms at: {plan.axis.main}",
        "exact success, mean and 95% interval over seeds",
        "",
        rows=[f"{name}, {step} steps" for name, step in ran],
    )
    kinds = (
        ("trained", "p", "network, trained", 0, False),
        ("held_out", "p", "network, held-out", 1, False),
        ("trained", "tabular", "table at equal KL", 2, True),
        ("trained", "tilt", "tilt at equal KL", 3, True),
    )
    for side, column, text, colour, hollow in kinds:
        found = [
            table.mean(table.of(plan.axis.main, name, step, side), partial(number_in, name=column))
            for name, step in ran
        ]
        marks = [interval_mark(interval, place) for place, interval in enumerate(found) if interval]
        plot.series.append(Series(text, marks, colour, hollow=hollow))
    return plot.svg()


def _gain(plan: Plan, table: StudyTable, grid: Sequence[str]) -> str:
    """Gain of every trained problem against its Q, means of bins, and the tilt that the KL coefficient allows."""
    plot = _gain_axes(f"Gain against base success after {plan.steps[0]} steps")
    for index, name in enumerate(grid):
        rows = [
            row
            for row in table.rows
            if row["algorithm"] == name and row["step"] == plan.steps[0] and row["side"] == "trained"
        ]
        thin = rows[:: max(1, len(rows) // _MOST_DOTS)]
        dots = [Mark(max(row["Q"], _LEAST_MASS), measured_gain(row)) for row in thin]
        plot.series.append(Series("", dots, index, dots=True))
        means = [Mark(max(bin_["Q"], _LEAST_MASS), bin_["gain"]) for bin_ in curve(rows)]
        plot.series.append(Series(f"{name}, mean of bins", means, index, line=True))
    plot.series.append(_tilt(1 / plan.scale.beta, 7))
    return plot.svg()


def _tilt(strength: float, colour: int) -> Series:
    mass = np.geomspace(_LEAST_MASS, 1, 120)
    marks = [Mark(float(q), float(g)) for q, g in zip(mass, tilt_gain(mass, strength), strict=True)]
    return Series(f"tilt, a = {strength:g}", marks, colour, line=True, points=False)


def _gain_axes(title: str) -> Plot:
    return Plot(
        title,
        "Q: exact success of the base model",
        "gain p' - Q",
        x_range=(_LEAST_MASS, 1.0),
        y_range=(-0.25, 1.0),
        log_x=True,
    )


def _dose(plan: Plan, table: StudyTable, names: Sequence[str]) -> str:
    """Gain on the trained problems by overlap, for every algorithm that ran on more than one dose."""
    doses = sorted({arm.base.cell.overlap for arm in plan.arms if arm.base.cell.role == "dose"})
    plot = Plot(
        "Dose and response: gain by overlap",
        "share of pretraining that comes from the asked cell",
        "gain p' - Q, mean and 95% interval over seeds",
        x_range=(-0.3, len(doses) - 0.7),
        columns=[f"{dose:g}" for dose in doses],
    )
    seen: list[float] = [0.0, 0.1]
    runs = [(name, step) for name in names for step in plan.steps]
    for colour, (name, step) in enumerate(runs):
        marks = []
        for cell in (c for c in plan.axis.cells if c.role == "dose" and c.overlap in doses):
            interval = table.mean(table.of(cell.name, name, step), measured_gain)
            if interval is not None:
                limits = (interval.lo, interval.hi) if np.isfinite(interval.width) else (None, None)
                marks.append(Mark(doses.index(cell.overlap), interval.value, *limits))
                seen += [interval.value, *(limit for limit in limits if limit is not None)]
        if len(marks) > 1:
            plot.series.append(Series(f"{name}, {step} steps", marks, colour, line=True))
    plot.y_range = (max(-1.0, min(seen) - 0.02), min(1.0, max(seen) + 0.02))
    return plot.svg()


def _collapse(plan: Plan, curves: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """The binned gains of every axis: if Q decides, they lie on one curve (T5)."""
    plot = _gain_axes("All axes on one curve: mean gain against base success")
    for colour, (name, bins) in enumerate(curves.items()):
        marks = [Mark(max(b["Q"], _LEAST_MASS), b["gain"]) for b in bins]
        plot.series.append(Series(name, marks, colour, line=True))
    plot.series.append(_tilt(1 / plan.scale.beta, 7))
    return plot.svg()


def interval_mark(interval: Interval, place: int, factor: float = 1.0) -> Mark:
    """An interval in the row ``place``, scaled; without limits where they are infinite."""
    if not np.isfinite(interval.width):
        return Mark(interval.value * factor, place)
    return Mark(interval.value * factor, place, interval.lo * factor, interval.hi * factor)
