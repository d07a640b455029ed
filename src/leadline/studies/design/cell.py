"""What a study is made of: an axis has cells, a cell says what pretraining contains and what is asked afterwards."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from leadline.errors import InputError
from leadline.studies.design.source import Source

__all__ = ["DOSES", "PROTOCOL", "ArmTask", "Axis", "BaseTask", "Cell", "Scale", "WeightedSource"]

DOSES = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)
"""Shares of the asked cell that are put into pretraining (theory.md, T5)."""

PROTOCOL = 1
"""Part of every task's key: results of an earlier way of doing things are not mixed with those of this one."""

Role = Literal["dose", "saturation", "level", "control"]
Position = Literal["rope", "none", "learned"]
WeightedSource = tuple[float, Source]


@dataclass(frozen=True)
class Cell:
    """One condition of an axis.

    Attributes:
        name: unique within the axis.
        pretraining: (share, source) pairs; shares are relative, what ``overlap`` leaves is divided by them.
        asked: the problems that reinforcement learning trains on and that are measured.
        overlap: share of the pretraining draws that come from ``asked`` (never the very problems that are measured).
        role: ``dose``: of the overlap grid; ``saturation``: asked is what was pretrained, at some ``budget``;
            ``level``: another step of the axis itself; ``control``: of the architecture.
        budget: factor on the pretraining steps.
        position: position encoding of the model.
        share_embeddings: after pretraining the second alphabet's embeddings become copies of the first's.
        easier: what a curriculum trains on first; no curriculum without it.
    """

    name: str
    pretraining: tuple[WeightedSource, ...]
    asked: Source
    overlap: float = 0.0
    role: Role = "dose"
    budget: float = 1.0
    position: Position = "rope"
    share_embeddings: bool = False
    easier: Source | None = None

    def __post_init__(self) -> None:
        faults = []
        if not self.pretraining or any(share <= 0 for share, _ in self.pretraining):
            faults.append("pretraining needs at least one source, each with a positive share")
        if not 0 <= self.overlap < 1:
            faults.append(f"overlap must lie in [0, 1), not {self.overlap}")
        if not self.budget > 0:
            faults.append(f"budget must be positive, not {self.budget}")
        if len({source.machine for _, source in self.pretraining} | {self.asked.machine}) > 1:
            faults.append("all sources of a cell must use the same machine")
        if faults:
            raise InputError([f"cell {self.name}: {fault}" for fault in faults])


@dataclass(frozen=True)
class Axis:
    """A question, and the cells that answer it.

    Attributes:
        name: of the axis.
        question: in one sentence, for the page.
        cells: all of them, in the order in which figures show them.
        main: name of the cell at which every algorithm and control is run.
        claim: ``d`` or ``e`` when the axis tests that claim of the paper (``studies/claims.py``).
        transfer: names of the cells that this claim compares, by what pretraining gave them: ``with`` (those that
            should gain) and ``without``.
        parts: whether its problems fall into parts of a kind that pretraining contains (programs that can be cut).
    """

    name: str
    question: str
    cells: tuple[Cell, ...]
    main: str
    claim: Literal["", "d", "e"] = ""
    transfer: tuple[tuple[str, tuple[str, ...]], ...] = ()
    parts: bool = False

    def __post_init__(self) -> None:
        names = [cell.name for cell in self.cells]
        wanted = {self.main, *(name for _, cells in self.transfer for name in cells)}
        faults = [f"{name!r} names two cells" for name in sorted({n for n in names if names.count(n) > 1})]
        faults += [f"no cell is called {name!r}" for name in sorted(wanted - set(names))]
        if faults:
            raise InputError([f"axis {self.name}: {fault}" for fault in faults])

    def cell(self, name: str) -> Cell:
        return next(cell for cell in self.cells if cell.name == name)


@dataclass(frozen=True)
class Scale:
    """How large models, batches and measurements are; the same for all cells of a study.

    Attributes:
        hidden, layers, heads: of the decoder.
        pretraining_steps, batch: of supervised pretraining, by Muon with a cosine schedule.
        pretraining_rate, muon_rate: its peak learning rates.
        pool: how many problems of the asked source reinforcement learning draws from (all there are, if fewer).
        trained, held_out: how many of those are measured, and how many that it never sees.
        prompts, group: problems a step and completions a problem (G).
        rate: learning rate (AdamW) of reinforcement learning and of every other algorithm.
        beta: coefficient of the KL term where there is one.
    """

    hidden: int = 64
    layers: int = 2
    heads: int = 4
    pretraining_steps: int = 600
    batch: int = 128
    pretraining_rate: float = 5e-3
    muon_rate: float = 0.025
    pool: int = 512
    trained: int = 64
    held_out: int = 64
    prompts: int = 32
    group: int = 8
    rate: float = 3e-4
    beta: float = 0.25


@dataclass(frozen=True)
class BaseTask:
    """Pretrain the model of one cell and seed."""

    axis: str
    cell: Cell
    scale: Scale
    seed: int

    @property
    def key(self) -> str:
        # The cell's name and role do not enter: cells that pretrain alike share their base model.
        content = asdict(self)
        if self.cell.overlap == 0:
            del content["cell"]["asked"]
        for name in ("name", "role", "easier"):
            del content["cell"][name]
        del content["axis"]
        for name in ("pool", "trained", "held_out", "prompts", "group", "rate", "beta"):
            del content["scale"][name]
        return _digest(content)


@dataclass(frozen=True)
class ArmTask:
    """Train one algorithm from one base model, and measure it before and after ``steps``."""

    base: BaseTask
    algorithm: str
    steps: tuple[int, ...]

    @property
    def key(self) -> str:
        return _digest(asdict(self))


def _digest(content: Any) -> str:
    text = json.dumps({"protocol": PROTOCOL, "content": content}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]
