"""rLLM's episodes: one try at a task a line, whose id is that of the task with the number of the try behind a colon.

Source: rllm-org/rllm, ``rllm/agents/agent.py`` (``Episode``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row

__all__ = ["RLLM"]


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    task, _, number = str(row["id"]).rpartition(":")
    if task and number.isdecimal():
        reading.notes["the number behind the last colon of an id is that of a try"] = None
    reason = row.get("termination_reason")
    yield own_row(
        reading,
        problem=task if task and number.isdecimal() else row["id"],
        prompt=first_of(row, "task.question", "task.problem", "task.prompt"),
        gold=first_of(row, "task.ground_truth", "task.answer"),
        score=row["is_correct"],
        finished=False if reason in ("max_response_length_exceeded", "max_prompt_length_exceeded") else None,
    )


RLLM = Layout(
    "rllm", ("is_correct", "trajectories", "id"), _read, lambda row: isinstance(row["trajectories"], list)
)
