"""leadline's own rows, and rows of anybody that use common names for the same things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

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
    "solve_rate": (),  # only where the user names it: shares of many other things look the same
    "n_tokens": ("n_tokens", "num_generated_tokens", "completion_tokens", "output_tokens"),
    "finished": ("finished",),
    "difficulty": ("difficulty", "level"),
}
"""Field -> names that columns of other tools have for it, tried in this order, letter case aside."""


ROUNDING = 0.25
"""Samples that a published rate may be off by: 0.44 of 16 is 7, and 0.4 of 16 is not 6."""


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
            if field == "n_samples" and given.isdecimal() and given not in row:
                found[field] = int(given)  # the same for every row
                continue
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
    asked, gold = found.get("prompt"), found.get("gold")
    counts = _counts(found)
    if counts is not None:
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


def _counts(found: Mapping[str, Any]) -> dict[str, int] | None:
    """Samples and right ones of a row that is a whole problem; None where it is a sample.

    Raises:
        ValueError: a solve rate that is none, or of an unknown number of samples.
    """
    total, right = found.get("n_samples"), found.get("n_correct")
    if "solve_rate" in found:
        return _rated(found["solve_rate"], total)
    if "completion" in found or not (_is_count(total) and _is_count(right)):
        return None
    return {"n_correct": int(cast(float, right)), "n_samples": int(cast(float, total))}


def _rated(rate: Any, total: Any) -> dict[str, int]:
    """Counts from a published rate, which may be rounded, and the number of samples that it was taken of."""
    if not _is_count(total) or not total:
        raise ValueError(f"a solve rate of {str(total)[:20]!r} samples")
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise ValueError(f"the solve rate is {str(rate)[:40]!r}, not a share from 0 to 1")
    right = round(rate * total)
    if abs(rate * total - right) > ROUNDING:
        raise ValueError(
            f"a solve rate of {rate:g} is no whole number of {total:g} samples: another n_samples?"
        )
    return {"n_correct": right, "n_samples": int(total)}


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
