"""Walks on a small graph: every edge label leads from each node to another, and a program is a sequence of labels."""

from __future__ import annotations

import random

from leadline.tasks.machine import Machine, State

__all__ = ["walk_machine"]


def walk_machine(letters: int = 6, size: int = 2, labels: int = 5, name: str = "walks") -> Machine:
    """A fixed graph of ``letters ** size`` nodes, each written with ``size`` letters; edges are drawn once, seeded.

    Each label is a permutation of the nodes, drawn at random: there is nothing to compute, only edges to remember.
    """
    nodes = [tuple(node) for node in _nodes(letters, size)]
    operations = {}
    for label in range(labels):
        order = list(nodes)
        random.Random(f"walks/{letters}/{size}/{label}").shuffle(order)
        operations[f"go{label}"] = dict(zip(nodes, order, strict=True)).__getitem__
    return Machine(name, letters, operations)


def _nodes(letters: int, size: int) -> list[State]:
    if size == 0:
        return [()]
    return [(first, *rest) for first in range(letters) for rest in _nodes(letters, size - 1)]
