"""What the probe said before training, and what then happened: live groups of the first steps, gain by band.

    python benchmarks/probe_vs_run.py runs/quickstart
    python benchmarks/probe_vs_run.py runs/quickstart --svg docs/figures/probe_vs_run.svg

Reads a finished run. The samples of the probe choose the bands, so a gain is measured against the *other half* of the
samples: bands from the even samples, success before from the odd ones. Otherwise problems that were merely unlucky
would seem to gain. ``--svg`` draws both parts below each other. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from leadline.diagnosis.probe.difficulty_bands import BANDS, band_of, window
from leadline.diagnosis.probe.first_steps import FIRST_STEPS
from leadline.display.svg import Mark, Plot, Series, stack
from leadline.stats import count_mean, seed_mean
from leadline.storage.jsonl import write_text_atomic
from leadline.storage.run_directory import RunReader
from llm_runs import outcomes

APART = 0.13  # between the arms in the figure, in octaves of the group size
SPREAD = 0.27  # of the marks of a band, in rows to either side


def live_groups(run: RunReader, arm: str) -> list[float]:
    """Share of groups with right and wrong samples, in the first steps of an arm."""
    rows = [row for row in run.metrics(arm) if row["stage"] == "rl"]
    return [row["mixed"] for row in rows[:FIRST_STEPS]]


def gains(before: dict[str, list[bool]], after: dict[str, list[bool]], group: int) -> dict[str, Any]:
    """Band -> problems; success before (held-out half) and after, and the gain, each [value, lo, hi] over problems."""
    names = sorted(before)
    chosen = np.array([np.mean(before[name][::2]) for name in names])
    held_out = {name: before[name][1::2] for name in names}
    bands = band_of(chosen, window(group))
    result = {}
    for index, band in enumerate(BANDS):
        among = [name for name, own in zip(names, bands, strict=True) if own == index]
        if len(among) > 1:
            gain = seed_mean(np.array([np.mean(after[name]) - np.mean(held_out[name]) for name in among]))
            result[band] = {
                "problems": len(among),
                "before": success(held_out, among),
                "after": success(after, among),
                "gain": [float(gain.value), float(gain.lo), float(gain.hi)],
            }
    return result


def success(samples: dict[str, list[bool]], names: list[str]) -> list[float]:
    """Mean success on some problems with its 95% interval over problems."""
    counts = [len(samples[name]) for name in names]
    mean = count_mean(counts, [sum(samples[name]) for name in names], lambda n, c: c / n)
    return [float(mean.value), float(mean.lo), float(mean.hi)]


def figure(predicted: dict[str, Any], result: dict[str, Any], group: int) -> str:
    """What was foretold and what was seen, as one SVG."""
    return stack([foretold_plot(predicted, result["live_groups"], group), band_plot(result["gain"])])


def foretold_plot(predicted: dict[str, Any], seen: dict[str, Any], group: int) -> Plot:
    """Live groups against G as the probe foretold them, and at the G of the run as the first steps had them."""
    foretold = {int(g): Mark(int(g), *interval) for g, interval in predicted["live_groups"].items()}
    beyond = [foretold[g] for g in predicted["live_groups_extrapolated"]]
    shares = [share for arm in seen.values() for share in arm["seen"]]
    lowest = min([mark.lo for mark in foretold.values() if mark.lo is not None] + shares)
    plot = Plot(
        "Groups that hold both right and wrong samples: predicted, and seen",
        "group size G",
        "share of groups",
        [
            Series(
                "predicted before training, with 95% interval",
                list(foretold.values()),
                0,
                line=True,
                band=True,
            )
        ],
        x_range=(min(foretold), max(foretold)),
        y_range=(np.floor(10 * lowest - 0.01) / 10, 1.0),
        log_x=True,
        x_values=list(foretold),
        percent=True,
    )
    if beyond:
        plot.series.append(
            Series(
                "G above the samples of a problem: bounds only",
                [Mark(m.x, m.y) for m in beyond],
                0,
                hollow=True,
            )
        )
    plot.series.append(
        Series("", [foretold[group]], 0)
    )  # its limits as a whisker: what is seen stands beside it
    for place, (arm, values) in enumerate(seen.items()):
        x = group * 2 ** (APART * (place - (len(seen) - 1) / 2))
        marks = [Mark(x, share) for share in values["seen"]]
        plot.series.append(Series(f"seen with {arm}, steps 1 to {len(marks)}", marks, place + 1))
    return plot


def band_plot(gain: dict[str, Any]) -> Plot:
    """Success in every band before and after, a row a band."""
    first = next(iter(gain.values()))
    bands = list(first)
    places = np.linspace(-SPREAD, SPREAD, len(gain) + 1)

    def marks(arm: dict[str, Any], when: str, place: float) -> list[Mark]:
        return [
            Mark(v, row + place, lo, hi) for row, (v, lo, hi) in enumerate(arm[band][when] for band in bands)
        ]

    series = [Series("before, held-out samples", marks(first, "before", places[0]), 0, hollow=True)]
    for place, (arm, values) in enumerate(gain.items(), start=1):
        series.append(Series(f"after {arm}", marks(values, "after", places[place]), place))
    return Plot(
        "Success before and after training, by the band that half of the samples put a problem in",
        "samples that are right, mean over problems and 95% interval",
        "",
        series,
        rows=[f"{band}: {first[band]['problems']} problems" for band in bands],
        percent=True,
        row_height=54.0,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--start", default="sft")
    parser.add_argument("--svg", type=Path, help="draw it into this file")
    options = parser.parse_args()
    run = RunReader(options.run)
    predicted = run.sections("probe")[options.start]["values"]
    arms = [arm for arm in (run.summary or {})["arms"] if arm not in ("base", "sft")]
    if not arms:
        parser.error(f"{options.run} has no arm that was trained from {options.start}")
    group = int(predicted["recommended"]["G"])
    before = outcomes(run, options.start)
    result: dict[str, Any] = {"live_groups": {}, "gain": {}}
    value, low, high = predicted["live_groups"][str(group)]
    print(f"live groups of {group}: predicted {value:.1%} [{low:.1%}, {high:.1%}]")
    for arm in arms:
        seen = live_groups(run, arm)
        inside = low <= float(np.mean(seen)) <= high
        print(
            f"  {arm}: first {len(seen)} steps {', '.join(f'{s:.1%}' for s in seen)}; mean inside: {inside}"
        )
        result["live_groups"][arm] = {"predicted": [value, low, high], "seen": seen, "inside": inside}
        result["gain"][arm] = gains(before, outcomes(run, arm), group)
        for band, row in result["gain"][arm].items():
            gain = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*row["gain"])
            change = f"{row['before'][0]:.3f} -> {row['after'][0]:.3f}"
            print(f"  {arm} {band:10} {row['problems']:4} problems  {change}  {gain}")
    if options.svg:
        options.svg.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(options.svg, figure(predicted, result, group))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
