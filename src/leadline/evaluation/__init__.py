"""Evaluation: metrics of samples with intervals, and the resumable run that draws, grades and measures them."""

from __future__ import annotations

from leadline.evaluation.metrics import Evaluation, MetricTable, evaluate, paired_differences
from leadline.evaluation.run import EvalRun, run_eval

__all__ = ["EvalRun", "Evaluation", "MetricTable", "evaluate", "paired_differences", "run_eval"]
