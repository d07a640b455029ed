"""Rewards: one completion in, one number out. What needs the whole group is in ``leadline.advantages``."""

from __future__ import annotations

from leadline.rewards.behaviours import BEHAVIOURS, TABLE
from leadline.rewards.correctness import accuracy
from leadline.rewards.custom import resolve
from leadline.rewards.length import overlong
from leadline.rewards.loops import find_repetition, repetition
from leadline.rewards.reflecting import Reflection, farmed_share, reflect, reflection, reflection_value
from leadline.rewards.scorer import BonusWarning, Scorer
from leadline.rewards.tags import format_reward

__all__ = [
    "BEHAVIOURS",
    "TABLE",
    "BonusWarning",
    "Reflection",
    "Scorer",
    "accuracy",
    "farmed_share",
    "find_repetition",
    "format_reward",
    "overlong",
    "reflect",
    "reflection",
    "reflection_value",
    "repetition",
    "resolve",
]
