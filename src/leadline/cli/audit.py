"""``leadline audit``: a run in, what is wrong with it out; exit code 1 with alarms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leadline.cli.options import AsJson

__all__ = ["audit_command"]


def audit_command(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run directory, TRL's output directory, verl's rollouts, or metrics: a folder or file."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """What is wrong with a run, causes first. Exit code 1 with alarms, 0 without."""
    from leadline.diagnosis.audit import audit, shown

    found = audit(run)
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        Console(highlight=False, soft_wrap=True).print(shown(found))
    if found.alarms:
        raise typer.Exit(1)
