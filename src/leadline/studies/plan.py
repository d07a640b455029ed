"""Which arms a study runs: the full grid where the question needs it, one cell where a control will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leadline.errors import InputError
from leadline.studies.design.cell import ArmTask, Axis, BaseTask, Cell, Scale
from leadline.studies.experiment.algorithms import BEYOND, STANDARD, find_algorithm

__all__ = ["FULL", "GRID_ALGORITHMS", "QUICK", "Plan", "beyond_plan", "make_plan"]

FULL = Scale()
QUICK = Scale(pretraining_steps=500, pool=128, trained=32, held_out=32)
MAX_SEEDS, MAX_STEPS = 10_000, 10**7
GRID_ALGORITHMS = ("lead", "dr-grpo-kl")
"""Run over all doses: GRPO-LEAD, and mean-only GRPO with reverse KL, whose optimum is the exact tilt."""

_PROBE = "grpo"  # the algorithm of cells that ask about the base model and not about the algorithm
_QUICK_DOSES = (0.0, 1e-2)
_QUICK_BUDGETS = (0.5, 2.0)


@dataclass(frozen=True)
class Plan:
    """Everything that is to be computed, in an order in which base models come as late as they can.

    Attributes:
        axis: the question.
        scale: of all cells.
        arms: each names its base task; bases that several arms share are computed once.
        seeds: of the study.
        steps: at which the dose grid is measured, shortest first.
    """

    axis: Axis
    scale: Scale
    arms: tuple[ArmTask, ...]
    seeds: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def bases(self) -> dict[str, BaseTask]:
        """Key -> base task, each once."""
        return {arm.base.key: arm.base for arm in self.arms}


def make_plan(
    axis: Axis,
    *,
    seeds: int = 5,
    algorithms: Sequence[str] | None = None,
    steps: Sequence[int] = (60, 600),
    quick: bool = False,
    scale: Scale | None = None,
) -> Plan:
    """The plan of the issue: grid algorithms over all doses, everything else at the main cell, long runs at two cells.

    Args:
        seeds: how many; seed 0 first.
        algorithms: the standard ones by default. The first :data:`GRID_ALGORITHMS` of them, or, when none of those
            is named, the first one, run over the whole grid.
        steps: shortest first; further ones ("more steps") at the cell without overlap and at the main one.
        quick: fewer doses and budgets, no level or control cells, a smaller scale.

    Raises:
        InputError: no seed, no step, or an algorithm that does not exist; all faults at once.
    """
    names = tuple(algorithms or (("grpo", "lead", "dr-grpo-kl", "sft", "random") if quick else STANDARD))
    _check(names, seeds, steps)
    size = scale or (QUICK if quick else FULL)
    cells = [cell for cell in axis.cells if not quick or _in_quick(cell, axis)]
    grid = [name for name in names if name in GRID_ALGORITHMS] or [names[0]]
    probe = _PROBE if _PROBE in names else grid[0]
    ordered = sorted(set(steps))
    long = {axis.main, *(c.name for c in axis.cells if c.role == "dose" and c.overlap == 0)}
    arms = []
    for seed in range(seeds):
        for cell in cells:
            base = BaseTask(axis.name, cell, size, seed)
            wanted = dict.fromkeys(grid if cell.role == "dose" else [probe])
            if cell.name == axis.main:
                wanted |= dict.fromkeys(name for name in names if _runs_at(name, cell, axis))
            if cell.name in long:
                wanted |= {probe: None}
            for name in wanted:
                at = ordered if cell.name in long and name == probe else ordered[:1]
                arms.append(ArmTask(base, name, tuple(at)))
    return Plan(axis, size, tuple(arms), tuple(range(seeds)), tuple(ordered))


def beyond_plan(
    axis: Axis,
    *,
    seeds: int = 5,
    algorithms: Sequence[str] | None = None,
    steps: Sequence[int] = (300, 600),
    quick: bool = False,
    scale: Scale | None = None,
) -> Plan:
    """Every algorithm at the main cell and at the one without overlap: what reaches what the base never gets right?

    Args:
        seeds, steps, quick, scale: as in :func:`make_plan`.
        algorithms: :data:`~leadline.studies.experiment.algorithms.BEYOND` by default; those that an axis has no
            problems for (easier ones, or parts) are left out.

    Raises:
        InputError: no seed, no step, or an algorithm that does not exist; all faults at once.
    """
    names = tuple(algorithms or BEYOND)
    _check(names, seeds, steps)
    size = scale or (QUICK if quick else FULL)
    arms = [
        ArmTask(BaseTask(axis.name, cell, size, seed), name, tuple(sorted(set(steps))))
        for seed in range(seeds)
        for cell in axis.cells
        if cell.name == axis.main or (cell.role == "dose" and cell.overlap == 0)
        for name in names
        if _runs_at(name, cell, axis)
    ]
    return Plan(axis, size, tuple(arms), tuple(range(seeds)), tuple(sorted(set(steps))))


def _runs_at(name: str, cell: Cell, axis: Axis) -> bool:
    """Whether the cell has the problems that an algorithm needs."""
    algorithm = find_algorithm(name)
    return (cell.easier is not None or not algorithm.needs_easier) and (
        axis.parts or not algorithm.needs_parts
    )


def _in_quick(cell: Cell, axis: Axis) -> bool:
    if cell.role == "dose":
        return cell.overlap in _QUICK_DOSES or cell.name == axis.main
    if cell.role == "saturation":
        return cell.budget in _QUICK_BUDGETS
    return any(cell.name in names for _, names in axis.transfer)


def _check(names: Sequence[str], seeds: int, steps: Sequence[int]) -> None:
    faults = []
    if not 1 <= seeds <= MAX_SEEDS:
        faults.append(f"--seeds {seeds}: give a number from 1 to {MAX_SEEDS:,}")
    if not steps or min(steps) < 1:
        faults.append(
            f"--steps {','.join(map(str, steps)) or '(none)'}: positive numbers of steps are needed"
        )
    elif max(steps) > MAX_STEPS:
        faults.append(f"--steps {max(steps)}: at most {MAX_STEPS:,} steps")
    for name in names:
        try:
            find_algorithm(name)
        except InputError as fault:
            faults += fault.problems
    if faults:
        raise InputError(faults)
