"""Composition: single operations and some pairs of them were seen; other pairs, and triples, are asked for."""

from __future__ import annotations

import random

from leadline.studies.design.cell import DOSES, Axis, Cell, WeightedSource
from leadline.studies.design.source import Source
from leadline.tasks.machine import Machine, Program
from leadline.tasks.machines import find_machine

__all__ = ["composition", "split_pairs"]


def composition(machine: str = "strings", size: int = 4) -> Axis:
    """Half of the pairs are seen in pretraining; the other half is asked for."""
    world = find_machine(machine)
    seen, unseen = split_pairs(world)

    def of(programs: tuple[Program, ...]) -> Source:
        return Source(programs, (size,), machine=machine)

    atoms, known, asked = of(world.programs(1)), of(seen), of(unseen)
    both: tuple[WeightedSource, ...] = ((1.0, atoms), (2.0, known))
    doses = [Cell(f"unseen pairs, overlap {e:g}", both, asked, overlap=e, easier=known) for e in DOSES]
    saturation = [
        Cell(f"seen pairs, budget {b:g}", both, known, role="saturation", budget=b, easier=atoms)
        for b in (0.25, 0.5, 1.0, 2.0)
    ]
    levels = [
        Cell("atoms alone", ((1.0, atoms),), asked, role="level", easier=atoms),
        Cell("pairs alone", ((1.0, known),), asked, role="level", easier=known),
        Cell("triples", both, of(world.programs(3)), role="level", easier=known),
    ]
    return Axis(
        "composition",
        "Trained on single operations and half of their pairs: does reinforcement learning compose the others?",
        (*saturation, *levels, *doses),
        main="unseen pairs, overlap 0.01",
        claim="e",
        transfer=(
            ("with", ("unseen pairs, overlap 0",)),
            ("without", ("atoms alone", "pairs alone")),
        ),
        parts=True,
    )


def split_pairs(world: Machine) -> tuple[tuple[Program, ...], tuple[Program, ...]]:
    """Pairs seen and unseen, drawn once: every operation stands first and second in some pair of either half."""
    pairs = list(world.programs(2))
    for attempt in range(1000):
        random.Random(f"pairs/{attempt}").shuffle(pairs)
        halves = tuple(sorted(pairs[: len(pairs) // 2])), tuple(sorted(pairs[len(pairs) // 2 :]))
        if all(
            {pair[place] for pair in half} == set(world.operations) for half in halves for place in (0, 1)
        ):
            return halves
        pairs.sort()
    raise ValueError(
        f"machine {world.name}: its pairs cannot be halved so that both halves use every operation"
    )
