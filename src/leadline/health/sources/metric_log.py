"""Metrics of a run as trackers and trainers keep them: tables, console logs, TensorBoard, MLflow, trackio."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from leadline.data.column_roles import sample_names
from leadline.data.row_files import ROW_SUFFIXES, read_rows
from leadline.errors import DataError, MissingExtra
from leadline.health.observation import Observation
from leadline.health.sources.trainer_names import known_names, observations_of_steps, step_of
from leadline.storage.reading import open_input
from leadline.types import finite_number

__all__ = ["read_metric_log"]

_Steps = dict[int, dict[str, Any]]

_CONSOLE = (".log", ".txt", ".out")
_MOST_FILES, _MOST_ROWS, _MOST_LINE, _FEWEST = 1000, 1_000_000, 2**20, 2
_NEAR = 80  # characters before an object, in which its step is looked for
_TRACKED = "SELECT run_name, step, metrics FROM metrics WHERE length(metrics) < ? ORDER BY id LIMIT ?"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_NUMBER = r"(?:np\.\w{1,20}\()?([-+]?(?:\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?|nan|inf))"
_VERL_LINE = re.compile(r"(?:^|[\s)])step:(\d{1,12}) - (.+)")
_VERL_PAIR = re.compile(rf"(?<!\S)([^\s:]{{1,200}}):{_NUMBER}")
_PAIR = re.compile(rf"""["']([\w./@ -]{{1,200}})["']\s*:\s*["']?{_NUMBER}\b""")
_BEFORE = re.compile(r"(?:step|rollout|perf|iteration)\s*[:#=]?\s*(\d{1,12})\s*[:,-]?\s*$", re.IGNORECASE)


def read_metric_log(path: Path) -> Mapping[str, list[Observation]] | None:
    """The observations of every run that a file or folder of metrics holds, by its name; None where it is none.

    Read are rows of metrics (JSON lines, CSV, as wandb exports its history; a summary is one step), console logs with a
    line or an object of metrics a step, folders of TensorBoard's event files, an MLflow run, and trackio's database.

    Raises:
        DataError: a file of such a kind that cannot be read; `MissingExtra` for event files without TensorBoard.
    """
    runs = next((found for read in _readers(path) if (found := read(path))), {})
    told = {name: observations_of_steps(steps) for name, steps in runs.items() if _tells(steps)}
    return {name: seen for name, seen in told.items() if seen} or None


def _readers(path: Path) -> tuple[Callable[[Path], dict[str, _Steps]], ...]:
    if path.is_dir():
        return _tensorboard, _mlflow, _folder
    if path.suffix == ".db":
        return (_trackio,)
    if "tfevents" in path.name:
        return (_tensorboard,)
    if path.name.lower().endswith(ROW_SUFFIXES):
        return (_rows,)
    return (_console,) if path.suffix in _CONSOLE else ()


def _tells(steps: _Steps) -> bool:
    names: set[str] = set()
    for values in steps.values():
        names |= known_names(values)
    return len(names) >= _FEWEST


def _named(path: Path, entries: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[str, _Steps]:
    """The one run of a place; rows of one step are taken together, a later one goes before."""
    steps: _Steps = {}
    for step, values in entries:
        known = {name: value for name, value in values.items() if finite_number(value) is not None}
        steps.setdefault(step, {}).update(known)
    return {path.resolve().name: steps} if steps else {}


def _rows(path: Path) -> dict[str, _Steps]:
    """A table of metrics; rows with a prompt or a completion are samples."""
    faults: list[str] = []  # the last line of a run under way may be torn
    rows = read_rows(path, faults)
    texts = (*sample_names("prompt"), *sample_names("completion"))
    first = next(rows, None)
    if first is None or any(isinstance(first.values.get(name), str | list) for name in texts):
        return {}
    every = (row.values for rest in ([first], rows) for row in rest)
    found = _named(path, ((step, values) for values in every if (step := step_of(values)) is not None))
    if len(faults) > 1:
        raise DataError(faults)
    return found


def _folder(path: Path) -> dict[str, _Steps]:
    """The first table of metrics in a folder."""
    files = sorted(one for one in islice(path.iterdir(), _MOST_FILES) if one.is_file())
    for one in files:
        if one.name.lower().endswith((".jsonl", ".csv")):
            found = _rows(one)
            if found and _tells(next(iter(found.values()))):
                return found
    return {}


def _console(path: Path) -> dict[str, _Steps]:
    """verl's lines, and objects of metrics in lines of others; those that state no step are numbered."""

    def entries() -> Iterator[tuple[int, Mapping[str, Any]]]:
        number = 0
        with open_input(path) as stream:
            while line := stream.readline(_MOST_LINE):
                text = _ANSI.sub("", line.decode("utf-8", "replace"))
                found = _VERL_LINE.search(text)
                if found is not None:
                    yield int(found[1]), _numbers(_VERL_PAIR, found[2])
                    continue
                before, brace, inside = text.partition("{")
                values = _numbers(_PAIR, inside) if brace and "eval" not in before else {}
                if len(known_names(values)) < _FEWEST:
                    continue
                number += 1
                stated = _BEFORE.search(before[-_NEAR:])
                step = int(stated[1]) if stated else step_of(values)
                yield number if step is None else step, values

    return _named(path, entries())


