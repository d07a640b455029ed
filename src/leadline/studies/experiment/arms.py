"""One arm from base model to rows: train, and measure every problem exactly before and after."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from leadline.storage.jsonl import Row
from leadline.studies.design.cell import ArmTask, BaseTask
from leadline.studies.design.source import Item
from leadline.studies.experiment.algorithms import find_algorithm
from leadline.studies.experiment.algorithms.algorithm import Algorithm
from leadline.studies.experiment.exact import Policies, enumerable, exact_correct_mass, policies
from leadline.studies.experiment.pretraining import pretrain
from leadline.studies.experiment.student import Student
from leadline.studies.experiment.tabular import at_equal_kl, tilt_at_kl
from leadline.theory import kl_split

__all__ = ["run_arm", "run_base"]

Array = npt.NDArray[np.float64]


class Measure(NamedTuple):
    """What is known of a model on the study's problems; KL columns are NaN where answers are not enumerated."""

    mass: Array
    policies: Policies | None


def run_base(task: BaseTask) -> bytes:
    """Pretrain on one thread: part of what makes a cell bit-identical wherever it is computed."""
    torch.set_num_threads(1)
    return pretrain(task)


def run_arm(task: ArmTask, weights: bytes) -> list[Row]:
    """Train ``task.algorithm`` from ``weights`` and measure after each of ``task.steps``; a row a problem and step."""
    torch.set_num_threads(1)
    algorithm = find_algorithm(task.algorithm)
    student = Student(task, weights)
    before = _measure_base(task.base, weights)
    rows: list[Row] = []
    for step in range(max(task.steps)):
        algorithm.step(student, step)
        if step + 1 in task.steps:
            rows += _rows(student, algorithm, before, _measure(student), step + 1)
    return rows


@lru_cache(maxsize=1)
def _measure_base(base: BaseTask, weights: bytes) -> Measure:
    """Of a base model, once for all arms that come from it one after the other."""
    return _measure(Student(ArmTask(base, "", (1,)), weights))


def _measure(student: Student) -> Measure:
    items = student.trained + student.held_out
    if all(enumerable(item, student.encoding) for item in items) and len({len(i.state) for i in items}) == 1:
        found = policies(student.model, items, student.encoding)
        return Measure(found.mass, found)
    return Measure(exact_correct_mass(student.model, items, student.encoding), None)


def _rows(student: Student, algorithm: Algorithm, before: Measure, after: Measure, step: int) -> list[Row]:
    items = student.trained + student.held_out
    base, known = student.task.base, len(student.trained)
    kl, excess = _costs(before, after)
    tabular, tilt = _ladder(student, algorithm, before, kl, step)
    return [
        {
            "axis": base.axis,
            "cell": base.cell.name,
            "role": base.cell.role,
            "overlap": base.cell.overlap,
            "seed": base.seed,
            "algorithm": student.task.algorithm,
            "step": step,
            "prompt": _text(item),
            "side": "trained" if index < known else "held_out",
            "Q": float(before.mass[index]),
            "p": float(after.mass[index]),
            "N": student.visits.get(item, 0),
            "kl": float(kl[index]),
            "excess": float(excess[index]),
            "tabular": float(tabular[index]),
            "tilt": float(tilt[index]),
            "pool": len(student.pool),
            **asdict(student.tally),
        }
        for index, item in enumerate(items)
    ]


def _costs(before: Measure, after: Measure) -> tuple[Array, Array]:
    """KL to the base of every problem, and what of it the change of the success did not need (T2)."""
    old, new = before.policies, after.policies
    if old is None or new is None:
        return np.full_like(before.mass, np.nan), np.full_like(before.mass, np.nan)
    pairs = zip(new.probabilities, old.probabilities, strict=True)
    splits = [kl_split(tuned, base, old.mask(row)) for row, (tuned, base) in enumerate(pairs)]
    return np.array([s.total for s in splits]), np.array([s.inside_correct + s.inside_wrong for s in splits])


def _ladder(
    student: Student, algorithm: Algorithm, before: Measure, kl: Array, step: int
) -> tuple[Array, Array]:
    """Successes of the tabular policy and of the exact tilt that spend the network's mean KL; NaN where undefined.

    Both are about trained problems only: a held-out one has no table entry that anything would have moved.
    """
    known, count = len(student.trained), len(before.mass)
    tabular, tilt = np.full(count, np.nan), np.full(count, np.nan)
    if before.policies is None:
        return tabular, tilt
    spent = float(kl[:known].mean())
    tilt[:known] = tilt_at_kl(before.mass[:known], spent)
    if algorithm.advantage is not None:
        pool = len(student.pool)
        visits = round(step * min(student.scale.prompts, pool) / pool)
        tabular[:known] = at_equal_kl(
            before.policies.probabilities[:known],
            before.policies.correct[:known],
            algorithm.advantage,
            algorithm.loss_at(student.scale.beta),
            group=student.scale.group,
            visits=max(1, visits),
            kl=spent,
            seed=student.seed,
        )
    return tabular, tilt


def _text(item: Item) -> str:
    """A problem as people read it: ``cabd shl rev``, in capitals for the second alphabet."""
    letters = "".join(chr(ord("A" if item.vocabulary else "a") + letter) for letter in item.state)
    return " ".join((letters, *item.program))
