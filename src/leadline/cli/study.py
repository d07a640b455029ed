"""``leadline study``: options in, a study out."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from leadline.display.numbers import minutes
from leadline.errors import InputError

if TYPE_CHECKING:
    from leadline.studies.execution.runner import StudyProgress

__all__ = ["study"]

_EVERY_SECONDS = 5.0

_Beyond = Annotated[
    bool, typer.Option("--beyond", help="Algorithms that reach for what the base model never gets right.")
]
_Out = Annotated[
    Path | None, typer.Option("--out", help="Directory of the study (studies/AXIS); an existing one goes on.")
]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be computed and what it costs; write nothing.")
]


def study(
    axis: Annotated[
        str,
        typer.Argument(help="depth, length, tokens, composition, or module:function for one of your own."),
    ],
    seeds: Annotated[int | None, typer.Option(help="How many seeds (5; 4 with --quick).")] = None,
    algorithms: Annotated[
        str | None, typer.Option(help="Comma-separated names or module:function; all when not given.")
    ] = None,
    steps: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated steps to measure at (60,600; 300,600 with --beyond; 60 with --quick)."
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small grid, minutes instead of hours.")] = False,
    beyond: _Beyond = False,
    out: _Out = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Local processes, one thread each (all cores); 0 computes in this process."),
    ] = None,
    ray: Annotated[str | None, typer.Option(help="Address of a Ray cluster to run the cells on.")] = None,
    dry_run: _DryRun = False,
) -> None:
    """When does GRPO generalise? Small models from scratch, exact correct mass, one dial at a time."""
    from leadline.studies.study import run_study

    console = Console(stderr=True, highlight=False)
    kind = "-beyond" * beyond + "-quick" * quick
    folder = out or Path("studies") / f"{axis.replace(':', '-')}{kind}"
    result = run_study(
        axis,
        folder,
        seeds=seeds,
        algorithms=_names(algorithms) if algorithms is not None else None,
        steps=parse_steps(steps) if steps is not None else None,
        quick=quick,
        beyond=beyond,
        workers=workers if workers is not None else os.cpu_count() or 1,
        ray=ray,
        dry_run=dry_run,
        note=lambda text: console.print(text, markup=False),
        progress=Lines(console),
    )
    if dry_run:
        return
    _show([*_sentences(result), f"Page: {folder / 'report.html'}"])


def _show(lines: list[str]) -> None:
    console = Console(highlight=False)
    for line in lines:
        console.print(line, markup=False)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InputError("--algorithms: name at least one, or leave the option out for all")
    return names


def _sentences(result: Mapping[str, Any]) -> list[str]:
    """What was judged, a line each."""
    if "claims" in result:
        return [claim["sentence"] for claim in result["claims"]]
    return [
        f"{one['algorithm']} at {one['cell']}, {one['step']} steps: {one['verdict']}"
        for one in result["judgements"]
    ]


def parse_steps(text: str) -> list[int]:
    """``60,600`` -> [60, 600].

    Raises:
        InputError: something else than whole numbers.

    >>> parse_steps("60,600")
    [60, 600]
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--steps {text}: whole numbers separated by commas are needed") from None


class Lines:
    """Progress as lines, at most one every few seconds, and always the last one."""

    def __init__(self, console: Console) -> None:
        self.console, self.last = console, 0.0

    def __call__(self, progress: StudyProgress) -> None:
        now = time.monotonic()
        if now - self.last < _EVERY_SECONDS and progress.done < progress.total:
            return
        self.last = now
        text = f"{progress.done}/{progress.total}  {progress.what}  {minutes(progress.seconds_left)} left"
        self.console.print(text, markup=False)
