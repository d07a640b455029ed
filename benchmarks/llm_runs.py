"""``leadline run`` on a language model, for benchmarks: a process of its own, which goes on where it was stopped."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leadline.recipes import find_recipe
from leadline.stats import Interval, paired_seeds, pooled_zero_bound
from leadline.storage.jsonl import write_text_atomic
from leadline.storage.run_directory import RunReader, is_run

__all__ = ["carry_out", "gain", "keep", "outcomes", "rates", "run_parser", "shared_changes"]


def carry_out(folder: Path, changes: Sequence[str]) -> None:
    """The packaged recipe ``smollm2`` with ``changes``, run in ``folder``; what is finished is not run again.

    Raises:
        SystemExit: the run failed; with the last line that it said.
    """
    if (folder / "summary.json").is_file():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    recipe, started = folder.with_suffix(".yaml"), is_run(folder)
    if not started:
        recipe.write_text(find_recipe("smollm2", list(changes)).to_yaml())
    command = [sys.executable, "-m", "leadline.cli.main", "run", str(recipe), "--out", str(folder)]
    here = str(Path(__file__).parent)  # rewards of the benchmarks' own are imported by name
    path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    with folder.with_suffix(".log").open("a") as log:
        done = subprocess.run(
            [*command, *(["--resume"] if started else [])],
            stdout=log, stderr=log, check=False, env=os.environ | {"PYTHONPATH": path},
        )  # fmt: skip
    if done.returncode:
        lines = folder.with_suffix(".log").read_text().splitlines()
        raise SystemExit(f"{folder}: {lines[-1] if lines else 'no output'}")


def run_parser(description: str | None, name: str) -> argparse.ArgumentParser:
    """A parser with the options that every one of these benchmarks has; its runs go to ``runs/name``."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=Path("models/smollm2-135m"))
    parser.add_argument("--out", type=Path, default=Path("runs") / name)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--set", action="append", default=[], help="a change of the recipe, as of leadline run"
    )
    parser.add_argument("--json", type=Path)
    return parser


def shared_changes(options: argparse.Namespace) -> list[str]:
    """What every one of these benchmarks lets its user say of a run."""
    return [
        f"device={options.device}",
        *([f"threads={options.threads}"] if options.threads else []),
        *options.set,
    ]


def keep(options: argparse.Namespace, found: dict[str, Any]) -> None:
    """What a benchmark found as the last line that it prints, and in the file of ``--json``."""
    text = json.dumps(found)
    if options.json:
        write_text_atomic(options.json, text + "\n")
    print(text)


def outcomes(reader: RunReader, arm: str) -> dict[str, list[bool]]:
    """Problem -> whether each of its evaluation samples was right, in order."""
    found: dict[str, list[bool]] = {}
    for row in reader.samples(arm, "eval"):
        found.setdefault(row["problem_id"], []).append(row["correct"] is True)
    return found


def rates(reader: RunReader, arm: str) -> dict[str, float]:
    """Problem -> share of its evaluation samples that were right."""
    return {name: float(np.mean(values)) for name, values in outcomes(reader, arm).items()}


def gain(before: dict[str, float], after: dict[str, float], samples: int) -> Interval:
    """Of pass@1, paired by problem, ``samples`` of each on either side.

    Where no sample was right on either side, both may still be right now and then: the limits say how often.
    """
    names = sorted(before)
    if not any(before.values()) and not any(after.values()):
        most = pooled_zero_bound(len(names), samples)
        return Interval(0.0, -most, most)
    return paired_seeds([before[name] for name in names], [after[name] for name in names])
