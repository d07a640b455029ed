"""``leadline run`` on a language model, for benchmarks: a process of its own, which goes on where it was stopped."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from leadline.recipes import find_recipe

__all__ = ["carry_out", "shared_changes"]


def carry_out(folder: Path, changes: Sequence[str]) -> None:
    """The packaged recipe ``smollm2`` with ``changes``, run in ``folder``; what is finished is not run again.

    Raises:
        SystemExit: the run failed; with the last line that it said.
    """
    if (folder / "summary.json").is_file():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    recipe, started = folder.with_suffix(".yaml"), (folder / "recipe.yaml").is_file()
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


def shared_changes(options: argparse.Namespace) -> list[str]:
    """What every one of these benchmarks lets its user say of a run."""
    return [
        f"device={options.device}",
        *([f"threads={options.threads}"] if options.threads else []),
        *options.set,
    ]
