"""verifiers and prime-rl: ``results.jsonl`` with one rollout a line, newer ``traces.jsonl`` with a tree of turns.

Source: PrimeIntellect-ai/verifiers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row
from leadline.data.samples.formats.endings import finished_of
from leadline.data.samples.formats.named_score import named_score

__all__ = ["VERIFIERS", "VERIFIERS_OLD", "VERIFIERS_TRACE"]


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    yield own_row(
        reading,
        problem=first_of(row, "example_id", "id"),
        prompt=row["prompt"],
        gold=row.get("answer"),
        completion=row["completion"],
        score=named_score(reading.columns.get("correct", "reward"), row, *_objects(row, "metrics")),
        finished=finished_of(row),
    )


def _trace(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """The turns of a trace stand in its nodes; the task holds the problem."""
    nodes = [node for node in row["nodes"] if isinstance(node, dict)]
    turns = [first_of(node, "message") or node for node in nodes]
    name = reading.columns.get("correct")
    if name:
        score = named_score(name, *_objects(row, "rewards", "metrics"), {"reward": row.get("reward")})
    else:
        rewards = row["rewards"] if isinstance(row["rewards"], dict) else {}
        score = next(iter(rewards.values()), None) if row.get("reward") is None else row["reward"]
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


def _objects(row: RawRow, *names: str) -> list[RawRow]:
    return [row[name] for name in names if isinstance(row.get(name), dict)]


VERIFIERS = Layout("verifiers", ("example_id", "prompt", "completion", "reward"), _read)
VERIFIERS_OLD = Layout("verifiers_old", ("id", "prompt", "completion", "answer", "reward"), _read)
VERIFIERS_TRACE = Layout(
    "verifiers_trace", ("task", "rewards", "nodes"), _trace, lambda row: isinstance(row["nodes"], list)
)
