"""What the files of every study hold: a parquet of rows, and in the JSON the plan and the versions."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from leadline.storage.installed import installed
from leadline.storage.outputs import refusals_as_storage_errors, replacing
from leadline.studies.plan import Plan

__all__ = ["plan_and_versions", "write_rows"]


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write these columns of the rows as parquet, whole or not at all.

    Raises:
        StorageError: the disk refused.
    """
    table = pyarrow.table({name: [row[name] for row in rows] for name in columns})
    with replacing(path) as stream, refusals_as_storage_errors(path):
        pyarrow.parquet.write_table(table, stream)


def plan_and_versions(plan: Plan) -> dict[str, Any]:
    """The entries ``plan`` and ``versions`` of ``results.json``."""
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
    return {"plan": described, "versions": versions}
