"""What a study will cost, from a few steps that are timed on the spot."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from leadline.studies.design.cell import ArmTask, BaseTask
from leadline.studies.execution.store import Store
from leadline.studies.experiment.algorithms import find_algorithm
from leadline.studies.experiment.arms import run_arm, run_base
from leadline.studies.experiment.student import Student
from leadline.studies.plan import Plan

__all__ = ["NO_COST", "Cost", "measure_cost", "outstanding"]

T = TypeVar("T")

_PRETRAINING, _STEPS = 4, 3


@dataclass(frozen=True)
class Cost:
    """CPU seconds of one pretraining step, one step of an arm, and one measurement of an arm."""

    pretraining_step: float
    step: float
    measurement: float

    def base(self, task: BaseTask) -> float:
        return self.pretraining_step * task.scale.pretraining_steps * task.cell.budget

    def arm(self, task: ArmTask) -> float:
        return self.step * max(task.steps) + self.measurement * (1 + len(task.steps))


NO_COST = Cost(0.0, 0.0, 0.0)


def measure_cost(plan: Plan) -> Cost:
    """Time a miniature of the main cell in this process; CPU seconds, so that a busy machine does not distort them."""
    cell = replace(plan.axis.cell(plan.axis.main), budget=1.0)
    base = BaseTask(plan.axis.name, cell, replace(plan.scale, pretraining_steps=_PRETRAINING), seed=0)
    run_base(replace(base, scale=replace(base.scale, pretraining_steps=1)))  # what is slow once only
    weights, pretraining = _timed(lambda: run_base(base))
    # A coin as the reward: an untrained model earns no other, and steps without signal would cost nothing.
    arm = ArmTask(base, "random", (1,))
    student, step = Student(arm, weights), find_algorithm("random").step
    step(student, 0)
    _, steps = _timed(lambda: [step(student, index) for index in range(1, 1 + _STEPS)])
    _, whole = _timed(lambda: run_arm(arm, weights))
    return Cost(pretraining / _PRETRAINING, steps / _STEPS, max(whole - steps / _STEPS, 0.0) / 2)


def outstanding(plan: Plan, store: Store, cost: Cost) -> tuple[int, int, float]:
    """How many bases and arms are not on disk yet, and their CPU seconds."""
    arms = [arm for arm in plan.arms if not store.has_arm(arm.key)]
    bases = {arm.base.key: arm.base for arm in arms if store.base(arm.base.key) is None}
    seconds = sum(map(cost.arm, arms)) + sum(map(cost.base, bases.values()))
    return len(bases), len(arms), seconds


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.process_time()
    value = work()
    return value, time.process_time() - started
