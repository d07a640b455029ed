"""Plots as data: a panel is one plot, a line one arm's series in it. How it looks is the page's business (plots.js).

Shares lie in [0, 1]. Missing values are None and leave gaps.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.display.numbers import percent, token_count
from leadline.report.gather import Arm, Run

__all__ = [
    "Array",
    "Panel",
    "PanelLine",
    "Values",
    "arms_of",
    "listed",
    "panel_of",
    "rounded",
    "running_mean",
    "short",
    "thinned",
]

MAX_POINTS = 400
"""Longest series that is embedded; longer ones are averaged in equal stretches."""

Values = Sequence[float | None]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PanelLine:
    """One series.

    Attributes:
        arm: `Arm.key`; the page takes colour, marker and stroke from it. Empty for a curve that is no arm's: then
            ``slot`` is its place in the palette.
        role: ``line``, ``faint`` (raw values behind a mean), ``points``, ``dotted`` (the second quantity), ``bars``.
        low, high: limits of y; x_low, x_high: of x.
    """

    arm: str
    x: Sequence[float | str | None]
    y: Values
    role: str = "line"
    name: str = ""
    low: Values | None = None
    high: Values | None = None
    x_low: Values | None = None
    x_high: Values | None = None
    slot: int | None = None


@dataclass(frozen=True)
class Panel:
    """One plot.

    Kinds of axis: ``share`` (0 to 1, in percent), ``part`` (a small share), ``zero`` (from zero), ``number``,
    ``log``, ``name``.
    """

    id: str
    title: str
    x_title: str
    y_title: str
    caption: str = ""
    x_kind: str = "number"
    y_kind: str = "number"
    lines: Sequence[PanelLine] = field(default_factory=list)
    alt: str = ""

    def as_json(self) -> dict[str, Any]:
        """The panel in JSON's types, without what is empty."""
        values = asdict(self)
        values["lines"] = [{k: v for k, v in line.items() if v not in (None, "")} for line in values["lines"]]
        return values


def running_mean(values: Values, window: int) -> list[float | None]:
    """Mean over a centred window, shorter at both ends; None where the window holds nothing.

    >>> running_mean([1.0, 2.0, None, 4.0], 3)
    [1.5, 1.5, 3.0, 4.0]
    """
    half = window // 2
    out: list[float | None] = []
    for i in range(len(values)):
        near = [v for v in values[max(0, i - half) : i + half + 1] if v is not None]
        out.append(sum(near) / len(near) if near else None)
    return out


def thinned(x: Sequence[float], y: Values, most: int = MAX_POINTS) -> tuple[list[float], list[float | None]]:
    """Average a long series in ``most`` equal stretches; a short one comes back as it is."""
    if len(x) <= most:
        return list(x), list(y)
    edges = np.linspace(0, len(x), most + 1).astype(int)
    xs, ys = [], []
    for start, end in itertools.pairwise(edges):
        kept = [v for v in y[start:end] if v is not None]
        xs.append(float(np.mean(x[start:end])))
        ys.append(sum(kept) / len(kept) if kept else None)
    return xs, ys


def panel_of(
    panel: str, title: str, x_title: str, y_title: str, lines: Sequence[PanelLine], runs: Sequence[Run],
    caption: str, x_kind: str, y_kind: str,
) -> Panel:  # fmt: skip
    return Panel(
        panel, title, x_title, y_title, caption, x_kind, y_kind, list(lines), _alt(title, lines, runs, y_kind)
    )


def _alt(title: str, lines: Sequence[PanelLine], runs: Sequence[Run], kind: str) -> str:
    """What a reader who does not see the plot should know: where every line ends."""
    labels = {arm.key: arm.label for arm in arms_of(runs)}
    show = percent if kind == "share" else token_count if kind == "zero" else "{:.3g}".format
    ends = []
    for line in lines:
        last = next((v for v in reversed(line.y) if v is not None), None)
        if line.role in ("line", "points") and last is not None:
            ends.append(f"{line.name or labels.get(line.arm, '')} {show(last)}")
    return f"{title}; last values: {', '.join(ends[:12])}" if ends else title


def arms_of(runs: Sequence[Run]) -> list[Arm]:
    return [arm for run in runs for arm in run.arms]


def short(value: float | None) -> float | None:
    """Five figures are more than a screen shows, and they halve the file."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.5g}")


def listed(values: Array) -> list[float | None]:
    return [short(float(v)) for v in values]


def rounded(x: Sequence[float], y: Values) -> tuple[list[float | str | None], list[float | None]]:
    return [short(v) for v in x], [short(v) for v in y]
