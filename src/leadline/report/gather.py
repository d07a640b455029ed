"""What the report knows of its runs: read once, numbers checked, every arm given its colour and stroke."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadline.errors import InputError
from leadline.report.json_values import interval, plain_text
from leadline.report.palette import colour_slots
from leadline.storage.run_directory import RunReader
from leadline.types import finite_number

__all__ = ["Arm", "Difference", "Run", "gather"]


@dataclass(frozen=True)
class Arm:
    """One arm of one run.

    Attributes:
        key: unique on the page and safe in CSS and JSON, e.g. ``r0a2``.
        name: as the run names it.
        label: the name, with the run's where the page shows several.
        colour: palette slot, the same for equal names everywhere on the page.
        result: its row of the summary; empty when there is none yet.
        rows: its metrics, in order.
    """

    key: str
    name: str
    label: str
    colour: int
    run: int
    result: Mapping[str, Any] = field(default_factory=dict, compare=False)
    rows: Sequence[Mapping[str, Any]] = field(default=(), compare=False)

    def value(self, metric: str) -> float | None:
        """A metric of the final evaluation."""
        return finite_number(self.result.get(metric))

    def interval(self, metric: str) -> tuple[float, float] | None:
        """Its 95% interval."""
        return interval(self.result.get(f"{metric}_ci"))

    def stage(self, stage: str) -> list[Mapping[str, Any]]:
        """Metric rows of one stage: ``sft``, ``rl`` or ``valid``."""
        return [row for row in self.rows if row["stage"] == stage]

    @property
    def advantage(self) -> Mapping[str, Any] | None:
        """The advantage settings, for an arm that was trained by RL."""
        settings = self.result.get("advantage")
        return settings if isinstance(settings, Mapping) else None

    @property
    def is_rl(self) -> bool:
        """True for an arm with an RL stage."""
        return self.advantage is not None or any(row["stage"] == "rl" for row in self.rows)


@dataclass(frozen=True)
class Difference:
    """A paired difference, ``b`` minus ``a``, over the same problems; ``a`` is what ``b`` is compared with."""

    a: Arm
    b: Arm
    metric: str
    value: float
    ci: tuple[float, float] | None

    @property
    def resolved(self) -> bool:
        """True when there is an interval and it leaves zero out."""
        return self.ci is not None and not self.ci[0] <= 0 <= self.ci[1]


@dataclass(frozen=True)
class Run:
    """One run directory, as far as the report needs it in memory (samples are read in a stream, later)."""

    index: int
    label: str
    reader: RunReader
    arms: Sequence[Arm]
    summary: Mapping[str, Any] | None
    differences: Sequence[Difference]
    recipe: str
    sections: Mapping[str, Mapping[str, Mapping[str, Any]]]

    @property
    def seed(self) -> int | None:
        """The seed of the run, once the summary says it."""
        seed = finite_number((self.summary or {}).get("seed"))
        return None if seed is None else int(seed)

    def arm(self, name: Any) -> Arm | None:
        """The arm of that name."""
        return next((arm for arm in self.arms if arm.name == name), None)


def gather(paths: Sequence[Path]) -> list[Run]:
    """Read runs; refuse with all faults at once.

    Raises:
        InputError: no run given, or directories that are no runs. `DataError` for files with faults.
    """
    readers: list[RunReader] = []
    faults: list[str] = []
    for path in paths:
        try:
            readers.append(RunReader(path))
        except InputError as error:
            faults.extend(error.problems)
    if faults:
        raise InputError(faults)
    if not readers:
        raise InputError("a report needs at least one run directory")
    labels = _labels([reader.root for reader in readers])
    names = [reader.arms for reader in readers]
    slots = colour_slots(names, labels)
    return [_run(i, labels, reader, names[i], slots[i]) for i, reader in enumerate(readers)]


def _run(
    index: int, labels: Sequence[str], reader: RunReader, names: Sequence[str], slots: Sequence[int]
) -> Run:
    summary = reader.summary
    results: Mapping[str, Any] = summary["arms"] if summary else {}
    rows: dict[str, list[Mapping[str, Any]]] = {name: [] for name in names}
    for row in reader.metrics():
        rows[row["arm"]].append(row)
    arms = [
        Arm(
            key=f"r{index}a{i}",
            name=plain_text(name, 60),
            label=plain_text(name, 60) if len(labels) == 1 else f"{labels[index]} · {plain_text(name, 60)}",
            colour=slot,
            run=index,
            result=results.get(name, {}),
            rows=rows[name],
        )
        for i, (name, slot) in enumerate(zip(names, slots, strict=True))
    ]
    recipe = reader.recipe if (reader.root / "recipe.yaml").exists() else ""
    sections = {kind: reader.sections(kind) for kind in ("probe", "compare")}
    return Run(index, labels[index], reader, arms, summary, _differences(summary, arms), recipe, sections)


def _differences(summary: Mapping[str, Any] | None, arms: Sequence[Arm]) -> list[Difference]:
    by_name = {arm.name: arm for arm in arms}
    found = []
    rows = (summary or {}).get("paired")
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, Mapping):
            continue
        a, b, value = (
            by_name.get(str(row.get("a"))),
            by_name.get(str(row.get("b"))),
            finite_number(row.get("difference")),
        )
        if a and b and value is not None:
            found.append(Difference(a, b, plain_text(row.get("metric"), 40), value, interval(row.get("ci"))))
    return found


def _labels(roots: Sequence[Path]) -> list[str]:
    """Directory names; where two are alike, with the parent's name, then with a number."""
    names = [root.resolve().name for root in roots]
    names = [
        f"{root.resolve().parent.name}/{name}" if names.count(name) > 1 else name
        for root, name in zip(roots, names, strict=True)
    ]
    return [f"{name} ({i + 1})" if names.count(name) > 1 else name for i, name in enumerate(names)]
