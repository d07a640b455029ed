"""What the files of every study hold: a parquet of rows, and in the JSON the plan and the versions."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from leadline.storage.installed import installed
from leadline.storage.jsonl import read_json, write_json_atomic, write_text_atomic
from leadline.storage.outputs import refusals_as_storage_errors, replacing
from leadline.studies.plan import Plan

__all__ = ["plan_and_versions", "write_rows", "write_study"]


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write these columns of the rows as parquet, whole or not at all.

    Raises:
        StorageError: the disk refused.
    """
    table = pyarrow.table({name: [row[name] for row in rows] for name in columns})
    with replacing(path) as stream, refusals_as_storage_errors(path):
        pyarrow.parquet.write_table(table, stream)


def write_study(
    out: Path,
    result: Mapping[str, Any],
    drawings: Mapping[str, str],
    page: Callable[[Mapping[str, Any], Mapping[str, str]], str],
) -> dict[str, Any]:
    """Write ``results.json``, ``figures/*.svg`` and ``report.html``; return the JSON."""
    write_json_atomic(out / "results.json", result)
    # Read back, so that the page shows what the file holds: infinite limits are null there.
    written = read_json(out / "results.json")
    for name, svg in drawings.items():
        write_text_atomic(out / "figures" / f"{name}.svg", svg)
    write_text_atomic(out / "report.html", page(written, drawings))
    return written


def plan_and_versions(plan: Plan, command: str) -> dict[str, Any]:
    """The entries of ``results.json`` that say what was asked, and by what."""
    cells = dict.fromkeys(arm.base.cell.name for arm in plan.arms)
    described = {
        **json.loads(json.dumps(plan.scale.__dict__)),
        "seeds": list(plan.seeds),
        "steps": list(plan.steps),
        "cells": list(cells),
        "algorithms": list(dict.fromkeys(arm.algorithm for arm in plan.arms)),
        "bases": len(plan.bases),
        "arms": len(plan.arms),
    }
    versions = {"python": platform.python_version()} | installed("leadline", "torch", "numpy", "scipy")
    return {
        "axis": plan.axis.name,
        "question": plan.axis.question,
        "command": command,
        "plan": described,
        "versions": versions,
    }
