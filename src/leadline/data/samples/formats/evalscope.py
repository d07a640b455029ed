"""EvalScope's reviews: one sample a line, ``group_id`` names the problem, ``index`` and ``sample_id`` number samples.

Source: modelscope/evalscope, ``api/evaluator/cache.py`` (``ReviewResult``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row
from leadline.data.samples.formats.named_score import named_score, said_choice

__all__ = ["EVALSCOPE"]


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    sample = row["sample_score"]
    values = sample["score"]["value"]
    main = sample["score"].get("main_score_name")
    taken = reading.columns.get("correct") or (main if main in values else next(iter(values)))
    if len(values) > 1:
        reading.notes[said_choice("metric", taken, values)] = None
    yield own_row(
        reading,
        problem=first_of(sample, "group_id", "sample_id"),
        prompt=row.get("input"),
        gold=row.get("target"),
        completion=sample["score"].get("prediction"),
        score=named_score(taken, values),
    )


def _fits(row: RawRow) -> bool:
    return isinstance(first_of(row, "sample_score.score.value"), dict) and bool(
        row["sample_score"]["score"]["value"]
    )


EVALSCOPE = Layout("evalscope", ("sample_score.score.value",), _read, _fits)
