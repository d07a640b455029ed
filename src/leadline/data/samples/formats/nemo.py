"""NVIDIA's two: NeMo-Skills (``output-rs*.jsonl``, one sample of each problem a file) and NeMo Gym's rollouts.

Source: NVIDIA-NeMo/Skills, ``nemo_skills/inference/generate.py``; NVIDIA-NeMo/Gym, ``rollout_collection.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row, turns_text

__all__ = ["NEMO_GYM", "NEMO_SKILLS"]


def _skills(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    name = reading.columns.get("correct") or next(
        (k for k in ("symbolic_correct", "is_correct") if k in row), None
    )
    score = row[name] if name else _judgement(row.get("judgement"))
    yield own_row(
        reading,
        problem=first_of(row, "id", "problem_id"),
        prompt=first_of(row, "problem", "question"),
        gold=row["expected_answer"],
        completion=row["generation"],
        score=score,
        n_tokens=row.get("num_generated_tokens"),
        finished=None if row.get("finish_reason") is None else row["finish_reason"] != "length",
    )


def _judgement(text: Any) -> Any:
    """A judge's last word: ``Judgement: Yes``; without one the sample is graded here."""
    if not isinstance(text, str):
        return ...
    return text.rpartition("Judgement:")[2].strip().strip("*. ").lower().startswith("yes")


def _gym(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    output = first_of(row, "response.output") or []
    said = [turn for turn in output if isinstance(turn, dict) and turn.get("role") == "assistant"]
    asked = row["responses_create_params"].get("input")
    yield own_row(
        reading,
        problem=first_of(row, "id", "uuid", "task_index", "_ng_task_index"),
        prompt=first_of(row, "question", "problem") or asked,
        gold=first_of(row, "expected_answer", "answer", "ground_truth"),
        completion=turns_text(said),
        score=row["reward"],
        n_tokens=first_of(row, "response.usage.output_tokens"),
        finished=False
        if first_of(row, "response.incomplete_details.reason") == "max_output_tokens"
        else None,
    )


NEMO_SKILLS = Layout("nemo_skills", ("generation", "expected_answer"), _skills)
NEMO_GYM = Layout(
    "nemo_gym",
    ("responses_create_params", "reward"),
    _gym,
    lambda r: isinstance(r["responses_create_params"], dict),
)
