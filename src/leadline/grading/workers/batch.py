"""Questions to the workers, and what came of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from leadline.errors import LeadlineError
from leadline.grading.verdict import Reason

__all__ = ["GradingBatch", "Task", "TaskOutcome", "WorkerCounts"]


class Task(NamedTuple):
    """One question to a worker; ``answer`` None asks only whether the gold can be used.

    ``options`` are the fields of a `Strictness`.
    """

    gold: str
    answer: str | None = None
    options: tuple[Any, ...] = ()


class TaskOutcome(NamedTuple):
    """What came of a task; ``fault`` says what is wrong with the gold, ``lost`` that no worker survived to say so."""

    reason: Reason
    fault: str | None = None
    lost: bool = False


class WorkerCounts:
    """How many workers were started, and how they ended."""

    def __init__(self) -> None:
        self.started = 0
        self.killed = 0
        self.crashed = 0
        self.retired = 0
        self.server_restarts = 0


class GradingBatch:
    """Tasks that were submitted together. ``wait`` returns their outcomes in order."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tasks
        self.outcomes: list[TaskOutcome | None] = [None] * len(tasks)
        self.left = len(tasks)
        self.done = threading.Event()
        self.error: Exception | None = None
        self.cancelled = False

    def settle(self, index: int, outcome: TaskOutcome) -> None:
        self.outcomes[index] = outcome
        self.left -= 1
        if self.left == 0:
            self.done.set()

    def fail(self, error: Exception) -> None:
        self.error = error
        self.done.set()

    def wait(self) -> list[TaskOutcome]:
        """The outcomes, once all are there. Interrupted, it drops what has not begun."""
        try:
            self.done.wait()
        except BaseException:
            self.cancelled = True
            raise
        if self.error is not None:
            raise LeadlineError(f"grading workers: {self.error}") from self.error
        return [outcome for outcome in self.outcomes if outcome is not None]
