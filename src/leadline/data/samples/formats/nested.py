"""Rows that hold all samples of one problem: Qwen's evaluation, nested rollouts, reasoning-gym's results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row

__all__ = ["NESTED", "QWEN_MATH", "REASONING_GYM", "REASONING_GYM_SET"]

_LISTS = ("rollouts", "samples", "responses", "completions", "generations", "outputs")
_FULL_SCORE = 0.99  # reasoning-gym pays a little for form alone


def _qwen(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """QwenLM/Qwen2.5-Math, ``evaluation/math_eval.py``: lists side by side; ``gt`` was normalised, ``answer`` not."""
    scores = row["score"] if isinstance(row["score"], list) else [row["score"]]
    about = {
        "problem": row["idx"],
        "prompt": first_of(row, "question", "problem"),
        "gold": first_of(row, "answer", "gt"),
    }
    for text, score in zip(row["code"], scores, strict=True):
        yield own_row(reading, **about, completion=text, score=score)


def _nested(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """Several tools: a problem with a list of samples, each an object or a text."""
    name = next(n for n in _LISTS if isinstance(row.get(n), list))
    about = {
        "problem": first_of(row, "qid", "problem_id", "id", "idx", "question_id"),
        "prompt": first_of(row, "question", "prompt", "problem"),
        "gold": first_of(row, "gold", "answer", "expected_answer", "ground_truth", "target"),
    }
    scores = first_of(row, "scores", "correct", "rewards", "score", "correctness_math_verify", "correctness")
    for i, one in enumerate(row[name]):
        if isinstance(one, str):
            score = scores[i] if isinstance(scores, list) and len(scores) == len(row[name]) else ...
            yield own_row(reading, **about, completion=one, score=score)
            continue
        score = first_of(one, reading.columns.get("correct", "correct"), "is_correct", "score", "reward")
        text = first_of(one, "text", "completion", "response", "generation", "output", "full_model_response")
        tokens = first_of(one, "n_tokens", "completion_tokens")
        yield own_row(
            reading, **about, completion=text, score=... if score is None else score, n_tokens=tokens
        )


def _is_nested(row: RawRow) -> bool:
    found = next((row[n] for n in _LISTS if isinstance(row.get(n), list)), None)
    return bool(found) and all(isinstance(one, str | dict) for one in found or ())


def _gym(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """open-thought/reasoning-gym-eval: data sets of results, one a file or all in one; a right answer scores 1."""
    sets = (
        [row] if "results" in row else [one for category in row["categories"] for one in category["datasets"]]
    )
    for result in (result for one in sets for result in one["results"]):
        for one in result.get("completions") or [result]:
            score = reading.right(one.get("score"), _FULL_SCORE)
            yield own_row(
                reading,
                prompt=result["question"],
                gold=result.get("expected_answer"),
                completion=one.get("full_model_response"),
                score=score,
            )


QWEN_MATH = Layout("qwen_math", ("idx", "code", "score"), _qwen, lambda row: isinstance(row["code"], list))
NESTED = Layout("nested", (), _nested, _is_nested)
REASONING_GYM_SET = Layout(
    "reasoning_gym_set",
    ("name", "results"),
    _gym,
    lambda row: isinstance(row["results"], list) and all("question" in one for one in row["results"][:1]),
)
REASONING_GYM = Layout(
    "reasoning_gym", ("categories",), _gym, lambda row: isinstance(row["categories"], list)
)
