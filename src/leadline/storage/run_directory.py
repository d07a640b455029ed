"""The run directory: what a run writes, what every reader of runs reads, and the version that both agree on.

::

    runs/<name>/
      recipe.yaml                           the recipe, resolved
      environment.json                      versions and machine; holds "schema", the version of this layout
      metrics.jsonl                         one line a step and arm
      samples/<arm>/step-000020.jsonl.gz    completions drawn at a step; eval.jsonl.gz at the end
      probe-<arm>.json, compare-<arm>.json  what `leadline probe` and `leadline compare` found (optional)
      alarms.json                           what the checks have found so far, by arm (leadline.health)
      summary.json                          results of the whole run; absent while it is under way
      .lock                                 held by the process that writes

The fields of each file are listed in docs/formats.md. Every file but metrics.jsonl is replaced in one step;
a line of metrics.jsonl is written whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from leadline.errors import DataError, InputError
from leadline.storage.jsonl import encode_row, read_json, read_jsonl, write_json_atomic, write_jsonl
from leadline.storage.outputs import cut_torn_tail, refusals_as_storage_errors, write_text_atomic
from leadline.storage.reading import read_text
from leadline.storage.run_lock import take_lock

__all__ = [
    "SCHEMA_VERSION",
    "RunReader",
    "RunWriter",
    "is_run",
    "is_safe_name",
    "read_json",
    "read_jsonl",
    "write_json_atomic",
    "write_jsonl",
    "write_text_atomic",
]

SCHEMA_VERSION = 1
"""Version of the layout above. A reader refuses a newer one instead of misreading it."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@=-]{0,99}")
_SECTIONS = ("probe", "compare")


