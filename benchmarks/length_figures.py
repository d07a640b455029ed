"""The figures of the length term: what it overturns, and what the arms of the length ablation came to.

    python benchmarks/length_figures.py --out docs/figures

Of several ``--results`` files a later one's conditions (world and steps) take the place of an earlier one's.

Draws ``length_gap.svg`` (theory alone, by enumeration) and ``concise_frontier.svg`` (accuracy against tokens, paired
with GRPO, one plot a world; results of benchmarks/lead_vs_grpo.py).
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from leadline.display.svg import Mark, Plot, Series, stack
from leadline.stats import paired_seeds
from leadline.theory import largest_gap_overturned, length_drift

FOLDER, RESULTS = Path("benchmarks/results"), ("length_ablation.json", "concise.json")
WORLDS = {"checks": "where a checked step is more often right", "no-checks": "where checks find nothing"}
NAMES = {
    "lead": "LEAD",
    "slope": "concise (slope)",
    "gap": "gap",
    "train-both": "train both, then choose",
    "nominal": "fixed 0.2, nominal",
}
_FEWEST = 4
"""Seeds below which an interval says nothing that the points do not."""

SETTINGS: dict[str, dict[str, Any]] = {
    "LEAD (alpha 0.05)": {"alpha": 0.05, "weighted": True},
    "LEAD, alpha 0.005": {"alpha": 0.005, "weighted": True},
    "nominal, alpha 0.2": {"alpha": 0.2, "unanimous": "nominal"},
    "nominal, alpha 0.05": {"alpha": 0.05, "unanimous": "nominal"},
}


def gap_plot() -> Plot:
    """The largest p_long - p_short that the length term overturns at x = 1/2, G = 8."""
    rates = np.linspace(0.5, 0.99, 50)
    series = []
    for colour, (name, how) in enumerate(SETTINGS.items()):
        marks = [
            Mark(float(p), largest_gap_overturned(0.5, float(p), partial(_total, float(p), how)))
            for p in rates
        ]
        series.append(Series(name, marks, colour, line=True, points=False))
    return Plot(
        "How much less often right short answers may be, and still be favoured",
        "how often long answers are right",
        "largest gap in accuracy that the length term overturns",
        series,
        x_range=(0.5, 1.0),
        y_range=(0.0, 0.25),
        percent=True,
    )


def _total(p_long: float, how: dict[str, Any], p_short: float) -> float:
    return length_drift(0.5, p_short, p_long, **how).total


def frontier(condition: str, seeds: dict[str, dict[str, Any]]) -> Plot:
    """Points of pass@1 against GRPO over tokens against GRPO: small ones are seeds, large ones means over seeds."""
    series = []
    for colour, (arm, name) in enumerate(NAMES.items()):
        both = [(found[arm], found["grpo"]) for found in seeds.values() if arm in found and "grpo" in found]
        if len(both) < 2:
            continue
        tokens = [100 * (own["mean_tokens"] / control["mean_tokens"] - 1) for own, control in both]
        points = [100 * (own["pass@1"] - control["pass@1"]) for own, control in both]
        middle = paired_seeds([0.0] * len(points), points)
        each = [Mark(x, y) for x, y in zip(tokens, points, strict=True)]
        series.append(Series("", each, colour, dots=True))
        limits = (middle.lo, middle.hi) if len(both) >= _FEWEST else (None, None)
        whole = Mark(float(np.mean(tokens)), middle.value, *limits)
        series.append(Series(f"{name}: {len(both)} seeds", [whole], colour))
    world, _, steps = condition.partition("/")
    marks = [mark for one in series for mark in one.marks]
    low = min(min(mark.y, mark.lo if mark.lo is not None else mark.y) for mark in marks)
    high = max(mark.y for mark in marks)
    return Plot(
        f"Against GRPO after {steps} steps, {WORLDS[world]}",
        "tokens against GRPO, percent",
        "pass@1 against GRPO, points; large: mean over seeds with its 95% interval",
        series,
        x_range=(-60.0, 5.0),
        y_range=(float(np.floor(min(low, -2.0))), float(np.ceil(max(high, 4.0)))),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, nargs="+", default=[FOLDER / name for name in RESULTS])
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    options = parser.parse_args()
    runs: dict[str, Any] = {}
    for path in options.results:
        runs |= json.loads(path.read_text())["runs"]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "length_gap.svg").write_text(gap_plot().svg())
    plots = [frontier(condition, seeds) for condition, seeds in runs.items()]
    (options.out / "concise_frontier.svg").write_text(stack([plot for plot in plots if plot.series]))


if __name__ == "__main__":
    main()
