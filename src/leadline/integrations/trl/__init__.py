"""GRPO-LEAD inside TRL: a trainer, a mixin for one's own trainer, and reward functions for any ``GRPOTrainer``.

The reward functions need no TRL. :class:`LeadGRPOTrainer` is imported on first use and refuses versions
of TRL in which something that it builds on is missing. How to use it: ``docs/trl.md``, ``docs/trl-reference.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leadline.integrations.trl.mixin import LeadMixin
from leadline.integrations.trl.resume import ResumeMixin
from leadline.integrations.trl.rewards import (
    AccuracyReward,
    AnsweredReward,
    PartReward,
    accuracy_reward,
    answered,
    format_reward,
    reflection,
    repetition,
    reward_functions,
)
from leadline.integrations.trl.selection import SelectMixin

if TYPE_CHECKING:
    from leadline.integrations.trl.lead_callback import LeadCallback
    from leadline.integrations.trl.trainer import LeadGRPOTrainer

__all__ = [
    "AccuracyReward",
    "AnsweredReward",
    "LeadCallback",
    "LeadGRPOTrainer",
    "LeadMixin",
    "PartReward",
    "ResumeMixin",
    "SelectMixin",
    "accuracy_reward",
    "answered",
    "format_reward",
    "reflection",
    "repetition",
    "reward_functions",
]


def __getattr__(name: str) -> Any:
    if name == "LeadGRPOTrainer":
        from leadline.integrations.trl.trainer import LeadGRPOTrainer

        return LeadGRPOTrainer
    if name == "LeadCallback":
        from leadline.integrations.trl.lead_callback import LeadCallback

        return LeadCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