class RunWriter:
    """The one process that writes a run directory. A context manager; leaving it gives the lock back.

    Args:
        root: the run directory; created when it is not there.
        resume: continue the run that is there; half a last line, left by a killed process, is cut off.

    Raises:
        InputError: another process writes this run; there is a run and ``resume`` is False; or the reverse.
        StorageError: the disk refused.
    """

    def __init__(self, root: str | Path, *, resume: bool = False) -> None:
        self.root = Path(root)
        self._metrics = -1
        _check_root(self.root, resume)
        self._lock = take_lock(self.root)
        try:
            if not resume:
                _refuse_existing(self.root)  # again, now that nobody else can be creating it
                self.environment({})
            with refusals_as_storage_errors(self._metrics_path):
                self._metrics = os.open(self._metrics_path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            if resume:
                cut_torn_tail(self._metrics, self._metrics_path)
        except BaseException:
            self.close()
            raise

    def recipe(self, text: str) -> None:
        """Write the resolved recipe (YAML text)."""
        write_text_atomic(self.root / "recipe.yaml", text)

    def environment(self, values: Mapping[str, Any]) -> None:
        """Write versions, machine and whatever else describes where the run ran."""
        write_json_atomic(self.root / "environment.json", {"schema": SCHEMA_VERSION, **values})

    def metric(self, row: Mapping[str, Any]) -> None:
        """Append one line to metrics.jsonl (``arm``, ``stage``, ``step``, numbers); non-finite becomes null.

        Raises:
            StorageError: the disk refused; the file is cut back to the lines before.
        """
        line = encode_row(row)
        before = os.fstat(self._metrics).st_size
        with refusals_as_storage_errors(self._metrics_path):
            try:
                while line:
                    line = line[os.write(self._metrics, line) :]
            except OSError:
                with contextlib.suppress(OSError):  # report the first refusal; readers drop half a line
                    os.ftruncate(self._metrics, before)
                raise

    def metrics_offset(self) -> int:
        """Return the size of metrics.jsonl in bytes, after making sure that this much is on the disk."""
        with refusals_as_storage_errors(self._metrics_path):
            os.fsync(self._metrics)
            return os.fstat(self._metrics).st_size

    def truncate_metrics(self, offset: int) -> None:
        """Cut metrics.jsonl back to what it was when a checkpoint noted ``offset``.

        Raises:
            InputError: the file is shorter than that, or no line ends there.
        """
        size = os.fstat(self._metrics).st_size
        if not 0 <= offset <= size:
            raise InputError(f"{self._metrics_path}: has {size} bytes, a checkpoint was made at {offset}")
        if offset and os.pread(self._metrics, 1, offset - 1) != b"\n":
            raise InputError(f"{self._metrics_path}: no line ends at byte {offset}, where a checkpoint was")
        with refusals_as_storage_errors(self._metrics_path):
            os.ftruncate(self._metrics, offset)

    def cut_metrics(self, arm: str, step: int) -> None:
        """Drop the lines of ``arm`` after ``step``, which will be written again; nothing else is behind them."""
        offset = 0
        for line in self._metrics_path.read_bytes().splitlines(keepends=True):
            row = json.loads(line)
            if row.get("arm") == arm and row.get("step", 0) > step:
                self.truncate_metrics(offset)
                return
            offset += len(line)

    def samples(self, arm: str, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
        """Write completions to ``samples/<arm>/<name>.jsonl.gz`` and return that path."""
        path = self.root / "samples" / _checked(arm) / f"{_checked(name)}.jsonl.gz"
        write_jsonl(path, rows)
        return path

    def section(self, kind: str, arm: str, values: Mapping[str, Any]) -> Path:
        """Write ``<kind>-<arm>.json``, kind ``probe`` or ``compare``: an extra section of the report."""
        path = self.root / f"{_section_kind(kind)}-{_checked(arm)}.json"
        write_json_atomic(path, values)
        return path

    def summary(self, values: Mapping[str, Any]) -> None:
        """Write the results of the whole run."""
        write_json_atomic(self.root / "summary.json", {"schema": SCHEMA_VERSION, **values})

    def close(self) -> None:
        """Give the files and the lock back. Harmless when repeated."""
        for handle in (self._metrics, self._lock):
            if handle >= 0:
                os.close(handle)
        self._metrics = self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _metrics_path(self) -> Path:
        return self.root / "metrics.jsonl"


class RunReader:
    """A run directory, finished or under way, read with every field checked for what it must be.

    Raises:
        InputError: no run there, or one of a newer layout.
        DataError: a fault inside a file, ``file:line: why``; metrics and samples raise it when they are read.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise InputError(f"{self.root}: no such directory")
        if not is_run(self.root):
            raise InputError(f"{self.root}: not a run directory (it has no environment.json)")
        self.environment: dict[str, Any] = read_json(self.root / "environment.json")
        schema = self.environment.get("schema")
        if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
            raise InputError(
                f"{self.root / 'environment.json'}: 'schema' must be a positive integer, is {schema!r:.60}"
            )
        if schema > SCHEMA_VERSION:
            raise InputError(
                f"{self.root}: has layout {schema}; this leadline reads up to {SCHEMA_VERSION}: update it"
            )

    @property
    def recipe(self) -> str:
        """The resolved recipe, as YAML text."""
        return read_text(self._inside("recipe.yaml"))

    def _inside(self, name: str) -> Path:
        """A file of the run; a run of somebody else must not show other files by links that lead out of it.

        Raises:
            DataError: it is such a link.
        """
        path = self.root / name
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise DataError(f"{path}: a link that leads out of the run")
        return path

    @property
    def arms(self) -> list[str]:
        """Names of the arms.

        Those of the summary in its order; then those with samples alone, which were not trained (the base); then
        those with metrics, as they come.
        """
        folder = self.root / "samples"
        sampled = sorted(e.name for e in folder.iterdir() if is_safe_name(e.name)) if folder.is_dir() else []
        trained = dict.fromkeys(row["arm"] for row in self.metrics())
        untrained = [name for name in sampled if name not in trained]
        return list(dict.fromkeys([*_arms_of(self.summary), *untrained, *trained]))

    def metrics(self, arm: str | None = None) -> list[dict[str, Any]]:
        """Return the rows of metrics.jsonl, of one arm or of all; half a last line is left out."""
        path = self._inside("metrics.jsonl")
        if not path.exists():
            return []
        rows = []
        for number, row in read_jsonl(path, torn_tail=True):
            _check_metric(row, f"{path}:{number}")
            if arm is None or row["arm"] == arm:
                rows.append(row)
        return rows

    def sample_names(self, arm: str) -> list[str]:
        """Names of the sample files of an arm, steps in order and ``eval`` last; [] when it has none."""
        folder = self.root / "samples" / _checked(arm)
        names = [path.name.removesuffix(".jsonl.gz") for path in folder.glob("*.jsonl.gz")]
        return sorted(filter(_NAME.fullmatch, names), key=_sample_order)

    def samples(self, arm: str, name: str) -> Iterator[dict[str, Any]]:
        """Yield the completions of one sample file, each as it was written."""
        path = self._inside(f"samples/{_checked(arm)}/{_checked(name)}.jsonl.gz")
        return (row for _, row in read_jsonl(path))

    def sections(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return what ``<kind>-<arm>.json`` files hold, by arm; kind ``probe`` or ``compare``."""
        paths = sorted(self.root.glob(f"{_section_kind(kind)}-*.json"))
        return {path.stem.removeprefix(f"{kind}-"): read_json(path) for path in paths}

    @property
    def alarms(self) -> dict[str, list[dict[str, Any]]]:
        """What the checks have found, by arm; of anything in ``alarms.json`` only what has the shape of it."""
        path = self._inside("alarms.json")
        told = read_json(path) if path.is_file() else {}
        return {
            name: [one for one in found if isinstance(one, dict)]
            for name, found in told.items()
            if isinstance(found, list)
        }

    @property
    def summary(self) -> dict[str, Any] | None:
        """Results of the whole run; None while it is under way."""
        path = self._inside("summary.json")
        if not path.exists():
            return None
        summary = read_json(path)
        arms = summary.get("arms")
        if not isinstance(arms, dict) or not all(isinstance(values, dict) for values in arms.values()):
            raise DataError(f"{path}: 'arms' must be an object of objects")
        for name in arms:
            if not is_safe_name(name):
                raise DataError(f"{path}: not a usable name of an arm: {name!r:.60}")
        return summary


def _arms_of(summary: Mapping[str, Any] | None) -> list[str]:
    return [] if summary is None else list(summary["arms"])


def _check_metric(row: Mapping[str, Any], place: str) -> None:
    for key, kind in (("arm", str), ("stage", str), ("step", int)):
        if not isinstance(row.get(key), kind) or isinstance(row.get(key), bool):
            raise DataError(f"{place}: '{key}' must be {kind.__name__}, is {row.get(key)!r:.60}")
    if not is_safe_name(row["arm"]):
        raise DataError(f"{place}: 'arm' is not a usable name: {row['arm']!r:.60}")
    if not 0 <= row["step"] < 2**53:
        raise DataError(f"{place}: 'step' must lie between 0 and 2^53, is {row['step']!r:.60}")


def _check_root(root: Path, resume: bool) -> None:
    """Refuse what can be refused before anything is created."""
    if root.exists() and not root.is_dir():
        raise InputError(f"{root}: is a file, not a run directory")
    if resume:
        RunReader(root)
    else:
        _refuse_existing(root)


def _refuse_existing(root: Path) -> None:
    if (root / "environment.json").exists() or (root / "metrics.jsonl").exists():
        raise InputError(f"{root}: already holds a run; resume it, or choose another directory")


def is_run(root: str | Path) -> bool:
    """Whether a run was begun there, finished or not: from its first file on it is resumed, and cannot be begun."""
    return (Path(root) / "environment.json").is_file()


def is_safe_name(name: str) -> bool:
    """Return True for a name that an arm or a sample file may have: safe as a file name everywhere."""
    return _NAME.fullmatch(name) is not None


def _checked(name: str) -> str:
    """Return ``name`` if it is usable: arms and sample files never lead out of the run."""
    if not is_safe_name(name):
        raise InputError(f"{name!r}: not a usable name (letters, digits and . _ + @ = -, at most 100)")
    return name


def _sample_order(name: str) -> tuple[bool, int, str]:
    digits = re.search(r"\d{1,18}", name)
    return name == "eval", int(digits[0]) if digits else -1, name


def _section_kind(kind: str) -> str:
    if kind not in _SECTIONS:
        raise InputError(f"{kind!r}: unknown section, expected one of {', '.join(_SECTIONS)}")
    return kind
