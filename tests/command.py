"""The command line called within the test's own process, and what a refusal looks like."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from leadline.cli import main as cli


class Done(NamedTuple):
    """What came of one call of the command line."""

    returncode: int
    stdout: str
    stderr: str


def call(*arguments: str | Path, cwd: Path | None = None) -> Done:
    """The command line in this process (a process of its own costs seconds of imports; test_cli pays them)."""
    out, err = io.StringIO(), io.StringIO()
    before, shown = sys.argv, warnings.showwarning
    sys.argv = ["leadline", *map(str, arguments)]
    with (
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        cli.console = Console(file=out, width=120, highlight=False)
        code = 0
        try:
            cli.main()
        except SystemExit as exit:
            code = exit.code if isinstance(exit.code, int) else 1
        finally:
            sys.argv, warnings.showwarning = before, shown
    return Done(code, out.getvalue(), err.getvalue())


def refused(done: Done, *expected: str) -> list[str]:
    """Exit code 2, every expected phrase on a line of its own, no traceback; returns the lines."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("leadline: ")]
    for phrase in expected:
        assert any(phrase in line for line in lines), f"{phrase!r} not in {lines}"
    return lines
