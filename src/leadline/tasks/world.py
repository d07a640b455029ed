"""A world as the stages see it: training problems, worked traces and test problems, all functions of a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from leadline.tasks.chain import OPERATIONS, Chain, Split, sample_chain
from leadline.tasks.traces import TraceStyle, trace, wrap
from leadline.types import Problem

__all__ = ["ChainWorld"]


@dataclass(frozen=True, slots=True)
class ChainWorld:
    """Chain problems of between ``steps[0]`` and ``steps[1]`` operations.

    Attributes:
        steps: fewest and most operations; drawn evenly.
        slip: probability that a step of a training trace is wrong.
        checks: each training trace checks its steps with one of these probabilities.
    """

    steps: tuple[int, int] = (1, 6)
    slip: float = 0.15
    checks: tuple[float, ...] = (0.0, 0.5, 1.0)

    @property
    def pieces(self) -> list[str]:
        """Words that the tokenizer of this world keeps whole."""
        return [f" {name}" for name in OPERATIONS] + [" check ", " fix "]

    def problems(
        self, rng: random.Random, count: int, split: Split, most: int | None = None
    ) -> list[Problem]:
        """Distinct problems of one side of the split, as many of each difficulty as ``count`` allows."""
        fewest, most = self.steps[0], min(most or self.steps[1], self.steps[1])
        sizes = [fewest + index % (most - fewest + 1) for index in range(count)]
        drawn: dict[str, Chain] = {}
        for size in sizes:
            chain = sample_chain(rng, size, split)
            while chain.prompt in drawn:
                chain = sample_chain(rng, size, split)
            drawn[chain.prompt] = chain
        return [_problem(chain) for chain in drawn.values()]

    def examples(self, rng: random.Random, count: int, most: int | None = None) -> list[tuple[Problem, str]]:
        """Training problems, each with a completion to learn from: noisy traces, some of them checked."""
        most = min(most or self.steps[1], self.steps[1])
        return [self._example(rng, rng.randint(self.steps[0], most)) for _ in range(count)]

    def _example(self, rng: random.Random, steps: int) -> tuple[Problem, str]:
        chain = sample_chain(rng, steps, "train")
        style = TraceStyle(slip=self.slip, check=rng.choice(self.checks))
        return _problem(chain), wrap(*trace(chain, style, rng))


def _problem(chain: Chain) -> Problem:
    thinking, answer = trace(chain, TraceStyle(), random.Random(0))
    return Problem(
        id=chain.prompt.strip(),
        prompt=chain.prompt,
        answer=answer,
        solution=thinking,
        difficulty=float(len(chain.operations)),
    )
