"""Computing a plan: cells as independent pure functions of their specification and seed, in any order, anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from leadline.storage.jsonl import Row
from leadline.studies.design.cell import ArmTask
from leadline.studies.execution.cost import Cost
from leadline.studies.execution.pools import Pool
from leadline.studies.execution.store import Store
from leadline.studies.experiment.arms import run_arm, run_base
from leadline.studies.plan import Plan

__all__ = ["Runner", "StudyProgress", "run_plan"]


class StudyProgress(NamedTuple):
    """How far a study is: tasks done of all, the estimate of what is left in seconds, and what was just finished."""

    done: int
    total: int
    seconds_left: float
    what: str


@dataclass
class Runner:
    """Feeds a pool with what is missing and stores what comes back.

    Bases and arms travel as values, so that workers share no disk. A base model's arms are queued when it is there;
    results do not depend on the number of workers or on the order, because no task reads another's random numbers.
    """

    plan: Plan
    store: Store
    pool: Pool
    cost: Cost
    report: Callable[[StudyProgress], None] = lambda progress: None
    waiting: dict[str, list[ArmTask]] = field(default_factory=dict, init=False)
    owed: dict[str, float] = field(default_factory=dict, init=False)

    def run(self) -> None:
        """Compute everything that is not on disk yet."""
        for arm in self.plan.arms:
            if not self._there(arm):
                self.waiting.setdefault(arm.base.key, []).append(arm)
                self.owed[f"arm {arm.key}"] = self.cost.arm(arm)
        self._queue()
        total = len(self.owed)
        started, paid = time.monotonic(), 0.0
        everything = sum(self.owed.values())
        while self.owed:
            name, value = self.pool.next()
            paid += self.owed.pop(name)
            what = self._keep(name, value)
            # The estimate is of this machine when idle: what has been done says how far off that is.
            pace = (time.monotonic() - started) / paid if paid else 0.0
            left = max(0.0, pace * (everything - paid))
            self.report(StudyProgress(total - len(self.owed), total, left, what))

    def _there(self, arm: ArmTask) -> bool:
        return self.store.has_arm(arm.key) and self.store.arm(arm.key) is not None

    def _queue(self) -> None:
        """Bases that are stored let their arms go at once; the others are computed first."""
        bases = self.plan.bases
        for key in self.waiting:
            weights = self.store.base(key)
            if weights is None:
                self.owed[f"base {key}"] = self.cost.base(bases[key])
                self.pool.submit(f"base {key}", run_base, bases[key])
            else:
                self._queue_arms(key, weights)

    def _queue_arms(self, key: str, weights: bytes) -> None:
        for arm in self.waiting[key]:
            self.pool.submit(f"arm {arm.key}", run_arm, arm, weights)

    def _keep(self, name: str, value: Any) -> str:
        kind, _, key = name.partition(" ")
        if kind == "base":
            self.store.save_base(key, value)
            self._queue_arms(key, value)
            task = self.plan.bases[key]
            return f"pretrained for {task.cell.name}, seed {task.seed}"
        self.store.save_arm(key, value)
        arm = next(arm for arm in self.plan.arms if arm.key == key)
        return f"{arm.algorithm} at {arm.base.cell.name}, seed {arm.base.seed}"


def run_plan(
    plan: Plan,
    root: Path,
    pool: Pool,
    cost: Cost,
    report: Callable[[StudyProgress], None] = lambda progress: None,
) -> list[Row]:
    """Compute what is missing under ``root`` and return all rows, in the order of the plan.

    Raises:
        LeadlineError: a task failed; everything finished before stays on disk.
    """
    store = Store(root)
    with pool:
        Runner(plan, store, pool, cost, report).run()
    rows: list[Row] = []
    for arm in plan.arms:
        rows += store.arm(arm.key) or []
    return rows
