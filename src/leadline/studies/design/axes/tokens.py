"""Tokens: the same problems in another alphabet, whose embeddings are copies, were seen, or were never trained."""

from __future__ import annotations

from leadline.studies.design.cell import DOSES, Axis, Cell, WeightedSource
from leadline.studies.design.source import Source
from leadline.tasks.machines import find_machine

__all__ = ["tokens"]


def tokens(machine: str = "strings", size: int = 4) -> Axis:
    """Pretraining solves problems in the first alphabet; the second appears in copying only, or not at all."""
    world = find_machine(machine)
    programs = (*world.programs(1), *world.programs(2))
    solve = Source(programs, (size,), machine=machine)
    asked = Source(programs, (size,), vocabulary=1, machine=machine)
    copy = Source(((),), (size,), machine=machine)
    copy_other = Source(((),), (size,), vocabulary=1, machine=machine)
    plain: tuple[WeightedSource, ...] = ((0.9, solve), (0.1, copy))
    seen: tuple[WeightedSource, ...] = ((0.8, solve), (0.1, copy), (0.1, copy_other))
    doses = [Cell(f"seen in copying, overlap {e:g}", seen, asked, overlap=e) for e in DOSES]
    saturation = [
        Cell(f"first alphabet, budget {b:g}", seen, solve, role="saturation", budget=b)
        for b in (0.25, 0.5, 1.0, 2.0)
    ]
    levels = [
        Cell("never trained", plain, asked, role="level"),
        Cell("shared embeddings", plain, asked, role="level", share_embeddings=True),
    ]
    return Axis(
        "tokens",
        "Trained to solve problems in one alphabet: does reinforcement learning carry it over to another?",
        (*saturation, *levels, *doses),
        main="seen in copying, overlap 0.01",
        claim="d",
        transfer=(
            ("with", ("shared embeddings", "seen in copying, overlap 0")),
            ("without", ("never trained",)),
        ),
    )
