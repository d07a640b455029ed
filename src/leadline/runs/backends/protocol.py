"""What the pipeline asks of a backend.

Models pass between stages as Hugging Face directories, so that any backend, and anything else that reads such a
directory, can take over after any stage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from leadline.engine.signals import StopRequest
from leadline.grading import Grader
from leadline.samplers import Sampler
from leadline.storage.run_directory import RunWriter
from leadline.types import Problem

__all__ = ["Backend", "Stage", "StageWriter"]


class StageWriter(Protocol):
    """What every backend needs of :class:`leadline.storage.run_directory.RunWriter`."""

    def metric(self, row: Mapping[str, Any]) -> None: ...
    def samples(self, arm: str, name: str, rows: Sequence[Mapping[str, Any]]) -> object: ...
    def cut_metrics(self, arm: str, step: int) -> None: ...


Writer = TypeVar("Writer", bound=StageWriter, covariant=True)


@dataclass(frozen=True)
class Stage(Generic[Writer]):
    """Where a stage works.

    Attributes:
        name: ``base``, ``sft`` or the name of an arm.
        folder: its checkpoints; the backend may keep there what it needs to resume.
        writer: metrics and samples.
        interrupts: to be looked at between steps.
        on_row: called with every metrics row, for live display.
        grader: of the whole run, where the recipe names none; without one a stage starts workers of its own.
    """

    name: str
    folder: Path
    writer: Writer
    interrupts: StopRequest
    on_row: Callable[[Mapping[str, Any]], None]
    grader: Grader | None = None


class Backend(Protocol):
    """The work of each stage. Every method resumes what is there and returns the model directory it ends in."""

    def base(self, stage: Stage[RunWriter]) -> Path:
        """The model that everything starts from."""

    def sft(self, stage: Stage[RunWriter], start: Path) -> Path:
        """Supervised fine-tuning of ``start``."""

    def grpo(self, stage: Stage[RunWriter], start: Path) -> Path:
        """Train the arm ``stage.name`` from ``start``."""

    def sampler(self, model: Path) -> Sampler:
        """Draws samples from a model directory; a run that was stopped ends with the same ones."""

    def solution_logprobs(self, model: Path, problems: Sequence[Problem]) -> dict[str, list[float]]:
        """By problem: log-probabilities (nats) of known correct completions, for the teacher-forced bound on Q."""
