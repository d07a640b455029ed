"""Depth: pretrained on programs of one and two operations, asked for three (and four)."""

from __future__ import annotations

from leadline.studies.design.cell import DOSES, Axis, Cell, WeightedSource
from leadline.studies.design.source import Source
from leadline.tasks.machines import find_machine

__all__ = ["depth"]


def depth(machine: str = "strings", size: int = 4) -> Axis:
    """The axis on any machine; the default is strings of four letters."""
    source = {d: Source(find_machine(machine).programs(d), (size,), machine=machine) for d in (1, 2, 3, 4)}
    shallow: tuple[WeightedSource, ...] = ((1.0, source[1]), (2.0, source[2]))
    doses = [Cell(f"depth 3, overlap {e:g}", shallow, source[3], overlap=e, easier=source[2]) for e in DOSES]
    saturation = [
        Cell(f"depth 2, budget {b:g}", shallow, source[2], role="saturation", budget=b, easier=source[1])
        for b in (0.25, 0.5, 1.0, 2.0)
    ]
    deeper = Cell("depth 4, overlap 0", shallow, source[4], role="level", easier=source[3])
    return Axis(
        "depth",
        "Trained on programs of one and two operations: does reinforcement learning reach three?",
        (*saturation, *doses, deeper),
        main="depth 3, overlap 0.01",
        parts=True,
    )
