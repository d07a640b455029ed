"""What every training stage does around its steps: resume, save now and then, stop when asked to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from leadline.engine.signals import StopRequest
from leadline.errors import Interrupted
from leadline.storage.checkpoints import Checkpoint, Checkpoints

__all__ = ["Journal", "resume", "run_steps"]


class Journal(Protocol):
    """The part of :class:`leadline.storage.run_directory.RunWriter` that the engine uses."""

    def metric(self, row: Mapping[str, Any]) -> None: ...
    def metrics_offset(self) -> int: ...
    def truncate_metrics(self, offset: int) -> None: ...
    def samples(self, arm: str, name: str, rows: Sequence[Mapping[str, Any]]) -> object: ...


def resume(
    checkpoints: Checkpoints,
    steps: int,
    journal: Journal,
    save: Callable[[int], None],
    restore: Callable[[Checkpoint], None],
) -> int:
    """Load the newest whole checkpoint, cut the metrics back to it, and return the step to go on with."""
    checkpoints.clear_debris()
    checkpoint = checkpoints.latest()
    if checkpoint is None:
        save(0)  # so that whatever is recorded from here on has a checkpoint to be cut back to
        return 0
    if checkpoint.step < steps:
        restore(checkpoint)
        journal.truncate_metrics(checkpoint.state["metrics_offset"])
    return checkpoint.step


def run_steps(
    name: str,
    start: int,
    steps: int,
    every: int,
    step: Callable[[int], None],
    save: Callable[[int], None],
    interrupts: StopRequest,
) -> None:
    """Steps ``start`` to ``steps``, saved after every ``every``, after the last, and before stopping early.

    Raises:
        Interrupted: a signal came; the state was saved.
    """
    for index in range(start, steps):
        step(index)
        done = index + 1
        stop = interrupts.requested and done < steps
        if stop or done % every == 0 or done == steps:
            save(done)
        if stop:
            raise Interrupted(f"{name}: stopped after step {done} of {steps}; state saved")
