"""verifiers and prime-rl: ``results.jsonl`` with one rollout a line, newer ``traces.jsonl`` with a tree of turns.

Source: PrimeIntellect-ai/verifiers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row

__all__ = ["VERIFIERS", "VERIFIERS_OLD", "VERIFIERS_TRACE"]


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    yield own_row(
        reading,
        problem=first_of(row, "example_id", "id"),
        prompt=row["prompt"],
        gold=row.get("answer"),
        completion=row["completion"],
        score=row[reading.columns.get("correct", "reward")],
        finished=False if row.get("is_truncated") is True else None,
    )


def _trace(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """The turns of a trace stand in its nodes; the task holds the problem."""
    nodes = [node for node in row["nodes"] if isinstance(node, dict)]
    turns = [first_of(node, "message") or node for node in nodes]
    rewards = row["rewards"]
    name = reading.columns.get("correct")
    score = row.get("reward")
    if isinstance(rewards, dict) and (name or score is None):
        chosen = name or next(iter(rewards), None)
        score = rewards.get(chosen) if chosen else None
        score = score.get("value", score.get("score")) if isinstance(score, dict) else score
    data: RawRow = row["task"] if isinstance(row["task"], dict) else {}
    if isinstance(data.get("data"), dict):
        data = data["data"]
    yield own_row(
        reading,
        problem=first_of(data, "idx", "example_id", "id", "name"),
        prompt=first_of(data, "prompt", "question", "instruction") or turns,
        gold=first_of(data, "answer", "ground_truth"),
        completion=turns,
        score=score,
    )


VERIFIERS = Layout("verifiers", ("example_id", "prompt", "completion", "reward"), _read)
VERIFIERS_OLD = Layout("verifiers_old", ("id", "prompt", "completion", "answer", "reward"), _read)
VERIFIERS_TRACE = Layout(
    "verifiers_trace", ("task", "rewards", "nodes"), _trace, lambda row: isinstance(row["nodes"], list)
)
