"""A model under training on a cell's asked problems: what an algorithm may do with it in one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

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
from leadline.studies.experiment.tally import Tally

__all__ = ["Answered", "Samples", "Student", "completions"]

Answered = tuple[Item, list[int]]
"""A problem and a completion of it, end-of-sequence included."""

_MICRO_TOKENS = 16_384


@dataclass(frozen=True)
class Samples:
    """Completions of some problems and which of them are right; row ``r`` answers ``items[rollouts.owner[r]]``."""

    items: list[Item]
    rollouts: Rollouts
    correct: Tensor

    def right(self) -> list[Answered]:
        """The right completions."""
        rows = self.correct.nonzero()[:, 0].tolist()
        said = completions(self.rollouts)
        return [(self.items[said[row][0]], said[row][1]) for row in rows]

    def failed(self) -> list[Item]:
        """The problems whose group had no right answer."""
        solved = set(self.rollouts.owner[self.correct].tolist())
        return [item for index, item in enumerate(self.items) if index not in solved]


def completions(rollouts: Rollouts) -> list[tuple[int, list[int]]]:
    """Row by row: which prompt it answers, and its tokens."""
    rows = zip(rollouts.owner.tolist(), rollouts.tokens.tolist(), rollouts.lengths.tolist(), strict=True)
    return [(owner, tokens[:size]) for owner, tokens, size in rows]


@dataclass
class Student:
    """The state of one arm. All randomness is a function of the seed, the step and its purpose.

    Attributes:
        task: what is trained.
        weights: of the base model.
        pool: the problems that are trained on; ``trained`` are those of them that are measured.
        visits: problem -> how many samples were drawn of it so far (N of test T3).
        tally: what has been spent so far.
        memory: what an algorithm keeps from step to step, by a name of its own.
    """

    task: ArmTask
    weights: bytes
    visits: dict[Item, int] = field(default_factory=dict, init=False)
    tally: Tally = field(default_factory=Tally, init=False)
    memory: dict[str, Any] = field(default_factory=dict, init=False)

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

    def reference_answer(self, item: Item) -> list[int]:
        """The reference answer of a problem, to be learned from; counted each time."""
        self.tally.references += 1
        return self.encoding.answer(item)

    def accepts(self, item: Item, said: list[int]) -> bool:
        """The grader's verdict on a completion."""
        return said == self.encoding.answer(item)

    def draw(
        self,
        items: Sequence[Item],
        count: int,
        step: int,
        purpose: str,
        *,
        model: Decoder | None = None,
        prefixes: Sequence[list[int]] | None = None,
    ) -> Rollouts:
        """``count`` completions of every problem.

        Args:
            purpose: of the randomness; two draws of one step need two.
            model: another than the one under training: its answers count as parts.
            prefixes: beginnings of the answers, which stand behind the prompts.
        """
        shown = prefixes or [[]] * len(items)
        for prefix in shown:
            self.tally.add("parts" if model else "prefixed" if prefix else "completions", count)
        prompts = [self.encoding.prompt(item) + prefix for item, prefix in zip(items, shown, strict=True)]
        return sample(
            model or self.model,
            Prompts.pad(prompts),
            count,
            SamplingConfig(max(len(item.state) for item in items) + 1),
            eos=EOS,
            generator=torch_rng(self.seed, purpose, step),
        )

    def sample(self, step: int, items: list[Item] | None = None, group: int | None = None) -> Samples:
        """G completions of every problem of this step, counted as visits."""
        items = self.problems(step) if items is None else items
        group = group or self.scale.group
        rollouts = self.draw(items, group, step, "rollouts")
        for item in items:
            self.visits[item] = self.visits.get(item, 0) + group
        correct = [self.accepts(items[owner], said) for owner, said in completions(rollouts)]
        return Samples(items, rollouts, torch.tensor(correct))

    def reinforce(
        self,
        samples: Samples,
        step: int,
        advantage: AdvantageConfig,
        loss: LossConfig,
        correct: Tensor | None = None,
        bonus: Tensor | None = None,
    ) -> None:
        """One policy-gradient step.

        Args:
            correct: ``[R]`` replaces the verdicts (a reward that is not about correctness).
            bonus: ``[R]`` is added to the rewards; not together with a KL term in the reward.
        """
        rollouts = samples.rollouts
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
        self.push(rollouts, found.advantage, step, loss)

    def push(self, rollouts: Rollouts, advantage: Tensor, step: int, loss: LossConfig) -> None:
        """One policy-gradient step along ``advantage`` ``[R]``; none where no row has any."""
        learner = Learner(
            self.model,
            self.optimiser,
            loss,
            temperature=1.0,
            max_tokens=rollouts.tokens.shape[1],
            micro_tokens=_MICRO_TOKENS,
            reference=self.reference if loss.kl_in_loss else None,
        )
        done = learner.update(rollouts, advantage, torch.ones_like(rollouts.finished), step)
        self.tally.updates += done.computed_rows > 0

    def imitate(self, pairs: Sequence[Answered], step: int) -> None:
        """One supervised step on (problem, completion) pairs; nothing happens without any."""
        if pairs:
            examples = [Example(self.encoding.prompt(item), answer) for item, answer in pairs]
            supervised_step(self.model, self.optimiser, examples, step=step, micro_tokens=_MICRO_TOKENS)
            self.tally.updates += 1
