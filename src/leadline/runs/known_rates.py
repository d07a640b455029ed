"""What is known of the training problems' solve rates before the first step: from samples, else from their source."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.data import ProblemSet
from leadline.data.problems.curriculum import Rates, stated_rate
from leadline.data.samples.foreign import SampleReading
from leadline.data.samples.sources import load_counts
from leadline.errors import DataError
from leadline.types import Problem

__all__ = ["KnownRate", "known_rates", "measured_rates"]

KnownRate = tuple[Problem, float, float]
"""Problem, right completions, completions."""

STATED_COMPLETIONS = 8.0
"""Completions that a rate counts for which the problems' own source states without their number."""


def measured_rates(samples: str | None, problems: ProblemSet) -> Rates:
    """Problem id -> (right, completions) of a sample file, as far as it has samples of these problems.

    Raises:
        DataError: rows that cannot be used, or not one of the problems.
    """
    if samples is None:
        return {}
    counts = load_counts(samples, reading=SampleReading(problems=problems.problems))
    ours = {problem.id for problem in problems}
    found = zip(counts.ids, counts.c.tolist(), counts.n.tolist(), strict=True)
    rates = {name: (float(right), float(number)) for name, right, number in found if name in ours}
    if not rates:
        raise DataError(
            f"data.samples: {samples}: no sample of a problem of {problems.name}: its problem_id is {counts.ids[0]!r}, "
            f"that of the first problem {problems.problems[0].id!r}"
        )
    return rates


def known_rates(problems: Sequence[Problem], measured: Rates) -> tuple[KnownRate, ...]:
    """Of the problems whose solve rate somebody measured."""
    known: list[KnownRate] = []
    for problem in problems:
        stated = stated_rate(problem)
        if problem.id in measured:
            known.append((problem, *measured[problem.id]))
        elif stated is not None:
            known.append((problem, stated * STATED_COMPLETIONS, STATED_COMPLETIONS))
    return tuple(known)
