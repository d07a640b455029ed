"""A recipe in a trainer's own words: one line a decision, which serves translation and refusal alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from leadline.recipes.schema import Recipe

__all__ = ["Line", "batch_line", "overruled", "refusals", "settings"]


@dataclass(frozen=True)
class Line:
    """One thing that a recipe decides.

    Attributes:
        place: where it stands in the recipe, or why there is no choice.
        keys: the trainer's keys that say it, with their values.
        refused: why the trainer cannot do it; None where it can.
    """

    place: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    refused: str | None = None

    @classmethod
    def refused_if(
        cls, unfit: bool, place: str, why: str, keys: Mapping[str, Any] = MappingProxyType({})
    ) -> Line:
        """A line that the trainer cannot do where ``unfit`` holds."""
        return cls(place, keys, why if unfit else None)


def settings(lines: Iterable[Line]) -> dict[str, Any]:
    """The recipe in the trainer's keys, in order."""
    return {key: value for line in lines for key, value in line.keys.items()}


def refusals(lines: Iterable[Line]) -> list[str]:
    """What the trainer cannot do, each fault once."""
    return list(dict.fromkeys(f"{line.place}: {line.refused}" for line in lines if line.refused))


def overruled(lines: Sequence[Line], given: Iterable[str], section: str) -> list[str]:
    """Keys that a user gave under ``section`` although a line of the table decides them."""
    decided = {key.lstrip("+"): line.place for line in lines for key in line.keys}
    return [
        f"{section}.{key}: the recipe decides this: {decided[name]}"
        for key in given
        if (name := key.lstrip("+")) in decided
    ]


def batch_line(recipe: Recipe, world: int, keys: Mapping[str, Any]) -> Line:
    """The completions of one optimiser step, which must divide over the processes."""
    rl = recipe.rl
    rows = rl.prompts * rl.group_size // rl.updates
    why = (
        f"{rl.prompts} prompts * {rl.group_size} completions / {rl.updates} updates are {rows} rows, "
        f"which do not divide over {world} processes"
    )
    return Line.refused_if(bool(rl.steps and rows % world), "rl", why, keys)
