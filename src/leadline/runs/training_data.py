"""What a recipe trains and measures on: problems by step, worked examples by step, and held-out problems."""

from __future__ import annotations

import functools
import hashlib
import operator
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Protocol

from leadline.data import CurriculumStage, ProblemSet, load_problems, problem_key, refuse_overlap
from leadline.data.problems.curriculum import Rates
from leadline.errors import DataError
from leadline.recipes.data_section import DataConfig, WorldConfig
from leadline.recipes.schema import Recipe
from leadline.runs.known_rates import KnownRate, known_rates, measured_rates
from leadline.runs.prompt_lengths import without_long
from leadline.seeds import endless_order, python_rng
from leadline.tasks import ChainWorld, wrap
from leadline.types import Problem

__all__ = ["FileMaterial", "Material", "WorldMaterial", "gold_completion", "open_material"]


class Material(Protocol):
    """Every draw is a function of the run's seed and the step, so that a resumed run sees what it would have seen."""

    @property
    def pieces(self) -> Sequence[str]:
        """Words that a tokenizer made for this material keeps whole."""

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know of the material: rows skipped, duplicates, problems left out."""

    @property
    def problems(self) -> Sequence[Problem]:
        """Every problem that may be asked; none of an endless world."""

    @property
    def chats(self) -> Sequence[Problem]:
        """Every problem that is given as turns of a chat, which only a model with a chat template can be asked."""

    @property
    def known(self) -> Sequence[KnownRate]:
        """Solve rates of problems that are trained on, as they were before."""

    def train(self, step: int, count: int) -> list[Problem]:
        """The problems of one reinforcement-learning step."""

    def examples(self, step: int, count: int, most: int | None = None) -> list[tuple[Problem, str]]:
        """Problems with a completion to imitate; ``most`` bounds their difficulty where it is known."""

    def validation(self, count: int) -> list[Problem]:
        """Problems that choose the best checkpoint; disjoint from the test problems."""

    def test(self, count: int) -> list[Problem]:
        """Problems that are only ever measured."""

    @property
    def has_solutions(self) -> bool:
        """Whether any problem that is trained on comes with a worked solution."""


@dataclass(frozen=True)
class WorldMaterial:
    """An endless procedural world."""

    config: WorldConfig
    seed: int
    notes: Sequence[str] = ()
    problems: Sequence[Problem] = ()
    chats: Sequence[Problem] = ()
    known: Sequence[KnownRate] = ()
    has_solutions: bool = True

    @property
    def world(self) -> ChainWorld:
        return ChainWorld(self.config.steps, self.config.slip, self.config.checks)

    @property
    def pieces(self) -> Sequence[str]:
        return self.world.pieces

    def train(self, step: int, count: int) -> list[Problem]:
        return self.world.problems(python_rng(self.seed, "problems", step), count, "train")

    def examples(self, step: int, count: int, most: int | None = None) -> list[tuple[Problem, str]]:
        return self.world.examples(python_rng(self.seed, "examples", step), count, most)

    def validation(self, count: int) -> list[Problem]:
        return self.world.problems(python_rng("validation"), count, "valid")

    def test(self, count: int) -> list[Problem]:
        # The same problems for every seed: runs of different seeds differ by training, not by what they are asked.
        return self.world.problems(python_rng("test"), count, "test")


@dataclass(frozen=True)
class FileMaterial:
    """Problems from files or data sets, gone through in a new order every epoch."""

    training: list[Problem]
    held_out: list[Problem]
    measured: list[Problem]
    notes: Sequence[str]
    seed: int
    pieces: Sequence[str] = ()
    known: Sequence[KnownRate] = ()

    @property
    def problems(self) -> Sequence[Problem]:
        return [*self.training, *self.held_out, *self.measured]

    @property
    def chats(self) -> Sequence[Problem]:
        return [problem for problem in self.problems if problem.messages is not None]

    def train(self, step: int, count: int) -> list[Problem]:
        return self._draw("problems", step, count, self.training)

    def examples(self, step: int, count: int, most: int | None = None) -> list[tuple[Problem, str]]:
        pool = self.training
        if most is not None:
            easy = [p for p in pool if p.difficulty is not None and p.difficulty <= most]
            pool = easy or pool
        return [(problem, gold_completion(problem)) for problem in self._draw("examples", step, count, pool)]

    def validation(self, count: int) -> list[Problem]:
        return self.held_out[:count]

    def test(self, count: int) -> list[Problem]:
        return self.measured[:count]

    @property
    def has_solutions(self) -> bool:
        return any(problem.solution for problem in self.training)

    def _draw(self, purpose: str, step: int, count: int, pool: Sequence[Problem]) -> list[Problem]:
        """Rows ``step * count ...`` of an endless row of shuffled epochs: no cursor to save, nothing to replay."""
        return [pool[index] for index in endless_order(len(pool), step * count, count, self.seed, purpose)]


def gold_completion(problem: Problem) -> str:
    """The solution in the format that is trained; the bare answer where no solution is known."""
    return wrap(problem.solution or "", problem.answer)


def open_material(recipe: Recipe) -> Material:
    """Load what ``recipe.data`` names.

    Raises:
        DataError: unusable rows, an overlap between training and test problems, or nothing left to train on.
    """
    config = recipe.data
    if config.world is not None:
        return WorldMaterial(config.world, recipe.seed)
    assert config.train is not None  # DataConfig: one of the two
    graders = [recipe.evaluation.grader, *(arm.grader for arm in recipe.arms.values())]
    load = functools.partial(
        load_problems,
        on_bad_row=config.on_bad_row,
        seed=recipe.seed,
        check_golds=None in graders,  # golds that ours never sees need not suit it
    )
    train = load(config.train, split=config.split, columns=config.columns, limit=config.limit)
    notes = [*_notes(train)]
    pool, left_out = without_long(train.without_duplicates().problems, recipe)
    if config.evaluation is not None:
        test = load(config.evaluation, split=config.evaluation_split, columns=config.evaluation_columns)
        notes += _notes(test)
        measured, also = without_long(test.without_duplicates().problems, recipe)
        refuse_overlap(pool, measured, train_name=config.train, name=config.evaluation)
        left_out += [f"{config.evaluation}: {note}" for note in also]
    else:
        measured, pool = _split(pool, "test", config.evaluation_share)
    held_out, pool = _split(pool, "valid", config.evaluation_share / 2)
    rates = measured_rates(config.samples, train)
    pool, dropped = _curriculum(pool, config, rates)
    notes += [*left_out, *dropped]
    if not pool or not measured:
        what = "to train on" if not pool else "to measure"
        raise DataError(
            f"{config.train}: no problem is left {what} ({'; '.join(notes) or len(train)} loaded)"
        )
    rng = random.Random(0)
    for problems in (held_out, measured):
        rng.shuffle(problems)  # a file may be sorted, and evaluation takes the first so many
    return FileMaterial(pool, held_out, measured, tuple(notes), recipe.seed, known=known_rates(pool, rates))


def _split(problems: list[Problem], purpose: str, share: float) -> tuple[list[Problem], list[Problem]]:
    """That share of the problems, by a hash of each, and the rest."""
    chosen = [_share(problem, purpose) < share for problem in problems]
    return list(compress(problems, chosen)), list(compress(problems, map(operator.not_, chosen)))


def _curriculum(problems: list[Problem], config: DataConfig, rates: Rates) -> tuple[list[Problem], list[str]]:
    low, high = config.solve_rate
    if config.min_difficulty is None and (low, high) == (0.0, 1.0):
        return problems, []
    stage = CurriculumStage("train", config.min_difficulty, low, high)
    selection = stage.select(problems, rates)
    return selection.problems, [
        f"{count} problems left out: {why}" for why, count in selection.dropped.items()
    ]


def _notes(problems: ProblemSet) -> list[str]:
    notes = [f"{problems.name}: skipped {line}" for line in problems.skipped]
    if problems.duplicates:
        first = problems.duplicates[0]
        notes.append(
            f"{problems.name}: {len(problems.duplicates)} duplicates, e.g. {first.again} repeats {first.first}"
        )
    return notes


def _share(problem: Problem, purpose: str) -> float:
    """A number in [0, 1) that depends on the text alone: which side of a split a problem is on."""
    digest = hashlib.sha256(f"{purpose}/{problem_key(problem)}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
