"""Answers to problems that no completion got right, waiting to be imitated: an arm's ``lift``.

Every step the answers to its failed problems are queued; once as many wait as a step has problems, the oldest of them
are one step of imitation, behind the policy's update. Source: ReLIFT, arXiv 2506.07527.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadline.engine.supervised_trainer import Example
from leadline.model.codec import Codec
from leadline.types import Problem, Score

__all__ = ["Answers", "Lift", "failed_problems"]

Answers = Callable[[Sequence[Problem], int], Iterable[tuple[Problem, str]]]
"""Failed problems and the step -> those of them that there is an answer to, with its text."""


@dataclass
class Lift:
    """The queue of an arm.

    Attributes:
        answers: where answers come from.
        codec: of the model.
        batch: how many are imitated at a time.
        longest: tokens; a longer answer is left out, for the policy could not give it under its cap.
    """

    answers: Answers
    codec: Codec
    batch: int
    longest: int
    queue: list[Example] = field(default_factory=list, init=False)

    def learn(self, problems: Sequence[Problem], scores: Sequence[Score], step: int) -> None:
        """Take in a step's completions, row by row: queue answers to the problems that failed."""
        pairs = list(self.answers(failed_problems(problems, scores), step))
        if not pairs:
            return
        prompts = self.codec.encode_prompts([problem for problem, _ in pairs])
        completions = self.codec.encode_completions([text for _, text in pairs])
        self.queue += [
            Example(prompt, completion)
            for prompt, completion in zip(prompts, completions, strict=True)
            if len(completion) <= self.longest
        ]

    def due(self) -> list[Example]:
        """The next batch, taken from the queue; empty while fewer wait."""
        if len(self.queue) < self.batch:
            return []
        due, self.queue = self.queue[: self.batch], self.queue[self.batch :]
        return due

    def saved(self) -> list[list[list[int]]]:
        """All that :meth:`restore` needs, as JSON."""
        return [[example.prompt, example.completion] for example in self.queue]

    def restore(self, state: Any) -> None:
        """Go on from what :meth:`saved` gave."""
        self.queue = [Example(list(prompt), list(completion)) for prompt, completion in state]


def failed_problems(problems: Sequence[Problem], scores: Sequence[Score]) -> list[Problem]:
    """The problems, each once, none of whose completions is right; those that cannot be graded are left out."""
    failed: dict[str, Problem] = {}
    solved: set[str] = set()
    for problem, score in zip(problems, scores, strict=True):
        if score.correct is not None:
            failed[problem.id] = problem
        if score.correct:
            solved.add(problem.id)
    return [problem for name, problem in failed.items() if name not in solved]
