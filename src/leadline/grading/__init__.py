"""Grading of final answers: right, fast, and neither hung, killed nor fooled by what a model wrote."""

from __future__ import annotations

from leadline.grading.files import GradeFileSummary, GradeProgress, grade_file
from leadline.grading.grader import Grader, gold_fault, gold_faults, grade
from leadline.grading.verdict import Comparison, Grade, Reason

__all__ = [
    "Comparison",
    "Grade",
    "GradeFileSummary",
    "GradeProgress",
    "Grader",
    "Reason",
    "gold_fault",
    "gold_faults",
    "grade",
    "grade_file",
]
