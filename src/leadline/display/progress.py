"""What a run shows while it works: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.table import Table

from leadline.display.visible import visible

__all__ = ["Progress", "counting", "metrics_table", "result_table"]

_PLAIN_EVERY_SECONDS = 5.0


class Progress:
    """Told of stages, rows and results; shows them. A context manager.

    On a terminal one line a stage is kept up to date; elsewhere a line is printed every five seconds at most.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._name, self._total, self._started, self._last = "", 0, 0.0, 0.0
        self._before: int | None = None
        if self.console.is_terminal:
            self._bar = RichProgress(*_columns("[bold]{task.description:>8}"), console=self.console)

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def note(self, text: str) -> None:
        """One line that stays."""
        self.console.print(visible(text), markup=False)

    def stage(self, name: str, steps: int) -> None:
        """A stage begins."""
        self._name, self._total, self._started, self._last = name, steps, time.monotonic(), 0.0
        self._before = None
        if self._bar is not None and steps:
            self._task = self._bar.add_task(name, total=steps, text="")

    def row(self, row: Mapping[str, Any]) -> None:
        """A metrics row came."""
        if row["stage"] == "valid":
            return
        text, step = describe_row(row), int(row["step"])
        if self._before is None:
            # In a stage that goes on the steps of an earlier session took none of this one's time.
            self._before = step - 1
            if self._bar is not None and self._task is not None:
                self._bar.reset(self._task, completed=self._before)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=step, text=text)
            return
        now = time.monotonic()
        if now - self._last >= _PLAIN_EVERY_SECONDS or step == self._total:
            self._last = now
            left = (now - self._started) / max(1, step - self._before) * (self._total - step)
            self.note(f"{self._name} {step}/{self._total}  {text}  {left:.0f} s left")

    def result(self, name: str, values: Mapping[str, Any]) -> None:
        """A stage was measured."""
        low, high = values["pass@1_ci"]
        self.note(
            f"{name}: pass@1 {values['pass@1']:.3f} [{low:.3f}, {high:.3f}], {values['mean_tokens']:.1f} tokens"
        )


@contextlib.contextmanager
def counting(label: str, console: Console | None = None) -> Iterator[Callable[..., None]]:
    """A bar for one long job: call what it yields with (done), or (done, total). Shown on a terminal only."""
    console = console or Console(stderr=True)
    hidden = not console.is_terminal
    with RichProgress(*_columns(label), console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task(label, total=None, text="")
        started = time.monotonic()

        def count(done: int, total: int | None = None) -> None:
            rate = done / max(1e-9, time.monotonic() - started)
            bar.update(task, completed=done, total=total, text=f"{rate:,.0f}/s")

        yield count


def _columns(first: str) -> tuple[ProgressColumn, ...]:
    """Of a bar, behind its name."""
    counted, text = MofNCompleteColumn(), TextColumn("{task.fields[text]}")
    return TextColumn(first), BarColumn(bar_width=24), counted, text, TimeRemainingColumn(compact=True)


def describe_row(row: Mapping[str, Any]) -> str:
    """A metrics row in a few words: accuracy, length, live groups, speed."""
    if row["stage"] == "sft":
        return f"loss {row['loss']:.3f}  {row['tokens_per_second']:,.0f} tokens/s"
    return (
        f"accuracy {row['pass@1']:.2f}  length {row['mean_tokens']:.1f}  live {row['live']:.0%}  "
        f"{row['tokens_per_second']:,.0f} tokens/s"
    )


def result_table(summary: Mapping[str, Any], console: Console) -> Table:
    """The result table of a run, each number with its 95% interval: a stage a line, or where too wide a number."""
    cells = _result_cells(summary)
    wide = Table(box=box.SIMPLE_HEAD)
    wide.add_column("")
    for title in next(iter(cells.values())):
        wide.add_column(title, justify="right")
    for name, row in cells.items():
        wide.add_row(name, *row.values())
    if console.measure(wide, options=console.options.update(max_width=10_000)).maximum <= console.width:
        return wide
    long = Table(box=box.SIMPLE_HEAD, show_header=False)
    long.add_column(overflow="fold")
    for name, row in cells.items():
        for i, (title, cell) in enumerate(row.items()):
            long.add_row("" if i else name, title, cell)
    return long


def _result_cells(summary: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By stage and title of a column."""
    first = next(iter(summary["arms"].values()))
    shares = [name for name in first if name.startswith(("pass@", "cons@")) and not name.endswith("_ci")]
    return {
        name: {share: _cell(values, share, 3) for share in shares}
        | {"mean tokens": _cell(values, "mean_tokens", 1)}
        for name, values in summary["arms"].items()
    }


def metrics_table(metrics: Mapping[str, Any]) -> Table:
    """The metrics of one evaluation, each with its 95% interval over problems."""
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("", "value", "95% interval"):
        table.add_column(column, justify="left" if not column else "right")
    for name, value in metrics.items():
        if isinstance(value, float) and not name.endswith("_ci"):
            low, high = metrics.get(f"{name}_ci") or (None, None)
            digits = 1 if "tokens" in name else 3
            interval = f"{low:.{digits}f} – {high:.{digits}f}" if low is not None else ""
            table.add_row(name, f"{value:.{digits}f}", interval)
    for name in ("n_problems", "n_samples"):
        table.add_row(name, f"{metrics[name]:,}", "")
    return table


def _cell(values: Mapping[str, Any], name: str, digits: int) -> str:
    if values.get(name) is None:
        return "–"
    low, high = values.get(f"{name}_ci") or (None, None)
    interval = f" [dim]{low:.{digits - 1}f}–{high:.{digits - 1}f}[/dim]" if low is not None else ""
    return f"{values[name]:.{digits}f}{interval}"
