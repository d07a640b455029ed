"""What the probe advises on problems with published solve rates, beside a filter at a solve rate of 75%.

    python benchmarks/probe_filter.py lead_stage23.json [--against math500.jsonl]

The file is a JSON array with ``problem``, ``answer`` and ``correctness`` in sixteenths. Problems that stand in
it twice were measured twice: what a filter on one reading does to the other shows how sharp a cut at 16 samples is. The
last line is JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data import normalised_prompt
from leadline.data.samples.counts import Counts
from leadline.data.samples.tally import count_rows
from leadline.diagnosis.probe import run_probe
from leadline.diagnosis.probe.live_groups import live_share
from leadline.stats import tilted_at

SAMPLES = 16


def read(path: Path) -> tuple[list[dict[str, Any]], Counts]:
    """The rows, and the counts behind their rates."""
    rows = json.loads(path.read_text())
    made = [
        {
            "problem_id": f"row-{i}",
            "prompt": row["problem"],
            "gold": row["answer"],
            "n_correct": round(SAMPLES * row["correctness"]),
            "n_samples": SAMPLES,
        }
        for i, row in enumerate(rows)
    ]
    return rows, count_rows(enumerate(made, 1))


def value_of(counts: Counts, chosen: np.ndarray, g: int) -> dict[str, float]:
    """Share of live groups and gain of a tilt of strength 1 on some of the problems."""
    some = counts.take([name for name, yes in zip(counts.ids, chosen, strict=True) if yes])
    gain = tilted_at(some.n, some.c, 1.0)[0] - some.c / some.n
    return {
        "problems": len(some),
        "solve_rate": float((some.c / some.n).mean()),
        "live": live_share(some, g).share.value,
        "gain": float(gain.mean()),
    }


def twins(rows: list[dict[str, Any]]) -> np.ndarray:
    """Pairs of solve rates of problems that were measured twice, shape (pairs, 2)."""
    first: dict[str, float] = {}
    pairs = []
    for row in rows:
        key = normalised_prompt(row["problem"])
        if key in first:
            pairs.append((first[key], row["correctness"]))
        else:
            first[key] = row["correctness"]
    return np.array(pairs)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--group", type=int, default=8)
    arguments = parser.parse_args()
    rows, counts = read(arguments.file)
    found = run_probe(counts, against=[arguments.against] if arguments.against else [], group=arguments.group)
    for sentence in found.sentences:
        print(f"- {sentence.text}")
    rate, g = counts.c / counts.n, arguments.group
    parts = {
        "all": np.ones(len(counts), bool),
        "rate <= 0.75": rate <= 0.75,
        f"rate <= {found.edges.high:.3f}": rate <= found.edges.high,
        "between the two": (rate > 0.75) & (rate <= found.edges.high),
        f"above {found.edges.high:.3f}": rate > found.edges.high,
    }
    table = {name: value_of(counts, chosen, g) for name, chosen in parts.items()}
    print(f"\n{'':18s} problems  solve rate  live at G={g}  gain at a=1")
    for name, row in table.items():
        print(
            f"{name:18s} {row['problems']:8d}  {row['solve_rate']:10.3f}  {row['live']:11.3f}  {row['gain']:11.3f}"
        )
    pairs = twins(rows)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    scatter = float(np.sqrt(((pairs[:, 0] - pairs[:, 1]) ** 2).mean()))
    noise = float(np.sqrt((pairs * (1 - pairs) / (SAMPLES - 1)).sum(axis=1).mean()))
    kept, other = both[:, 0] <= 0.75, both[:, 1]
    result = {
        "table": table,
        "kept": len(found.kept),
        "twins": len(pairs),
        "scatter": scatter,
        "binomial": noise,
        "kept_once_not_twice": float((other[kept] > 0.75).mean()),
        "dropped_once_kept_twice": float((other[~kept] <= 0.75).mean()),
        "all_right_once_then": float(other[both[:, 0] == 1].mean()),
    }
    print(
        f"\n{len(pairs)} problems were measured twice: the two rates differ by {scatter:.3f} (rms), "
        f"binomial noise makes {noise:.3f}.\n"
        f"Of those one reading keeps (<= 0.75), the other drops {result['kept_once_not_twice']:.0%}; "
        f"of those one drops, the other keeps {result['dropped_once_kept_twice']:.0%}.\n"
        f"16 of 16 in one reading means {result['all_right_once_then']:.3f} in the other."
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
