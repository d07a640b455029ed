"""Problem sets, curricula and sample files: what training and evaluation read, checked as it is read."""

from __future__ import annotations

from leadline.data.problems.curriculum import LEAD_STAGES, CurriculumStage, Selection, solve_counts
from leadline.data.problems.duplicates import (
    Duplicate,
    Overlap,
    normalised_prompt,
    overlap,
    problem_key,
    refuse_overlap,
)
from leadline.data.problems.loading import ProblemSet, load_problems
from leadline.data.samples.rows import read_samples

__all__ = [
    "LEAD_STAGES",
    "CurriculumStage",
    "Duplicate",
    "Overlap",
    "ProblemSet",
    "Selection",
    "load_problems",
    "normalised_prompt",
    "overlap",
    "problem_key",
    "read_samples",
    "refuse_overlap",
    "solve_counts",
]
