"""The accuracy reward: 1 for a right final answer."""

from __future__ import annotations

from leadline.grading import grade
from leadline.types import Completion, text_of

__all__ = ["accuracy"]


def accuracy(completion: str | Completion, gold: str) -> float:
    """1.0 if the final answer equals ``gold`` by :func:`leadline.grade`, else 0.0.

    A truncated completion (``finished=False``) is wrong (decision "Truncated completions"). A reference answer that
    cannot be graded against gives 0.0 too: whether a row is scorable at all is in ``Score.correct``, which
    :class:`leadline.rewards.Scorer` fills.

    >>> accuracy(r"So it is \\boxed{42}.", "42"), accuracy(r"So it is \\boxed{41}.", "42")
    (1.0, 0.0)
    """
    finished = True if isinstance(completion, str) else completion.finished
    return float(grade(text_of(completion), gold, finished=finished).correct is True)
