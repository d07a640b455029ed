"""A model under training on a cell's asked problems: what an algorithm may do with it in one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from leadline.engine.learner import Learner, reference_k1
from leadline.engine.optimiser import Optimiser
from leadline.engine.prompts import Prompts
from leadline.engine.sampler import Rollouts, SamplingConfig, sample
from leadline.engine.supervised_trainer import Example, supervised_step
from leadline.grpo.advantages import group_advantages
from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.model import Decoder
from leadline.recipes.schema import OptimiserConfig
from leadline.seeds import python_rng, torch_rng
from leadline.studies.design.cell import ArmTask
from leadline.studies.design.source import EOS, Item, draw_distinct
from leadline.studies.experiment.pretraining import encoding_of, load_base

__all__ = ["Samples", "Student"]

_MICRO_TOKENS = 16_384


@dataclass(frozen=True)
class Samples:
    """Completions of some problems and which of them are right; row ``r`` answers ``items[rollouts.owner[r]]``."""

    items: list[Item]
    rollouts: Rollouts
    correct: Tensor

    def right(self) -> list[tuple[Item, list[int]]]:
        """The right completions: (problem, tokens with the end)."""
        rows = self.correct.nonzero()[:, 0].tolist()
        sizes = self.rollouts.lengths.tolist()
        return [
            (self.items[int(self.rollouts.owner[r])], self.rollouts.tokens[r, : sizes[r]].tolist())
            for r in rows
        ]


@dataclass
class Student:
    """The state of one arm. All randomness is a function of the seed, the step and its purpose.

    Attributes:
        task: what is trained.
        weights: of the base model.
        pool: the problems that are trained on; ``trained`` are those of them that are measured.
        visits: problem -> how many samples were drawn of it so far (N of test T3).
    """

    task: ArmTask
    weights: bytes
    visits: dict[Item, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        base = self.task.base
        self.cell, self.scale, self.seed = base.cell, base.scale, base.seed
        self.encoding = encoding_of(self.cell)
        self.model: Decoder = load_base(base, self.weights)
        self.reference: Decoder = load_base(base, self.weights)
        # A constant rate: what a run measured at 60 and at 600 steps was at 60 is then the 60-step run.
        settings = OptimiserConfig(learning_rate=self.scale.rate, weight_decay=0.0, warmup=0.0)
        self.optimiser = Optimiser(self.model.named_parameters(), settings, 1)
        # The same problems for every seed and algorithm of the cell, so that seeds differ by training alone.
        asked, scale = self.cell.asked, self.scale
        self.pool = draw_distinct(
            asked, python_rng("pool", "trained"), "trained", max(scale.pool, scale.trained), scale.trained
        )
        self.trained = self.pool[: scale.trained]
        self.held_out = draw_distinct(asked, python_rng("pool", "held_out"), "held_out", scale.held_out)

    def problems(self, step: int) -> list[Item]:
        """The trained problems of one step: distinct, a new draw every step."""
        rng = python_rng(self.seed, "problems", step)
        return rng.sample(self.pool, min(self.scale.prompts, len(self.pool)))

    def easier(self, step: int) -> list[Item]:
        """Problems of the cell's easier source, which only a curriculum asks for."""
        assert self.cell.easier is not None  # algorithms that need it are planned only where there is one
        return draw_distinct(
            self.cell.easier, python_rng(self.seed, "easier", step), "trained", self.scale.prompts
        )

    def sample(self, step: int, items: list[Item] | None = None) -> Samples:
        """G completions of every problem of this step, counted as visits."""
        items = self.problems(step) if items is None else items
        answers = [self.encoding.answer(item) for item in items]
        rollouts = sample(
            self.model,
            Prompts.pad([self.encoding.prompt(item) for item in items]),
            self.scale.group,
            SamplingConfig(max(map(len, answers))),
            eos=EOS,
            generator=torch_rng(self.seed, "rollouts", step),
        )
        for item in items:
            self.visits[item] = self.visits.get(item, 0) + self.scale.group
        said = zip(rollouts.tokens.tolist(), rollouts.lengths.tolist(), rollouts.owner.tolist(), strict=True)
        correct = [tokens[:size] == answers[owner] for tokens, size, owner in said]
        return Samples(items, rollouts, torch.tensor(correct))

    def reinforce(
        self,
        samples: Samples,
        step: int,
        advantage: AdvantageConfig,
        loss: LossConfig,
        correct: Tensor | None = None,
    ) -> None:
        """One policy-gradient step; ``correct`` replaces the verdicts (a reward that is not about correctness)."""
        rollouts = samples.rollouts
        bonus = None
        if loss.kl == "k1_in_reward":
            bonus = -loss.beta * reference_k1(self.reference, rollouts, 1.0, _MICRO_TOKENS)
        found = group_advantages(
            samples.correct if correct is None else correct,
            rollouts.lengths,
            rollouts.owner,
            answered=rollouts.finished,
            bonus=bonus,
            config=advantage,
        )
        learner = Learner(
            self.model,
            self.optimiser,
            loss,
            temperature=1.0,
            max_tokens=rollouts.tokens.shape[1],
            micro_tokens=_MICRO_TOKENS,
            reference=self.reference if loss.kl_in_loss else None,
        )
        learner.update(rollouts, found.advantage, torch.ones_like(rollouts.finished), step)

    def imitate(self, pairs: Sequence[tuple[Item, list[int]]], step: int) -> None:
        """One supervised step on (problem, completion) pairs; nothing happens without any."""
        if pairs:
            examples = [Example(self.encoding.prompt(item), answer) for item, answer in pairs]
            supervised_step(self.model, self.optimiser, examples, step=step, micro_tokens=_MICRO_TOKENS)
