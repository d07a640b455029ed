"""A run as it stands: how far it is, its curves, its groups with signal, its alarms. One frame for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leadline.diagnosis.audit import Audit, arm_line, audit_records, mark_of
from leadline.display.numbers import duration
from leadline.display.sparkline import sparkline
from leadline.display.visible import visible
from leadline.errors import LeadlineError
from leadline.health import Watchdog
from leadline.health.observation import Observation
from leadline.health.sources.opening import Records, open_records
from leadline.recipes.reading import parse_recipe
from leadline.recipes.schema import Recipe
from leadline.storage.run_directory import RunReader
from leadline.storage.run_lock import is_locked

__all__ = ["Look", "frame", "look"]

_CURVES = (
    ("accuracy", "pass@1", "{:.0%}"),
    ("reward", "reward", "{:.2f}"),
    ("tokens", "mean_tokens", "{:.0f}"),
    ("signal", "live", "{:.0%}"),
    ("entropy", "entropy", "{:.3g}"),
    ("cut off", "truncated", "{:.0%}"),
)
"""Title, field of metrics.jsonl, and how its last value is shown; ``signal``: groups with an advantage."""
_RECENT = 20
_WIDE = 150
"""Columns from which an arm has one line; below it, it has a few short ones."""


@dataclass(frozen=True)
class Look:
    """A run as it was read.

    Attributes:
        run: its directory or file.
        records: what it has written.
        found: what the checks say of it.
        total: steps that an arm is to have, if that is known.
        over: nothing will be added.
        written: whether a process is writing it; None where that is not known.
    """

    run: Path
    records: Records
    found: Audit
    total: int | None
    over: bool
    written: bool | None = None


def look(run: Path) -> Look:
    """Read a run, which may be under way.

    Raises:
        InputError: nothing that can be read as a run, or nothing in it yet.
    """
    locked = is_locked(run)  # asked first: a run writes its summary before it lets go
    over = (run / "summary.json").is_file()  # asked before reading: what is written after it is nothing
    records = open_records(run)
    recipe = recipe_of(run) if records.kind == "leadline" else None
    total = records.total if recipe is None else recipe.rl.steps
    # Jobs of a cluster write verl's files, and nobody the run directory.
    written = None if over or recipe is None or recipe.backend == "verl" else locked
    if records.kind != "leadline" and total is not None:
        over = all(seen[-1].step >= total for seen in records.arms.values())
    return Look(run, records, audit_records(run, records), total, over, written)


def frame(seen: Look, width: int) -> RenderableType:
    """A run as a terminal of that many columns shows it."""
    arms = {
        name: steps
        for name, all_ in seen.records.arms.items()
        if (steps := [one for one in all_ if "valid" not in one.values])
    }
    drawn = _wide(seen, arms) if width >= _WIDE else _narrow(seen, arms, width)
    said = [part for name, dog in seen.found.arms.items() for part in verdicts_of(name, dog)]
    if not said:
        said = [Text("no arm has taken a step of reinforcement learning yet")]
    if seen.written is False:
        said.append(Text("no process writes this run: it was stopped, or has died; --resume goes on with it"))
    return Group(drawn, *said)


def _title(seen: Look) -> str:
    return f"{visible(seen.run.resolve().name)} ({seen.records.kind})"


def _wide(seen: Look, arms: dict[str, list[Observation]]) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, title=Text(_title(seen)), title_justify="left")
    for column in ("", "step", "left", *(title for title, _, _ in _CURVES)):
        table.add_column(column)
    for name, steps in arms.items():
        cells = [drawn_curve(steps, field, shape, 16) for _, field, shape in _CURVES]
        left = time_left(steps, None if seen.written is False else seen.total)
        table.add_row(Text(visible(name)), _done(steps, seen.total), left, *cells)
    return table


def _narrow(seen: Look, arms: dict[str, list[Observation]], width: int) -> RenderableType:
    """A line with the arm's name and how far it is, then its curves, as many beside one another as fit."""
    parts: list[RenderableType] = [Text(_title(seen), style="italic", overflow="ellipsis", no_wrap=True)]
    across = 3 if width >= 75 else 2 if width >= 50 else 1
    for name, steps in arms.items():
        left = time_left(steps, None if seen.written is False else seen.total)
        head = f"{visible(name)}: step {_done(steps, seen.total)}" + (f", {left} left" if left else "")
        parts.append(Text(head, style="bold", overflow="ellipsis", no_wrap=True))
        block = (width - 1) // across - 1
        cells = [
            f"{title:8} {drawn}".ljust(block)
            for title, field, shape in _CURVES
            if (drawn := drawn_curve(steps, field, shape, block - 16))
        ]
        lines = (" ".join(cells[at : at + across]).rstrip() for at in range(0, len(cells), across))
        parts += [Text(f"  {line}", no_wrap=True) for line in lines]
    return Group(*parts)


def verdicts_of(name: str, dog: Watchdog) -> Iterator[RenderableType]:
    """What the checks say of an arm: what was seen and what to change; ``leadline audit`` says all of it."""
    yield arm_line(name, dog)
    for alarm, causes in dog.explained:
        mark, style = mark_of(alarm)
        yield _hanging(mark, f"{alarm.check.name} (step {alarm.step}): {alarm.seen}", style)
        if causes:
            yield _hanging("", f"follows from {', '.join(causes)}", "")
        elif alarm.check.alarms:
            yield _hanging("", f"change: {alarm.remedy}", "")


def _hanging(mark: str, text: str, style: str) -> RenderableType:
    """A sentence whose further lines stand below its beginning."""
    line = Table.grid(padding=(0, 1), expand=True)
    line.add_column(width=2, justify="right")
    line.add_column(ratio=1)
    line.add_row(Text(mark, style=style), Text(visible(text), style=style))
    return line


def _done(steps: Sequence[Observation], total: int | None) -> str:
    return f"{steps[-1].step}" + (f"/{total}" if total else "")


def drawn_curve(steps: Sequence[Observation], field: str, shape: str, width: int) -> str:
    """A sparkline and the last value; empty where the run does not say."""
    values = [value for one in steps if (value := one.get(field)) is not None]
    return f"{sparkline(values, max(2, width))} {shape.format(values[-1])}" if values else ""


def time_left(steps: Sequence[Observation], total: int | None) -> str:
    """By the mean of the last steps; empty where their time or number is not known, or nothing is left."""
    seconds = [value for one in steps[-_RECENT:] if (value := one.get("seconds")) is not None]
    if total is None or not seconds:
        return ""
    left = (total - steps[-1].step) * sum(seconds) / len(seconds)
    return duration(left) if left > 0 else ""


def recipe_of(run: Path) -> Recipe | None:
    """The recipe of a run of leadline; None of one that has lost it, which is still worth looking at."""
    try:
        return parse_recipe(RunReader(run).recipe, where=str(run / "recipe.yaml"))
    except LeadlineError:
        return None
