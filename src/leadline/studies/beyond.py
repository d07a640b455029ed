"""Outputs of a study of algorithms for where the base model is never right: judgements, figures, a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leadline.storage.jsonl import Row
from leadline.studies.analysis.judgement import judge_beyond
from leadline.studies.analysis.summary import StudyTable, summarise
from leadline.studies.experiment.algorithms import find_algorithm
from leadline.studies.experiment.tally import COUNTS
from leadline.studies.output.beyond_figures import beyond_figures
from leadline.studies.output.beyond_page import beyond_page
from leadline.studies.output.files import plan_and_versions, write_rows, write_study
from leadline.studies.plan import Plan

__all__ = ["write_beyond"]

_COLUMNS = (
    *("axis", "cell", "role", "overlap", "seed", "algorithm", "step", "prompt", "side"),
    *("Q", "p", "N", "kl", "excess", "pool", *COUNTS),
)


def write_beyond(plan: Plan, rows: Sequence[Row], out: Path, command: str) -> dict[str, Any]:
    """Write ``results.parquet``, ``results.json``, ``figures/*.svg`` and ``report.html``; return the JSON."""
    table = StudyTable(rows)
    judged = judge_beyond(plan, table)
    asked = {name: find_algorithm(name) for name in dict.fromkeys(arm.algorithm for arm in plan.arms)}
    result = {
        "schema": 1,
        "kind": "beyond",
        **plan_and_versions(plan, command),
        "algorithms": [
            {"name": name, "note": found.note, "question": found.question} for name, found in asked.items()
        ],
        "judgements": [judgement.to_json() for judgement in judged],
        "conditions": summarise(table),
    }
    write_rows(out / "results.parquet", rows, _COLUMNS)
    return write_study(out, result, beyond_figures(judged), beyond_page)
