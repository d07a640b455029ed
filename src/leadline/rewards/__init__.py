"""Rewards: one completion in, one number out. What needs the whole group is in ``leadline.grpo.advantages``."""

from __future__ import annotations

from leadline.rewards.accuracy import accuracy
from leadline.rewards.format import format_reward
from leadline.rewards.overlong import overlong
from leadline.rewards.placebo import placebo
from leadline.rewards.reflection import Reflection, near_repeat_share, reflect, reflection, reflection_value
from leadline.rewards.reflection_words import BEHAVIOURS, TABLE
from leadline.rewards.repetition import find_repetition, repetition
from leadline.rewards.scorer import BonusWarning, Scorer
from leadline.rewards.user_functions import resolve

__all__ = [
    "BEHAVIOURS",
    "TABLE",
    "BonusWarning",
    "Reflection",
    "Scorer",
    "accuracy",
    "find_repetition",
    "format_reward",
    "near_repeat_share",
    "overlong",
    "placebo",
    "reflect",
    "reflection",
    "reflection_value",
    "repetition",
    "resolve",
]
