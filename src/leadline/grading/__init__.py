"""Grading of final answers: right, fast, and neither hung, killed nor fooled by what a model wrote."""

from __future__ import annotations

from leadline.grading.files import GradeFileSummary, GradeProgress, grade_file
from leadline.grading.grader import Grader, gold_fault, gold_faults, grade
from leadline.grading.verdict import Grade, Reason, Strictness

__all__ = [
    "Grade",
    "GradeFileSummary",
    "GradeProgress",
    "Grader",
    "Reason",
    "Strictness",
    "gold_fault",
    "gold_faults",
    "grade",
    "grade_file",
]
