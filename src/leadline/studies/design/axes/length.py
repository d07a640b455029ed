"""Length: pretrained on strings of three and four letters, asked for five (and six); and the position encodings."""

from __future__ import annotations

from typing import Literal

from leadline.studies.design.cell import DOSES, Axis, Cell, WeightedSource
from leadline.studies.design.source import Source
from leadline.tasks.machines import find_machine

__all__ = ["length"]

_POSITIONS: tuple[Literal["none", "learned"], ...] = ("none", "learned")


def length() -> Axis:
    """An alphabet of four letters, so that the 1,024 strings of length five can be enumerated."""
    machine = find_machine("strings4")
    programs = (*machine.programs(1), *machine.programs(2))

    def of(*sizes: int) -> Source:
        return Source(programs, sizes, machine=machine.name)

    short: tuple[WeightedSource, ...] = ((1.0, of(3)), (2.0, of(4)))
    doses = [Cell(f"length 5, overlap {e:g}", short, of(5), overlap=e, easier=of(4)) for e in DOSES]
    saturation = [
        Cell(f"length 4, budget {b:g}", short, of(4), role="saturation", budget=b, easier=of(3))
        for b in (0.25, 0.5, 1.0, 2.0)
    ]
    positions = [
        Cell(f"length 5, {position} positions", short, of(5), overlap=0.01, role="control", position=position)
        for position in _POSITIONS
    ]
    longer = Cell("length 6, overlap 0", short, of(6), role="level", easier=of(5))
    return Axis(
        "length",
        "Trained on strings of three and four letters: does reinforcement learning reach five?",
        (*saturation, *doses, longer, *positions),
        main="length 5, overlap 0.01",
    )
