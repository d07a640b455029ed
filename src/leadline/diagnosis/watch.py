"""A run as it stands: how far it is, its curves, its groups with signal, its alarms. One frame for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leadline.diagnosis.audit import Audit, audit_records, shown
from leadline.display.numbers import duration
from leadline.display.sparkline import sparkline
from leadline.display.visible import visible
from leadline.errors import LeadlineError
from leadline.health.observation import Observation
from leadline.health.sources.opening import Records, open_records
from leadline.recipes.reading import parse_recipe
from leadline.storage.run_directory import RunReader

__all__ = ["frame", "look"]

_CURVES = (
    ("accuracy", "pass@1", "{:.0%}"),
    ("reward", "reward", "{:.2f}"),
    ("tokens", "mean_tokens", "{:.0f}"),
    ("groups with signal", "live", "{:.0%}"),
    ("entropy", "entropy", "{:.3g}"),
    ("cut off", "truncated", "{:.0%}"),
)
"""Title, field of metrics.jsonl, and how its last value is shown."""
_RECENT = 20


def look(run: Path) -> RenderableType:
    """Read the run and draw it.

    Raises:
        InputError: nothing that can be read as a run, or nothing in it yet.
    """
    records = open_records(run)
    return frame(run, records, audit_records(run, records), planned(run, records))


def frame(run: Path, records: Records, found: Audit, total: int | None) -> RenderableType:
    """What is shown of a run.

    Args:
        run: its name.
        records: what it has written.
        found: what the checks say of it.
        total: steps that an arm is to have, if that is known.
    """
    table = Table(box=box.SIMPLE_HEAD, title=f"{visible(run.name)} ({records.kind})", title_justify="left")
    for column in ("", "step", "left", *(title for title, _, _ in _CURVES)):
        table.add_column(column)
    for name, seen in records.arms.items():
        steps = [one for one in seen if "valid" not in one.values]
        if steps:
            cells = [drawn_curve(steps, field, shape) for _, field, shape in _CURVES]
            done = f"{steps[-1].step}" + (f"/{total}" if total else "")
            table.add_row(Text(visible(name)), done, time_left(steps, total), *cells)
    return Group(table, shown(found))


def drawn_curve(steps: Sequence[Observation], field: str, shape: str) -> str:
    """A sparkline and the last value; empty where the run does not say."""
    values = [value for one in steps if (value := one.get(field)) is not None]
    return f"{sparkline(values, 16)} {shape.format(values[-1])}" if values else ""


def time_left(steps: Sequence[Observation], total: int | None) -> str:
    """By the mean of the last steps; empty where their time or number is not known."""
    seconds = [value for one in steps[-_RECENT:] if (value := one.get("seconds")) is not None]
    if total is None or not seconds:
        return ""
    left = (total - steps[-1].step) * sum(seconds) / len(seconds)
    return duration(left) if left > 0 else "done"


def planned(run: Path, records: Records) -> int | None:
    """Steps that an arm is to have."""
    if records.kind != "leadline":
        return records.total
    try:
        return parse_recipe(RunReader(run).recipe, where=str(run / "recipe.yaml")).rl.steps
    except LeadlineError:  # a run without its recipe is still worth looking at
        return None
