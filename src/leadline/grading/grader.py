"""The grader: cheap exact comparison here, algebra in workers that can be killed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from types import TracebackType
from typing import Self

from leadline.grading.extract import extract_answer
from leadline.grading.verdict import Comparison, Grade, Reason

__all__ = ["Grader", "gold_fault", "grade"]


def _canonical(text: str) -> str:
    text = text.strip().strip("$").replace(" ", "").replace(",", "")
    try:
        return str(Fraction(text))
    except (ValueError, ZeroDivisionError):
        return text


class Grader:
    """Grades answers; safe to share among threads."""

    def __init__(self, workers: int = 1, timeout_s: float = 1.0, memory_mb: int = 1024) -> None:
        self.workers, self.timeout_s, self.memory_mb = workers, timeout_s, memory_mb

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers."""

    def grade_many(
        self,
        pairs: Iterable[tuple[str, str]],
        *,
        finished: Sequence[bool] | None = None,
        comparison: Comparison | None = None,
    ) -> list[Grade]:
        """Grade ``(response, gold)`` pairs; the order is kept; never raises on content."""
        rows = list(pairs)
        flags = [True] * len(rows) if finished is None else list(finished)
        return [self._one(response, gold, flag) for (response, gold), flag in zip(rows, flags, strict=True)]

    def _one(self, response: str, gold: str, finished: bool) -> Grade:
        if not finished:
            return Grade(False, Reason.truncated, None)
        if gold_fault(gold) is not None:
            return Grade(None, Reason.unparsable_gold, None)
        answer = extract_answer(response)
        if answer is None:
            return Grade(False, Reason.no_answer, None)
        same = _canonical(answer) == _canonical(extract_answer(gold) or gold)
        return Grade(same, Reason.match if same else Reason.mismatch, _canonical(answer))


def grade(response: str, gold: str, *, finished: bool = True) -> Grade:
    """Grade one response against its gold answer."""
    return Grader().grade_many([(response, gold)], finished=[finished])[0]


def gold_fault(gold: str) -> str | None:
    """Why ``gold`` cannot be graded against, or None if it can."""
    return None if gold.strip() else "the gold is empty"
