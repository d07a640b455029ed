"""Which problems a stage trains on: a difficulty floor, and a window of measured solve rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from leadline.data.problems.duplicates import problem_key
from leadline.errors import ConfigError, DataError
from leadline.types import Problem

__all__ = ["LEAD_STAGES", "CurriculumStage", "Rates", "Selection", "solve_counts", "stated_rate"]

_RATE_COLUMNS = ("solve_rate", "correctness", "pass_rate", "accuracy")

Rates = Mapping[str, tuple[float, float]]
"""Problem id -> (correct, samples)."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The problems that a stage keeps, and how many it drops for which reason."""

    problems: list[Problem]
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CurriculumStage:
    """One stage of a curriculum.

    Attributes:
        name: for people.
        min_difficulty: problems below it are dropped; None: no floor.
        min_rate, max_rate: problems with a solve rate outside [min_rate, max_rate] are dropped; the defaults
            keep all.
        unknown: what becomes of a problem whose difficulty or solve rate is needed and not known: kept,
            dropped, or the whole set refused.
    """

    name: str
    min_difficulty: float | None = None
    min_rate: float = 0.0
    max_rate: float = 1.0
    unknown: Literal["keep", "drop", "refuse"] = "refuse"

    def __post_init__(self) -> None:
        if not 0 <= self.min_rate <= self.max_rate <= 1:
            raise ConfigError(
                f"stage {self.name!r}: needs 0 <= min_rate <= max_rate <= 1, got {self.min_rate} and {self.max_rate}"
            )
        if self.unknown not in ("keep", "drop", "refuse"):
            raise ConfigError(
                f"stage {self.name!r}: unknown must be keep, drop or refuse, got {self.unknown!r}"
            )

    def select(
        self, problems: Iterable[Problem], counts: Rates | None = None, *, extra: Sequence[Problem] = ()
    ) -> Selection:
        """The problems of this stage, in their order, followed by ``extra`` (a hard external set) without repeats.

        Args:
            problems: the problem set.
            counts: problem id -> (correct, samples) as measured; where a problem has none, the rate that its
                own source states (``stated_rate``) is taken.
            extra: kept whatever their difficulty and rate.

        Raises:
            DataError: no problem is left, or ``unknown="refuse"`` and some difficulty or rate is not known.
        """
        kept: list[Problem] = []
        dropped: Counter[str] = Counter()
        unknown: list[str] = []
        for problem in problems:
            why = self._why_not(problem, counts or {})
            if why == "unknown" and self.unknown == "refuse":
                unknown.append(problem.id)
            elif why is None or (why == "unknown" and self.unknown == "keep"):
                kept.append(problem)
            else:
                dropped[why] += 1
        if unknown:
            shown = ", ".join(repr(name) for name in unknown[:5])
            raise DataError(
                f"stage {self.name!r}: {len(unknown)} problems have no known difficulty or rate: {shown}"
            )
        seen = {problem_key(problem) for problem in kept}
        kept += [problem for problem in extra if problem_key(problem) not in seen]
        if not kept:
            raise DataError(f"stage {self.name!r} keeps none of the problems: {dict(dropped)}")
        return Selection(kept, dict(dropped))

    def _why_not(self, problem: Problem, counts: Rates) -> str | None:
        """Why this stage drops the problem, or None if it keeps it."""
        if self.min_difficulty is not None:
            if problem.difficulty is None:
                return "unknown"
            if problem.difficulty < self.min_difficulty:
                return "too easy"
        if (self.min_rate, self.max_rate) != (0.0, 1.0):
            rate = _rate(problem, counts)
            if rate is None:
                return "unknown"
            if rate > self.max_rate:
                return "solved too often"
            if rate < self.min_rate:
                return "solved too rarely"
        return None


# arXiv 2504.09696: stage 1 drops difficulty below 2.5; stage 2 keeps measured solve rates up to 75 % and adds a hard
# external set (``extra``). It also pays -1.5 for repetition and pauses the length term: that is the arm's to say.
LEAD_STAGES: tuple[CurriculumStage, CurriculumStage] = (
    CurriculumStage("stage 1", min_difficulty=2.5),
    CurriculumStage("stage 2", max_rate=0.75),
)


def solve_counts(rows: Iterable[tuple[str, bool | None]]) -> dict[str, tuple[float, float]]:
    """(correct, samples) by problem id from graded samples; an unscorable one (None) counts as wrong.

    >>> solve_counts([("p", True), ("p", False), ("q", None)])
    {'p': (1.0, 2.0), 'q': (0.0, 1.0)}
    """
    tally: dict[str, list[int]] = {}
    for name, correct in rows:
        cell = tally.setdefault(name, [0, 0])
        cell[0] += correct is True
        cell[1] += 1
    return {name: (float(c), float(n)) for name, (c, n) in tally.items()}


def stated_rate(problem: Problem) -> float | None:
    """The solve rate that the problem's own source states, in [0, 1], or None."""
    for column in _RATE_COLUMNS:
        value = problem.meta.get(column)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            return float(value)
    return None


def _rate(problem: Problem, counts: Rates) -> float | None:
    correct, samples = counts.get(problem.id, (0.0, 0.0))
    return correct / samples if samples > 0 else stated_rate(problem)
