"""From rollouts to completions, scores and advantages: the only place where the engine meets texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from leadline.engine.sampler import Rollouts
from leadline.grpo.advantages import Advantages
from leadline.grpo.weighing import Weighed, Weigher
from leadline.model.codec import Codec
from leadline.types import Completion, Problem, SampleRow, Score

__all__ = ["ScoredBatch", "Scores", "completions_of", "weighed"]


class Scores(Protocol):
    """What the loop needs of a scorer (:class:`leadline.rewards.Scorer` has it)."""

    def score(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[Score]: ...


@dataclass(frozen=True)
class ScoredBatch:
    """Rollouts with all that is known of them, row by row.

    Attributes:
        kept: bool ``[N]`` of the prompts, those whose groups the update is made of; None = all.
    """

    problems: list[Problem]
    rollouts: Rollouts
    completions: list[Completion]
    scores: list[Score]
    advantages: Advantages
    length_metrics: Mapping[str, float | None]
    kept: Tensor | None = None

    def to_learn(self) -> tuple[Rollouts, Tensor]:
        """The rollouts that the update is made of, and their advantages ``[R]``."""
        advantage = self.advantages.advantage.to(self.rollouts.owner.device)
        if self.kept is None:
            return self.rollouts, advantage
        rollouts, rows = self.rollouts.of_prompts(self.kept.to(advantage.device))
        return rollouts, advantage[rows]

    def rows(self, arm: str, step: int, prompt_text: Callable[[Problem], str]) -> list[dict[str, Any]]:
        """One JSON row a completion, as ``samples/<arm>/step-*.jsonl.gz`` holds them."""
        rewards = self.advantages.reward.tolist()
        advantages = self.advantages.advantage.tolist()
        earned = [
            {"arm": arm, "step": step, "reward": reward, "advantage": advantage}
            for reward, advantage in zip(rewards, advantages, strict=True)
        ]
        return [
            SampleRow.of(problem, completion, score, prompt_text(problem), **context).to_row()
            for problem, completion, score, context in zip(
                self.problems, self.completions, self.scores, earned, strict=True
            )
        ]


def completions_of(problems: Sequence[Problem], rollouts: Rollouts, codec: Codec) -> list[Completion]:
    """Decode the rollouts; ``problems[r]`` is the problem of row r."""
    texts = codec.decode(rollouts.tokens, rollouts.lengths, rollouts.finished)
    rows = zip(
        problems,
        texts,
        rollouts.lengths.tolist(),
        rollouts.finished.tolist(),
        rollouts.logprobs.sum(1).tolist(),
        strict=True,
    )
    return [
        Completion(problem.id, text, length, finished, logprob)
        for problem, text, length, finished, logprob in rows
    ]


def weighed(
    scores: Sequence[Score],
    owner: Tensor,
    weigher: Weigher,
    penalty: Tensor | None = None,
    *,
    learn: bool = True,
) -> Weighed:
    """Scores and group ids to advantages; ``penalty [R]`` is taken off the bonus (KL in the reward).

    ``learn`` False leaves the weigher's memory as it is.
    """
    bonus = torch.tensor([score.bonus for score in scores])
    return weigher(
        torch.tensor([score.correct is True for score in scores]),
        torch.tensor([score.length for score in scores]),
        owner.cpu(),
        scorable=torch.tensor([score.correct is not None for score in scores]),
        answered=torch.tensor([score.answered for score in scores]),
        bonus=bonus if penalty is None else bonus - penalty.cpu(),
        learn=learn,
    )
