"""``leadline watch``: a run as it goes on, in the terminal and as a page that stays fresh."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leadline.cli.options import in_range
from leadline.errors import InputError

__all__ = ["watch_command"]


def watch_command(
    run: Annotated[Path, typer.Argument(help="A run directory, TRL's output directory, or verl's rollouts.")],
    once: Annotated[bool, typer.Option("--once", help="Show it as it stands, and end.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.")] = 5.0,
    html: Annotated[
        Path | None,
        typer.Option(help="Keep the report at this place fresh; the open page reloads (leadline's runs)."),
    ] = None,
) -> None:
    """Look at a run while it goes on: steps, time left, curves, groups with signal, alarms. Ctrl-C ends it."""
    from rich.live import Live

    from leadline.diagnosis.watch import look
    from leadline.report import build_report

    in_range(every=(every, 0.2, 3600))
    if html is not None and not (run / "environment.json").is_file():
        raise InputError(f"{run}: --html is the report of a run directory of leadline")

    def page() -> None:
        if html is not None:
            build_report(
                [run], html, refresh=None if (run / "summary.json").is_file() else max(2, round(every))
            )

    console = Console(highlight=False)
    shown = look(run)
    page()
    if once:
        console.print(shown)
        return
    with Live(shown, console=console, auto_refresh=False) as live:
        while not (run / "summary.json").is_file():
            time.sleep(every)
            live.update(look(run), refresh=True)
            page()
