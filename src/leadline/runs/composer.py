"""The model composed with itself: failed problems, answered in two parts by the frozen model that an arm began from.

How a problem falls into parts is a user's function; whether the composed answer is right is the arm's scorer's verdict.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from leadline.engine.scored_batch import Scores
from leadline.recipes.schema import PolicyConfig
from leadline.samplers import Sampler, Sampling
from leadline.seeds import python_rng
from leadline.types import Completion, Problem

__all__ = ["Composer", "Parts"]


def _second(first: str, rest: str) -> str:
    return rest


class Parts(NamedTuple):
    """A problem in two parts; what ``lift: module:function`` returns for it.

    Attributes:
        first: the prompt of the first part.
        rest: a completion of the first part -> the prompt of the rest; None where the completion is of no use.
        join: the two completions -> the completion of the whole, which is graded and imitated; the second one alone,
            if nothing else is said.
    """

    first: str
    rest: Callable[[str], str | None]
    join: Callable[[str, str], str] = _second


TakeApart = Callable[[Problem, random.Random], Parts | None]


@dataclass(frozen=True)
class Composer:
    """Answers to failed problems, for :class:`leadline.engine.lift.Lift`; the same ones for the same step.

    Attributes:
        split: problem and generator -> its parts, or None for a problem that has none.
        sampler: of the frozen model.
        scorer: of the arm.
        rl: how completions are drawn: half as many chains a problem as a group has completions.
        seed: of the run.
    """

    split: TakeApart
    sampler: Sampler
    scorer: Scores
    rl: PolicyConfig
    seed: int

    def __call__(self, failed: Sequence[Problem], step: int) -> list[tuple[Problem, str]]:
        """The first right chain of every problem that has one."""
        chains = list(self._chains(failed, step))
        scores = self.scorer.score([problem for problem, _ in chains], [said for _, said in chains])
        right: dict[str, tuple[Problem, str]] = {}
        for (problem, said), score in zip(chains, scores, strict=True):
            if score.correct:
                right.setdefault(problem.id, (problem, said.text))
        return list(right.values())

    def _chains(self, failed: Sequence[Problem], step: int) -> Iterator[tuple[Problem, Completion]]:
        cut = {
            problem.id: (problem, parts)
            for problem in failed
            if (parts := self.split(problem, python_rng(self.seed, "parts", step, problem.id))) is not None
        }
        heads = [Problem(name, parts.first, "") for name, (_, parts) in cut.items()]
        begun: dict[str, Completion] = {}
        asked: list[Problem] = []
        for number, said in enumerate(self._draw(heads, self.rl.group_size // 2, "first parts", step)):
            prompt = cut[said.problem_id][1].rest(said.text)
            if prompt is not None:
                asked.append(Problem(f"{number}/{said.problem_id}", prompt, ""))
                begun[asked[-1].id] = said
        for rest in self._draw(asked, 1, "second parts", step):
            first = begun[rest.problem_id]
            problem, parts = cut[first.problem_id]
            text = parts.join(first.text, rest.text)
            yield problem, Completion(problem.id, text, first.n_tokens + rest.n_tokens)

    def _draw(self, problems: Sequence[Problem], count: int, purpose: str, step: int) -> list[Completion]:
        """Finished completions, in an order that does not depend on who drew them first."""
        if not problems:
            return []
        seed = python_rng(self.seed, purpose, step).getrandbits(62)
        drawn = self.sampler.generate(
            problems, count, Sampling(self.rl.max_tokens, self.rl.temperature, seed=seed)
        )
        place = {problem.id: index for index, problem in enumerate(problems)}
        ordered = sorted(drawn, key=lambda draw: (place[draw.completion.problem_id], draw.index))
        return [draw.completion for draw in ordered if draw.completion.finished]