def _numbers(pattern: re.Pattern[str], text: str) -> dict[str, float]:
    return {name: float(value.replace("_", "")) for name, value in pattern.findall(text)}


def _mlflow(path: Path) -> dict[str, _Steps]:
    """A run's folder of metrics: a file a metric, ``time value step`` a line."""
    root = path if path.name == "metrics" else path / "metrics"
    if not root.is_dir():
        return {}
    steps: _Steps = {}
    for file in sorted(one for one in islice(root.rglob("*"), _MOST_FILES) if one.is_file()):
        name = file.relative_to(root).as_posix()
        with open_input(file) as stream:
            while line := stream.readline(_MOST_LINE):
                parts = line.split()
                if len(parts) == 3 and parts[2].isdigit() and len(parts[2]) < 13:
                    try:
                        value = float(parts[1])
                    except ValueError as error:
                        raise DataError(f"{file}: {parts[1][:40]!r} is no number") from error
                    steps.setdefault(int(parts[2]), {})[name] = value
    return {path.resolve().name: steps} if steps else {}


def _tensorboard(path: Path) -> dict[str, _Steps]:
    """Event files of one run: those of a folder, or of the one folder below that holds some."""
    files = [path] if path.is_file() else list(islice(path.glob("*tfevents*"), _MOST_FILES))
    folders = {path} if files else {one.parent for one in islice(path.glob("*/*tfevents*"), _MOST_FILES)}
    if not folders:
        return {}
    try:
        from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator
    except ImportError as error:
        raise MissingExtra(
            f"{path}: TensorBoard's event files are read by TensorBoard: pip install 'leadline[track]'"
        ) from error
    runs: dict[str, _Steps] = {}
    for folder in sorted(folders):
        events = EventAccumulator(str(folder), size_guidance={SCALARS: 0})
        events.Reload()
        steps: _Steps = {}
        for name in events.Tags()[SCALARS]:
            for event in events.Scalars(name):
                steps.setdefault(int(event.step), {})[name] = float(event.value)
        if steps:
            runs[folder.resolve().name] = steps
    return runs


def _trackio(path: Path) -> dict[str, _Steps]:
    """trackio's database: an object of metrics a step and run."""
    runs: dict[str, _Steps] = {}
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            made = database.execute("SELECT sql FROM sqlite_master WHERE name = 'metrics'").fetchone()
            if made is None or not str(made[0]).upper().startswith("CREATE TABLE"):
                raise ValueError("it has no table of metrics")  # a view may compute without end
            for name, step, text in database.execute(_TRACKED, (_MOST_LINE, _MOST_ROWS)):
                values = json.loads(text)
                if isinstance(values, dict) and type(step) is int:
                    runs.setdefault(str(name), {}).setdefault(step, {}).update(values)
    except (sqlite3.Error, ValueError, RecursionError, TypeError) as error:
        raise DataError(f"{path}: no database of trackio: {str(error)[:200]}") from error
    return runs
