"""lm-evaluation-harness: ``samples_*.jsonl``, one document and filter a line, with all of its responses.

Source: EleutherAI/lm-evaluation-harness, ``lm_eval/evaluator.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row

__all__ = ["LM_EVAL"]

_METRICS = ("exact_match", "acc", "math_verify", "pass@1", "acc_norm")


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """Every document comes once a filter: one filter is read, or samples would double."""
    name = row.get("filter")
    if reading.choice is None and isinstance(name, str):
        reading.choice = name
    if isinstance(name, str) and name != reading.choice:
        reading.notes[
            f"filter {reading.choice!r} was read, others left out (--format lm_eval:NAME chooses)"
        ] = None
        return
    texts = row["resps"][0] if row["resps"] and isinstance(row["resps"][0], list) else row["resps"]
    metric = reading.columns.get("correct") or next((m for m in _METRICS if m in row), None)
    about = {
        "problem": row["doc_id"],
        "prompt": first_of(
            row, "doc.question", "doc.problem", "doc.query", "doc.prompt", "arguments.gen_args_0.arg_0"
        ),
        "gold": row.get("target"),
    }
    if len(texts) == 1 or not all(isinstance(text, str) for text in texts):
        # The metric is of one answer: of a choice among likelihoods there is no text.
        text = texts[0] if isinstance(texts[0], str) else None
        yield own_row(reading, **about, completion=text, score=row.get(metric, None) if metric else ...)
        return
    for text in texts:  # of several responses the metric says something about one: they are graded here
        yield own_row(reading, **about, completion=text)


LM_EVAL = Layout("lm_eval", ("doc_id", "resps", "doc"), _read, lambda row: isinstance(row["resps"], list))
