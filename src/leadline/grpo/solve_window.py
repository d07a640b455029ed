"""Which problems to ask next, so that the groups have right and wrong answers: ``rl.select: window``.

Each problem has a posterior of its solve rate, from its own past completions (those of the model before training among
them, where they are known) and, where it has few, from those of its level. A solve rate is drawn from each
posterior (Thompson sampling: what is little known is tried), and the problems whose group of G would most likely be
mixed are asked. Old completions are forgotten by and by: the model that gave them has changed. This needs no torch.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from leadline.types import Problem

__all__ = ["SolveWindow", "mixed_chance"]

FORGET, FORGET_LEVEL = 0.99, 0.9
"""What a step leaves of the counts before it: of a problem's, which is asked now and then, and of a level's, which is
asked at every step and so needs no long memory."""

KNOWN_AT_MOST = 16.0
"""Completions that what is known of a problem beforehand counts for at most."""

STRENGTH = 4.0
"""Completions that a level's solve rate is worth for a problem of that level."""

RETIRED = 0.1
"""A problem is retired while its group would be mixed with a lower chance than this."""


def mixed_chance(rate: float, size: int) -> float:
    """Chance that a group of ``size`` completions holds a right and a wrong one, at this solve rate.

    >>> round(mixed_chance(0.5, 8), 3), mixed_chance(0.0, 8), mixed_chance(1.0, 8)
    (0.992, 0.0, 0.0)
    """
    return 1.0 - rate**size - (1.0 - rate) ** size


class SolveWindow:
    """Solve rates as they are known now.

    Args:
        size: completions a group.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._counts: dict[str, tuple[float, float]] = {}

    def choose(self, candidates: Sequence[Problem], count: int, rng: random.Random) -> list[Problem]:
        """The ``count`` candidates whose groups look most likely to be mixed, in the order they came in."""
        return [candidates[index] for index in self.pick(candidates, count, rng)]

    def pick(self, candidates: Sequence[Problem], count: int, rng: random.Random) -> list[int]:
        """Likewise, their places among the candidates.

        Where few problems are asked in turn, one is several times among them: again only once the others are asked.
        """
        drawn = []
        for problem in candidates:
            right, wrong = self._posterior(problem)
            drawn.append(mixed_chance(rng.betavariate(right, wrong), self.size))
        times: Counter[str] = Counter()
        again = []
        for problem in candidates:
            again.append(times[problem.id])
            times[problem.id] += 1
        return sorted(sorted(range(len(candidates)), key=lambda index: (again[index], -drawn[index]))[:count])

    def begin(self, known: Iterable[tuple[Problem, float, float]]) -> None:
        """Take in what is known of problems before the first step: (problem, right, completions), e.g. of a probe."""
        for problem, right, completions in known:
            share = min(1.0, KNOWN_AT_MOST / completions) if completions else 0.0
            self._add(problem, right * share, (completions - right) * share)

    def learn(self, seen: Iterable[tuple[Problem, bool | None]]) -> None:
        """Take in the completions of a step, right or not; None, which could not be graded, says nothing."""
        for key, (right, wrong) in self._counts.items():
            left = FORGET if key.startswith("id/") else FORGET_LEVEL
            self._counts[key] = (right * left, wrong * left)
        for problem, correct in seen:
            if correct is not None:
                self._add(problem, float(correct), float(not correct))

    def retired(self, problems: Iterable[Problem]) -> list[str]:
        """Ids of the problems that are hardly ever asked now; one comes back when its counts are forgotten."""
        return [p.id for p in problems if mixed_chance(self.rate(p), self.size) < RETIRED]

    def rate(self, problem: Problem) -> float:
        """Posterior mean of the solve rate."""
        right, wrong = self._posterior(problem)
        return right / (right + wrong)

    def saved(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, as JSON."""
        return {key: list(value) for key, value in self._counts.items()}

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """Go on from what :meth:`saved` gave."""
        self._counts = {key: (float(value[0]), float(value[1])) for key, value in state.items()}

    def _add(self, problem: Problem, right: float, wrong: float) -> None:
        for key in _keys(problem):
            before = self._counts.get(key, (0.0, 0.0))
            self._counts[key] = (before[0] + right, before[1] + wrong)

    def _posterior(self, problem: Problem) -> tuple[float, float]:
        """Parameters of the Beta posterior: the level's rate as a prior, and the problem's own completions."""
        own, level = _keys(problem)
        level_right, level_wrong = self._counts.get(level, (0.0, 0.0))
        mean = (1.0 + level_right) / (2.0 + level_right + level_wrong)
        strength = min(STRENGTH, 2.0 + level_right + level_wrong)
        right, wrong = self._counts.get(own, (0.0, 0.0))
        return strength * mean + right, strength * (1.0 - mean) + wrong


def _keys(problem: Problem) -> tuple[str, str]:
    return f"id/{problem.id}", f"level/{problem.difficulty}"
