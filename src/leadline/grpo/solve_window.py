"""Which problems to ask next, so that the groups have right and wrong answers: ``rl.select: window``.

Each problem has a posterior of its solve rate, from its own past completions (those of the model before training among
them, where they are known) and, where it has few, from those of its level. A solve rate is drawn from each
posterior (Thompson sampling: what is little known is tried), and the problems whose group of G would most likely be
mixed for the tokens it takes are asked. Old completions are forgotten by and by: the model that gave them has changed.
This needs no torch.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from leadline.types import Problem

__all__ = ["SolveWindow", "mixed_chance"]

FORGET, FORGET_LEVEL = 0.99, 0.9
"""What a step leaves of the counts before it: of a problem's, which is asked now and then, and of a level's, which is
asked at every step and so needs no long memory."""

KNOWN_AT_MOST = 16.0
"""Completions that what is known of a problem beforehand counts for at most."""

STRENGTH = 4.0
"""Completions that a level's solve rate and mean length are worth for a problem of that level."""

ALL = "all"
"""Where the lengths of all completions are kept."""

RETIRED = 0.1
"""A problem is retired while its group would be mixed with a lower chance than this."""


def mixed_chance(rate: float, size: int) -> float:
    """Chance that a group of ``size`` completions holds a right and a wrong one, at this solve rate.

    >>> round(mixed_chance(0.5, 8), 3), mixed_chance(0.0, 8), mixed_chance(1.0, 8)
    (0.992, 0.0, 0.0)
    """
    return 1.0 - rate**size - (1.0 - rate) ** size


class _Past(NamedTuple):
    """What is left of the completions of a problem, or of a level: how many were right, wrong, measured; tokens."""

    right: float = 0.0
    wrong: float = 0.0
    measured: float = 0.0
    tokens: float = 0.0

    def faded(self, left: float) -> _Past:
        return _Past(*(left * one for one in self))


class SolveWindow:
    """Solve rates and lengths as they are known now.

    Args:
        size: completions a group.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._past: dict[str, _Past] = {}

    def choose(self, candidates: Sequence[Problem], count: int, rng: random.Random) -> list[Problem]:
        """The ``count`` candidates whose groups promise most mixed ones for their tokens, in the order they came in."""
        return [candidates[index] for index in self.pick(candidates, count, rng)]

    def pick(self, candidates: Sequence[Problem], count: int, rng: random.Random) -> list[int]:
        """Likewise, their places among the candidates."""
        drawn = []
        for problem in candidates:
            right, wrong = self._posterior(problem)
            chance = mixed_chance(rng.betavariate(right, wrong), self.size)
            drawn.append(chance / self.tokens(problem))
        return sorted(sorted(range(len(candidates)), key=lambda index: -drawn[index])[:count])

    def begin(self, known: Iterable[tuple[Problem, float, float]]) -> None:
        """Take in what is known of problems before the first step: (problem, right, completions), e.g. of a probe."""
        for problem, right, completions in known:
            share = min(1.0, KNOWN_AT_MOST / completions) if completions else 0.0
            self._add(problem, right * share, (completions - right) * share)

    def learn(
        self, seen: Iterable[tuple[Problem, bool | None]], lengths: Iterable[float] | None = None
    ) -> None:
        """Take in the completions of a step, right or not; None, which could not be graded, says nothing of the rate.

        Args:
            seen: each completion's problem and verdict.
            lengths: their tokens, in the same order; without them every problem takes as many.
        """
        for key, past in self._past.items():
            self._past[key] = past.faded(FORGET if key.startswith("id/") else FORGET_LEVEL)
        unknown: Iterable[float | None] = repeat(None)
        for (problem, correct), tokens in zip(seen, unknown if lengths is None else lengths, strict=False):
            if correct is not None:
                self._add(problem, float(correct), float(not correct))
            if tokens is not None:
                self._add(problem, measured=1.0, tokens=float(tokens))

    def retired(self, problems: Iterable[Problem]) -> list[str]:
        """Ids of the problems that are hardly ever asked now; one comes back when its counts are forgotten."""
        return [p.id for p in problems if mixed_chance(self.rate(p), self.size) < RETIRED]

    def rate(self, problem: Problem) -> float:
        """Posterior mean of the solve rate."""
        right, wrong = self._posterior(problem)
        return right / (right + wrong)

    def tokens(self, problem: Problem) -> float:
        """Tokens that a completion of the problem is expected to take; 1 where no length is known of any."""
        mean = 1.0
        for key in reversed(_keys(problem)):  # from all problems to this one: each speaks for what is in it
            past = self._past.get(key, _Past())
            strength = STRENGTH if key != ALL else 0.0
            if strength + past.measured:
                mean = (strength * mean + past.tokens) / (strength + past.measured)
        return max(mean, 1.0)

    def saved(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, as JSON."""
        return {key: list(value) for key, value in self._past.items()}

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """Go on from what :meth:`saved` gave."""
        self._past = {key: _Past(*map(float, value)) for key, value in state.items()}

    def _add(
        self,
        problem: Problem,
        right: float = 0.0,
        wrong: float = 0.0,
        measured: float = 0.0,
        tokens: float = 0.0,
    ) -> None:
        for key in _keys(problem):
            past = self._past.get(key, _Past())
            self._past[key] = _Past(
                past.right + right, past.wrong + wrong, past.measured + measured, past.tokens + tokens
            )

    def _posterior(self, problem: Problem) -> tuple[float, float]:
        """Parameters of the Beta posterior: the level's rate as a prior, and the problem's own completions."""
        own, level, _ = (self._past.get(key, _Past()) for key in _keys(problem))
        mean = (1.0 + level.right) / (2.0 + level.right + level.wrong)
        strength = min(STRENGTH, 2.0 + level.right + level.wrong)
        return strength * mean + own.right, strength * (1.0 - mean) + own.wrong


def _keys(problem: Problem) -> tuple[str, str, str]:
    """What is kept of a problem's completions: under itself, under its level and, for lengths, under all."""
    return f"id/{problem.id}", f"level/{problem.difficulty}", ALL
