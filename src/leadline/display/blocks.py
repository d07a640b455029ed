"""The parts of a finding, plain enough for a terminal, a page, a report section and JSON alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["Chart", "Finding", "Histogram", "NextStep", "Point", "Scatter", "Sentence", "Table"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a verdict, and where in the JSON output the figures that it quotes stand."""

    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of text; the first column names the row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


class Point(NamedTuple):
    """One point of a curve with its limits."""

    x: float
    y: float
    lo: float
    hi: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over a common axis, ``y`` in [0, 1]; each with its name. ``log_x`` for a logarithmic axis."""

    title: str
    x_label: str
    curves: Mapping[str, Sequence[Point]]
    log_x: bool = False


class NextStep(NamedTuple):
    """What to do next, in words and as a command; the command is empty where words must do."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many problems have a solve rate in each of equal parts of [0, 1]."""

    title: str
    x_label: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scatter:
    """One point a problem, both axes shares, with the diagonal on which nothing changed."""

    title: str
    x_label: str
    y_label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Everything that is shown of one probe or one comparison.

    ``about`` says what was measured, in one line, ``notes`` how its files were understood and what was left out;
    ``pictures`` stand above the tables, ``charts`` below.
    """

    title: str
    verdict: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...] = ()
    about: str = ""
    step: NextStep | None = None
    pictures: tuple[Histogram | Scatter, ...] = ()
    notes: tuple[str, ...] = ()

    def section(self) -> dict[str, Any]:
        """The JSON of ``probe-<arm>.json`` and ``compare-<arm>.json`` that the report of a run shows."""
        return {
            "title": self.title,
            "verdict": self.verdict,
            "sentences": list(self.sentences),
            "tables": [
                {
                    "title": t.title,
                    "columns": list(t.columns),
                    "rows": [list(r) for r in t.rows],
                    "note": t.note,
                }
                for t in self.tables
            ],
            "charts": [
                {
                    "title": c.title,
                    "x_label": c.x_label,
                    "log_x": c.log_x,
                    "curves": {name: [list(point) for point in curve] for name, curve in c.curves.items()},
                }
                for c in self.charts
            ],
        }
