"""The curves of a finished run as one figure: success and length of each arm, step by step.

    make demo
    python benchmarks/curves.py runs/quickstart --svg docs/figures/quickstart.svg

Faint: the batches of single steps, measured before the update that they make; line: means of five. The last line is
JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from leadline.display.svg import Mark, Plot, Series, stack
from leadline.report.panels import running_mean
from leadline.storage.jsonl import write_text_atomic
from leadline.storage.run_directory import RunReader

METRICS = {
    "pass@1": ("Success, two arms from one model", "pass@1"),
    "mean_tokens": ("Length of the answers", "tokens"),
}
WINDOW = 5
Points = list[tuple[int, float]]


def points(run: RunReader, arm: str, metric: str) -> Points:
    """(step, value) of every step of an arm."""
    return [(row["step"], row[metric]) for row in run.metrics(arm) if row["stage"] == "rl"]


def lines(arms: dict[str, Points]) -> list[Series]:
    """Of every arm its steps, faint, and their running mean."""
    series = []
    for colour, (arm, found) in enumerate(arms.items()):
        steps, values = zip(*found, strict=True)
        mean = running_mean(list(values), WINDOW)
        drawn = [Mark(step, value) for step, value in zip(steps, mean, strict=True) if value is not None]
        series.append(Series("", [Mark(*point) for point in found], colour, dots=True))
        series.append(Series(arm, drawn, colour, line=True, points=False))
    return series


def figure(found: dict[str, dict[str, Points]]) -> str:
    plots = []
    for metric, (title, label) in METRICS.items():
        arms = {arm: of[metric] for arm, of in found.items()}
        steps, values = zip(*(point for of in arms.values() for point in of), strict=True)
        share = metric == "pass@1"
        top = 1.0 if share else 1.1 * max(values)
        plots.append(
            Plot(title, "step", label, lines(arms), (0.0, float(max(steps))), (0.0, top), percent=share)
        )
    return stack(plots)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--arms", default="grpo,lead")
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    run = RunReader(options.run)
    found = {arm: {metric: points(run, arm, metric) for metric in METRICS} for arm in options.arms.split(",")}
    if options.svg:
        write_text_atomic(options.svg, figure(found))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
