"""NVIDIA's two: NeMo-Skills (``output-rs*.jsonl``, one sample of each problem a file) and NeMo Gym's rollouts.

Source: NVIDIA-NeMo/Skills, ``nemo_skills/inference/generate.py``; NVIDIA-NeMo/Gym, ``rollout_collection.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row, turns_text
from leadline.data.samples.formats.endings import finished_of
from leadline.data.samples.formats.named_score import named_score

__all__ = ["NEMO_GYM", "NEMO_SKILLS"]

_VERDICT = re.compile(r"judge?ment\*{0,2}\s*:[\s*\"'`]*(yes|no)\b", re.I)
_BARE = re.compile(r"[\s*\"'`]*(yes|no)[\s*\"'`.!]*", re.I)


def _skills(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    name = reading.columns.get("correct")
    # null: nobody has compared the answers
    score = named_score(name, row) if name else first_of(row, "symbolic_correct", "is_correct")
    if name == "judgement" or (not name and score is None):
        score = _judgement(row.get("judgement"))
    yield own_row(
        reading,
        problem=first_of(row, "id", "problem_id"),
        prompt=first_of(row, "problem", "question"),
        gold=row["expected_answer"],
        completion=row["generation"],
        score=score,
        n_tokens=row.get("num_generated_tokens"),
        finished=finished_of(row),
    )


def _judgement(text: Any) -> Any:
    """A judge's verdict, as ``is_correct_judgement`` reads it: ``Judgement: Yes``, in any case and in bold.

    Where neither yes nor no can be read the judge has given no verdict, and the sample is graded here.
    """
    found = _VERDICT.search(text) or _BARE.fullmatch(text) if isinstance(text, str) else None
    return found[1].lower() == "yes" if found else ...


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
