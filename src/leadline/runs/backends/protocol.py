"""What the pipeline asks of a backend. Models pass between stages as Hugging Face directories, so that any backend,
and anything else that reads such a directory, can take over after any stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from leadline.engine.signals import Interrupts
from leadline.storage.run_directory import RunWriter
from leadline.types import Completion, Problem

__all__ = ["Backend", "Stage"]


@dataclass(frozen=True)
class Stage:
    """Where a stage works.

    Attributes:
        name: ``base``, ``sft`` or the name of an arm.
        folder: its checkpoints; the backend may keep there what it needs to resume.
        writer: metrics and samples.
        interrupts: to be looked at between steps.
        on_row: called with every metrics row, for live display.
    """

    name: str
    folder: Path
    writer: RunWriter
    interrupts: Interrupts
    on_row: Callable[[Mapping[str, Any]], None]


class Backend(Protocol):
    """The work of each stage. Every method resumes what is there and returns the model directory it ends in."""

    def base(self, stage: Stage) -> Path:
        """The model that everything starts from."""

    def sft(self, stage: Stage, start: Path) -> Path:
        """Supervised fine-tuning of ``start``."""

    def grpo(self, stage: Stage, start: Path) -> Path:
        """Train the arm ``stage.name`` from ``start``."""

    def sample(self, model: Path, problems: Sequence[Problem], count: int) -> list[Completion]:
        """``count`` completions of every problem, problem by problem, as the recipe's evaluation says."""

    def prompt_text(self, model: Path, problem: Problem) -> str:
        """What ``problem`` looks like to this model."""

    def solution_logprobs(self, model: Path, problems: Sequence[Problem]) -> dict[str, list[float]]:
        """By problem: log-probabilities (nats) of known correct completions, for the teacher-forced bound on Q."""
