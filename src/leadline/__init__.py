"""leadline: probe, train and prove reasoning with GRPO.

The names below are the front door. Each is imported from its room when it is first asked for, so that
``import leadline`` itself loads neither torch nor transformers and takes a few milliseconds.

>>> import leadline
>>> leadline.grade("The answer is \\\\boxed{1/2}.", "0.5").correct
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leadline.data import load_problems, read_samples
    from leadline.data.samples.sources import load_counts
    from leadline.diagnosis.compare import Comparison, compare, run_compare
    from leadline.diagnosis.probe import Probe, probe, run_probe
    from leadline.errors import InputError, LeadlineError
    from leadline.evaluation import evaluate, run_eval
    from leadline.grading import Grade, Grader, Strictness, gold_fault, grade, grade_file
    from leadline.grpo.advantages import Advantages, group_advantages
    from leadline.grpo.config import AdvantageConfig, LossConfig
    from leadline.grpo.losses import loss_normaliser, policy_loss
    from leadline.recipes import find_recipe
    from leadline.report import build_report
    from leadline.rewards import Scorer, format_reward, overlong, reflection, repetition
    from leadline.runs.pipeline import run_recipe
    from leadline.stats import Interval, cons_at_k, paired_seeds, pass_at_k
    from leadline.types import Completion, Problem, Score

__version__ = "0.1.0"

__all__ = [
    "AdvantageConfig",
    "Advantages",
    "Comparison",
    "Completion",
    "Grade",
    "Grader",
    "InputError",
    "Interval",
    "LeadlineError",
    "LossConfig",
    "Probe",
    "Problem",
    "Score",
    "Scorer",
    "Strictness",
    "build_report",
    "compare",
    "cons_at_k",
    "evaluate",
    "find_recipe",
    "format_reward",
    "gold_fault",
    "grade",
    "grade_file",
    "group_advantages",
    "load_counts",
    "load_problems",
    "loss_normaliser",
    "overlong",
    "paired_seeds",
    "pass_at_k",
    "policy_loss",
    "probe",
    "read_samples",
    "reflection",
    "repetition",
    "run_compare",
    "run_eval",
    "run_probe",
    "run_recipe",
]

_ROOMS = {
    "data": "load_problems read_samples",
    "data.samples.sources": "load_counts",
    "diagnosis.compare": "Comparison compare run_compare",
    "diagnosis.probe": "Probe probe run_probe",
    "errors": "InputError LeadlineError",
    "evaluation": "evaluate run_eval",
    "grading": "Grade Grader Strictness gold_fault grade grade_file",
    "grpo.advantages": "Advantages group_advantages",
    "grpo.config": "AdvantageConfig LossConfig",
    "grpo.losses": "loss_normaliser policy_loss",
    "recipes": "find_recipe",
    "report": "build_report",
    "rewards": "Scorer format_reward overlong reflection repetition",
    "runs.pipeline": "run_recipe",
    "stats": "Interval cons_at_k paired_seeds pass_at_k",
    "types": "Completion Problem Score",
}
_HOME = {name: f"leadline.{room}" for room, names in _ROOMS.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'leadline' has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(_HOME[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})
