"""One step's batch: which problems are asked, what the model answers, what that earns (``rl.select``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from leadline.engine.learner import Learner, reference_k1
from leadline.engine.prompts import Prompts
from leadline.engine.sampler import Rollouts, SamplingConfig, sample
from leadline.engine.scored_batch import ScoredBatch, Scores, completions_of, weighed
from leadline.grpo.refill import refill
from leadline.grpo.solve_window import SolveWindow
from leadline.grpo.weighing import Weigher
from leadline.model.codec import Codec
from leadline.recipes.schema import PolicyConfig
from leadline.seeds import python_rng, torch_rng
from leadline.types import Completion, Problem, Score

__all__ = ["Collector"]


@dataclass(frozen=True)
class _Drawn:
    """Rollouts and their scores; ``owners[r]`` is the problem of row r."""

    owners: list[Problem]
    rollouts: Rollouts
    completions: list[Completion]
    scores: list[Score]


@dataclass
class Collector:
    """Draws and scores the completions of each step of one arm.

    Attributes: as those of :class:`~leadline.engine.policy_trainer.PolicyTrainer`;

        weigher: of the arm, which is told of every batch once.
        window: solve rates as they are known now, for ``select: window``.
        retired: share of the last step's candidates that are hardly ever asked now; None without a window.
    """

    seed: int
    learner: Learner
    codec: Codec
    config: PolicyConfig
    scorer: Scores
    problems: Callable[[int], list[Problem]]
    weigher: Weigher
    window: SolveWindow = field(init=False)
    retired: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.window = SolveWindow(self.config.group_size)

    def collect(self, step: int) -> ScoredBatch:
        """The batch of one step, drawn with that step's noise."""
        candidates, kept = self.problems(step), None
        if self.config.select == "refill":
            drawn, kept = self._refilled(candidates, step)
        else:
            drawn = self._draw(self._chosen(candidates, step), step)
        if self.config.select == "window":
            self.window.learn((p, s.correct) for p, s in zip(drawn.owners, drawn.scores, strict=True))
        penalty = None
        if self.learner.config.kl == "k1_in_reward" and self.learner.reference is not None:
            k1 = reference_k1(
                self.learner.reference, drawn.rollouts, self.config.temperature, self.config.micro_tokens
            )
            penalty = self.learner.config.beta * k1
        advantages, length_metrics = weighed(drawn.scores, drawn.rollouts.owner, self.weigher, penalty)
        return ScoredBatch(
            drawn.owners, drawn.rollouts, drawn.completions, drawn.scores, advantages, length_metrics, kept
        )

    def _chosen(self, candidates: list[Problem], step: int) -> list[Problem]:
        """The problems that are asked, of those that a step may ask."""
        if self.config.select != "window":
            return candidates
        self.retired = len(self.window.retired(candidates)) / len(candidates)
        return self.window.choose(candidates, self.config.prompts, python_rng(self.seed, "select", step))

    def _refilled(self, candidates: Sequence[Problem], step: int) -> tuple[_Drawn, Tensor]:
        """Asks on until ``prompts`` groups have a signal (:mod:`leadline.grpo.refill`), and bool ``[N]``, which."""
        rounds: list[_Drawn] = []
        live: list[Tensor] = []

        def ask(problems: Sequence[Problem]) -> int:
            rounds.append(self._draw(problems, step, len(rounds)))
            live.append(self._live_groups(rounds[-1]))
            return int(live[-1].sum())

        refill(candidates, self.config.prompts, ask)
        together = _Drawn(
            [owner for part in rounds for owner in part.owners],
            Rollouts.joined([part.rollouts for part in rounds]),
            [completion for part in rounds for completion in part.completions],
            [score for part in rounds for score in part.scores],
        )
        return together, torch.cat(live)

    def _draw(self, problems: Sequence[Problem], step: int, again: int = 0) -> _Drawn:
        """Answers to these problems; ``again`` counts the rounds of one step, which have different noise."""
        model, device = self.learner.model, self.learner.model.device
        noise = ("rollouts", step, *(("round", again) if again else ()))
        rollouts = sample(
            model,
            Prompts.pad(self.codec.encode_prompts(problems), device),
            self.config.group_size,
            SamplingConfig(self.config.max_tokens, self.config.temperature),
            eos=self.codec.eos,
            generator=torch_rng(self.seed, *noise, device=device),
        )
        owners = [problems[index] for index in rollouts.owner.tolist()]
        completions = completions_of(owners, rollouts, self.codec)
        return _Drawn(owners, rollouts, completions, self.scorer.score(owners, completions))

    def _live_groups(self, drawn: _Drawn) -> Tensor:
        """bool ``[N]``: whose completions did not all earn the same, as the arm's own advantages see it."""
        out, _ = weighed(drawn.scores, drawn.rollouts.owner, self.weigher, learn=False)
        return out.live.view(-1, self.config.group_size)[:, 0].cpu()
