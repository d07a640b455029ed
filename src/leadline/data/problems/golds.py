"""Is a reference answer usable: does it parse, and is it graded correct against itself."""

from __future__ import annotations

from collections.abc import Iterable

from leadline.grading import Grader, gold_fault
from leadline.types import ANSWER_TAGS

__all__ = ["unusable_golds"]


def unusable_golds(golds: Iterable[str], grader: Grader) -> dict[str, str]:
    """Why each unusable reference answer is so; those that are fine are left out.

    A gold is fine when it can be graded against, and when a response that states it, in a box or in answer
    tags, is graded correct. Each different gold is graded once.
    """
    unique = list(dict.fromkeys(golds))
    unreadable = ((gold, gold_fault(gold)) for gold in unique)
    faults = {gold: f"the gold {gold[:80]!r}: {why}" for gold, why in unreadable if why is not None}
    doubtful = {gold: "" for gold in unique if gold not in faults}
    for before, after in (("\\boxed{", "}"), ANSWER_TAGS):
        grades = grader.grade_many([(before + gold + after, gold) for gold in doubtful])
        doubtful = {
            gold: f"the gold {gold[:80]!r} is not graded correct against itself ({grade.reason})"
            for gold, grade in zip(doubtful, grades, strict=True)
            if not grade.correct
        }
    return faults | doubtful
