"""What the probe said before training, and what then happened: live groups of the first steps, gain by band.

    python benchmarks/probe_vs_run.py runs/quickstart

Reads a finished run. The samples of the probe choose the bands, so a gain is measured against the *other half* of the
samples: bands from the even samples, success before from the odd ones. Otherwise problems that were merely unlucky
would seem to gain. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from leadline.probe.bands import BANDS, band_of, window
from leadline.records import RunReader
from leadline.stats import seed_mean

FIRST_STEPS = 3


def rates(run: RunReader, arm: str) -> dict[str, list[bool]]:
    """Problem -> correctness of its samples, in order."""
    samples: dict[str, list[bool]] = defaultdict(list)
    for row in run.samples(arm, "eval"):
        samples[row["problem_id"]].append(row["correct"] is True)
    return samples


def live_groups(run: RunReader, arm: str) -> list[float]:
    """Share of groups with right and wrong samples, in the first steps of an arm."""
    rows = [row for row in run.metrics(arm) if row["stage"] == "rl"]
    return [row["mixed"] for row in rows[:FIRST_STEPS]]


def gains(before: dict[str, list[bool]], after: dict[str, list[bool]], group: int) -> dict[str, Any]:
    """Band -> problems, success before (held-out half) and after, gain with its 95% interval over problems."""
    names = sorted(before)
    chosen = np.array([np.mean(before[name][::2]) for name in names])
    start = np.array([np.mean(before[name][1::2]) for name in names])
    end = np.array([np.mean(after[name]) for name in names])
    bands = band_of(chosen, window(group))
    result = {}
    for index, band in enumerate(BANDS):
        among = bands == index
        if among.sum() > 1:
            gain = seed_mean((end - start)[among])
            result[band] = {
                "problems": int(among.sum()),
                "before": float(start[among].mean()),
                "after": float(end[among].mean()),
                "gain": [float(gain.value), float(gain.lo), float(gain.hi)],
            }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--start", default="sft")
    options = parser.parse_args()
    run = RunReader(options.run)
    predicted = run.sections("probe")[options.start]["values"]
    arms = [arm for arm in (run.summary or {})["arms"] if arm not in ("base", "sft")]
    group = int(predicted["recommended"]["G"])
    before = rates(run, options.start)
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
        result["gain"][arm] = gains(before, rates(run, arm), group)
        for band, row in result["gain"][arm].items():
            gain = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*row["gain"])
            print(
                f"  {arm} {band:10} {row['problems']:4} problems  {row['before']:.3f} -> {row['after']:.3f}  {gain}"
            )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
