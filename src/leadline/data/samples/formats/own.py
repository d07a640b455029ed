"""leadline's own rows, and rows of anybody that use common names for the same things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, own_row, reach

__all__ = ["ALIASES", "BY_NAME", "OWN", "named_values"]

ALIASES: Mapping[str, tuple[str, ...]] = {
    "problem_id": (
        *(
            "problem_id",
            "id",
            "qid",
            "idx",
            "question_id",
            "example_id",
            "doc_id",
            "unique_id",
            "task_id",
            "uid",
        ),
        *("record_id", "index"),
    ),
    "prompt": ("prompt", "question", "problem", "query", "instruction", "input"),
    "gold": (
        *(
            "gold",
            "answer",
            "expected_answer",
            "ground_truth",
            "target",
            "reference",
            "reference_answer",
            "gt",
        ),
        *("gts", "label_answer"),
    ),
    "completion": (
        *("completion", "response", "generation", "model_output", "generated_text", "output", "prediction"),
        *("full_model_response", "text"),
    ),
    "correct": ("correct", "is_correct", "accuracy", "acc", "passed", "score", "reward"),
    "n_correct": ("n_correct", "num_correct", "passes", "correct_count", "n_passed", "correct"),
    "n_samples": ("n_samples", "num_samples", "k", "n", "n_rollouts", "total", "samples"),
    "n_tokens": ("n_tokens", "num_generated_tokens", "completion_tokens", "output_tokens"),
    "finished": ("finished",),
    "difficulty": ("difficulty", "level"),
}
"""Field -> names that columns of other tools have for it, tried in this order, letter case aside."""


def named_values(row: RawRow, columns: Mapping[str, str]) -> dict[str, Any]:
    """What the columns of a row hold by field, the user's names first.

    Raises:
        ValueError: a column that the user named is not there.
    """
    lower = {str(name).lower(): name for name in row}
    found: dict[str, Any] = {}
    for field, names in ALIASES.items():
        given = columns.get(field)
        if given is not None:
            if reach(row, given) is None and given not in row:
                raise ValueError(f"column {given!r} is missing")
            found[field] = reach(row, given)
            continue
        for name in names:
            if name in lower and row[lower[name]] is not None and lower[name] not in columns.values():
                found[field] = row[lower[name]]
                break
    return found


def _own(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    if reading.pass_at is not None and not isinstance(row.get("correct"), bool | None):
        row = {**row, "correct": reading.right(row["correct"])}
    yield dict(row)


def _is_own(row: RawRow) -> bool:
    return "correct" in row or "completion" in row or "n_samples" in row or "n_correct" in row


def _by_name(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    found = named_values(row, reading.columns)
    total, right = found.get("n_samples"), found.get("n_correct")
    asked, gold = found.get("prompt"), found.get("gold")
    if (
        total is not None
        and right is not None
        and _is_count(total)
        and _is_count(right)
        and "completion" not in found
    ):
        counts = {"n_correct": int(right), "n_samples": int(total)}
        yield own_row(reading, problem=found.get("problem_id"), prompt=asked, gold=gold, **counts)
        return
    yield own_row(
        reading,
        problem=found.get("problem_id"),
        prompt=asked,
        gold=gold,
        completion=found.get("completion"),
        score=found.get("correct", ...),
        n_tokens=found.get("n_tokens"),
        finished=found.get("finished"),
        difficulty=found.get("difficulty"),
    )


def _is_count(value: Any) -> bool:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and value >= 0


def _has_samples(row: RawRow) -> bool:
    found = named_values(row, {})
    named = "problem_id" in found or "prompt" in found
    counted = _is_count(found.get("n_samples")) and _is_count(found.get("n_correct"))
    told = isinstance(found.get("correct"), bool | int | float) or ("completion" in found and "gold" in found)
    return named and (counted or told)


OWN = Layout("leadline", ("problem_id",), _own, _is_own)
BY_NAME = Layout("columns", (), _by_name, _has_samples)
