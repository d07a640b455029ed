"""A run of whatever trainer, by its directory or file: which it is, and its observations by arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leadline.errors import DataError, InputError, LeadlineError
from leadline.health.observation import Observation
from leadline.health.sources.metric_log import read_metric_log
from leadline.health.sources.trl_directory import is_trl, read_trl, trl_total
from leadline.health.sources.verl_dump import is_verl, read_verl
from leadline.recipes.reading import parse_recipe
from leadline.storage.run_directory import RunReader, is_run

__all__ = ["Records", "open_records", "ratio_levels"]


@dataclass(frozen=True)
class Records:
    """What a run has written so far.

    Attributes:
        kind: ``leadline``, ``trl``, ``verl``, or ``metrics`` of whatever trainer.
        arms: observations by arm; of a trainer that knows no arms there is one, named after the directory.
        total: steps that each is to have; None where nothing says so.
    """

    kind: str
    arms: Mapping[str, list[Observation]]
    total: int | None = None


def open_records(path: Path) -> Records:
    """Read a run; the directory may be that of a run under way.

    Raises:
        InputError: nothing there that can be read as a run, or nothing in it yet. `DataError` for files with faults.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or directory")
    if path.name == "trainer_state.json":
        path = path.parent
    if is_run(path):
        return _leadline(path)
    name = path.resolve().name
    if is_trl(path):
        found = Records("trl", {name: read_trl(path)}, trl_total(path))
    elif _is_verl(path):
        found = Records("verl", {name: read_verl(path)})
    elif arms := read_metric_log(path):
        found = Records("metrics", arms)
    else:
        raise InputError(
            f"{path}: no run: neither leadline's (environment.json), nor TRL's (trainer_state.json, "
            "completions_*.parquet), nor verl's (rollouts with input, output, score; metrics with step, data), nor "
            "metrics of reinforcement learning that are known by their names (a table with a step a row such as "
            "wandb's history as CSV, a console log, event files, an MLflow run, trackio's database)"
        )
    if not any(found.arms.values()):
        raise InputError(f"{path}: holds no step yet: no line of a log, no completion with its prompt")
    return found


def _is_verl(path: Path) -> bool:
    try:
        return is_verl(path)
    except DataError:
        # A file that was named, and is something else; a line of a folder of verl's is its own fault.
        if path.is_file() and path.suffix != ".jsonl":
            return False
        raise


def _leadline(path: Path) -> Records:
    reader = RunReader(path)
    arms: dict[str, list[Observation]] = {}
    levels = ratio_levels(reader)
    for row in reader.metrics():
        if row["stage"] in ("rl", "valid"):
            arm = row["arm"]
            arms.setdefault(arm, []).append(Observation.of_row(row, levels.get(arm, "token")))
    return Records("leadline", arms)


def ratio_levels(reader: RunReader) -> dict[str, str]:
    """Arm -> ``token`` or ``sequence``, as the run's recipe says; nothing where it cannot be read."""
    try:
        arms = parse_recipe(reader.recipe, where=str(reader.root)).arms
    except (LeadlineError, OSError):  # of an older version: the checks look at what they can
        return {}
    return {name: arm.loss.level for name, arm in arms.items()}
