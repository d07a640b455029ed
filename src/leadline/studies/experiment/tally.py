"""What an arm has spent: the price beside which its gain is to be read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

__all__ = ["COUNTS", "Tally"]


@dataclass
class Tally:
    """Counts since the beginning of the arm; grading is not counted, every completion is graded once.

    Attributes:
        completions: answers to whole problems that the model under training drew.
        parts: answers that the frozen base model drew to parts of problems.
        prefixed: completions that began behind a revealed part of the reference answer.
        updates: optimiser steps.
        references: reference answers that were learned from or revealed; a part counts whole, and each time.
    """

    completions: int = 0
    parts: int = 0
    prefixed: int = 0
    updates: int = 0
    references: int = 0

    def add(self, kind: Literal["completions", "parts", "prefixed"], count: int) -> None:
        """Count ``count`` more draws of one kind."""
        setattr(self, kind, getattr(self, kind) + count)


COUNTS = tuple(field.name for field in fields(Tally))
"""The columns of a row that hold a tally."""
