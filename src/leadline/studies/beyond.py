"""Outputs of a study of algorithms for where the base model is never right: judgements, figures, a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leadline.storage.jsonl import Row, read_json, write_json_atomic, write_text_atomic
from leadline.studies.analysis.judgement import judge_beyond
from leadline.studies.analysis.summary import StudyTable, summarise
from leadline.studies.experiment.algorithms import find_algorithm
from leadline.studies.experiment.tally import COUNTS
from leadline.studies.output.beyond_figures import beyond_figures
from leadline.studies.output.beyond_page import beyond_page
from leadline.studies.output.files import plan_and_versions, write_rows
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
        "axis": plan.axis.name,
        "question": plan.axis.question,
        "command": command,
        **plan_and_versions(plan),
        "algorithms": [
            {"name": name, "note": found.note, "question": found.question} for name, found in asked.items()
        ],
        "judgements": [judgement.to_json() for judgement in judged],
        "conditions": summarise(table),
    }
    write_rows(out / "results.parquet", rows, _COLUMNS)
    write_json_atomic(out / "results.json", result)
    result = read_json(out / "results.json")  # so that the page shows what the file holds
    drawings = beyond_figures(judged)
    for name, svg in drawings.items():
        write_text_atomic(out / "figures" / f"{name}.svg", svg)
    write_text_atomic(out / "report.html", beyond_page(result, drawings))
    return result
