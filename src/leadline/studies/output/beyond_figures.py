"""The figures of a study beyond the base model: problems without support that were lifted, and at what price."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.display.svg import Mark, Plot, Series
from leadline.studies.analysis.judgement import Judgement
from leadline.studies.output.figures import interval_mark

__all__ = ["beyond_figures"]

_SIDES = (("trained", "trained", 0), ("held_out", "held-out", 1))


def beyond_figures(judged: Sequence[Judgement]) -> dict[str, str]:
    """Name -> SVG: for every cell and length of run one figure of X, and one of its difference to the control."""
    drawings = {}
    places = dict.fromkeys((one.cell, one.step) for one in judged)
    for index, (cell, step) in enumerate(places, 1):
        here = [one for one in judged if (one.cell, one.step) == (cell, step)]
        drawings[f"lifted-{index}"] = _lifted(cell, step, here)
        drawings[f"against-control-{index}"] = _against_control(cell, step, here)
    return drawings


def _lifted(cell: str, step: int, here: Sequence[Judgement]) -> str:
    """X by algorithm, as a share of the problems in U."""
    plot = Plot(
        f"Problems without support that end above 10%: {cell}, {step} steps",
        "share of the problems without support, mean and 95% interval over seeds",
        "",
        rows=[one.algorithm for one in here],
        percent=True,
    )
    for side, words, colour in _SIDES:
        marks = [
            interval_mark(one.lifted[side], place, 1 / one.without_support[side])
            for place, one in enumerate(here)
            if one.without_support[side]
        ]
        plot.series.append(Series(words, marks, colour))
    plot.x_range = (0.0, _reach([mark for series in plot.series for mark in series.marks], 0.1))
    return plot.svg()


def _against_control(cell: str, step: int, here: Sequence[Judgement]) -> str:
    """X less that of GRPO at no less cost, paired by seed: what the verdicts rest on."""
    shown = [one for one in here if one.control != one.algorithm]
    plot = Plot(
        f"Lifted problems against GRPO at no less cost: {cell}, {step} steps",
        "problems a seed more than the control, mean and 95% interval of the paired difference",
        "",
        rows=[f"{one.algorithm} against {one.control}" for one in shown],
    )
    for side, words, colour in _SIDES:
        marks = [interval_mark(one.against[one.control][side], place) for place, one in enumerate(shown)]
        plot.series.append(Series(words, marks, colour))
    marks = [mark for series in plot.series for mark in series.marks]
    least = min([0.0, *(mark.x if mark.lo is None else mark.lo for mark in marks)])
    plot.x_range = (least - 0.5, _reach(marks, 1.0) + 0.5)
    return plot.svg()


def _reach(marks: Sequence[Mark], least: float) -> float:
    """The largest value or upper limit."""
    return max([least, *(mark.x if mark.hi is None else mark.hi for mark in marks)])
