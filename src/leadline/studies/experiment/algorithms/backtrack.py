"""Prefixes of the reference answer: as much is revealed as makes a group mixed, and less with every success."""

from __future__ import annotations

import torch

from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.studies.design.source import Item
from leadline.studies.experiment.student import Samples, Student, completions

__all__ = ["backtrack", "next_level"]


def backtrack(student: Student, step: int) -> None:
    """GRPO; half of the problems are asked behind a prefix of their reference answer, the others as they are.

    The prefix starts as all letters but the last. Finding an answer then costs the sum of its steps' odds instead of
    their product. Sources: AdaBack (arXiv 2506.18110) for the levels, POPE (2601.18779) for the half without.
    """
    items = student.problems(step)
    guided = items[: len(items) // 2]
    levels: dict[Item, int] = student.memory.setdefault("levels", {})
    shown = [levels.setdefault(item, len(item.state) - 1) for item in guided] + [0] * (
        len(items) - len(guided)
    )
    prefixes = [
        student.reference_answer(item)[:level] if level else []
        for item, level in zip(items, shown, strict=True)
    ]
    rollouts = student.draw(items, student.scale.group, step, "rollouts", prefixes=prefixes)
    verdicts = [
        student.accepts(items[owner], prefixes[owner] + said) for owner, said in completions(rollouts)
    ]
    right = torch.tensor(verdicts).view(len(items), -1).sum(1).tolist()
    for index, item in enumerate(items):
        if index < len(guided):
            levels[item] = next_level(shown[index], right[index], student.scale.group, len(item.state) - 1)
        if not shown[index]:
            student.visits[item] = student.visits.get(item, 0) + student.scale.group
    student.reinforce(
        Samples(items, rollouts, torch.tensor(verdicts)), step, AdvantageConfig.grpo(), LossConfig()
    )


def next_level(shown: int, right: int, group: int, most: int) -> int:
    """How many letters to reveal next time: one fewer when half of the group was right, one more when none was.

    >>> [next_level(2, right, 8, 3) for right in (0, 1, 3, 4, 8)]
    [3, 2, 2, 1, 1]
    """
    if 2 * right >= group:
        return max(0, shown - 1)
    return min(most, shown + 1) if right == 0 else shown
