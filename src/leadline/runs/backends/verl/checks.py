"""Whether an environment has a verl that can run what is about to be started: asked of its own Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["environment_report", "verl_environment_faults"]

_MODULE = "leadline.integrations.verl.check"
_SECONDS = 300


def environment_report(arguments: Sequence[str] = (), *, python: str = sys.executable) -> dict[str, Any]:
    """What ``python -m leadline.integrations.verl.check`` says there: ``faults`` and ``versions``.

    A process of its own, because importing verl is slow, starts threads, and may fail in any way.
    """
    command = [python, "-m", _MODULE, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"faults": [f"verl: {_MODULE} did not answer within {_SECONDS} s"], "versions": {}}
    except OSError as error:
        return {"faults": [f"{python}: {error.strerror}"], "versions": {}}
    lines = done.stdout.splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return {"faults": [f"{python}: {_MODULE} cannot run there: {last}"], "versions": {}}
    return dict(answer)


def verl_environment_faults(arguments: Sequence[str], *, python: str = sys.executable) -> list[str]:
    """The faults alone, and a missing ``ray`` command."""
    faults = list(environment_report(arguments, python=python)["faults"])
    if shutil.which("ray") is None and shutil.which(f"{python.rpartition('/')[0]}/ray") is None:
        faults.append("ray: there is no such command; `ray job submit` hands the run to the cluster")
    return faults
