"""Which objectives each backend can take a step of, and why not: the table of ``docs/trainers.md``.

``python -m leadline.runs.backends.combinations`` prints it; it is read off the tables that translate recipes.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from leadline.recipes.schema import Recipe
from leadline.runs.backends.translation import Line

__all__ = ["Combination", "combinations", "table", "why_refused"]

Combination = tuple[str, str, str, bool, int]
"""KL term, aggregation, level, ``mask_truncated``, updates."""

_KL = ("none", "k1_in_reward", "k2", "k3", "reverse")
_AGGREGATION = ("token_mean", "sequence_mean", "constant")
_LEVEL = ("token", "sequence")


def combinations() -> list[Combination]:
    """All that a recipe may say of them."""
    return list(itertools.product(_KL, _AGGREGATION, _LEVEL, (False, True), (1, 2)))


def changes_of(combination: Combination) -> dict[str, Any]:
    """The part of a recipe that says it, arm ``arm``."""
    kl, aggregation, level, masked, updates = combination
    loss = {"kl": kl, "beta": 0.0 if kl == "none" else 0.1, "aggregation": aggregation, "level": level}
    arm = {"advantage": "rloo", "loss": loss}
    return {"rl": {"mask_truncated": masked, "updates": updates}, "arms": {"arm": arm}}


def why_refused(backend: str, combination: Combination) -> str | None:
    """Why the backend does not do it; None when it does. The local engine does everything."""
    recipe = Recipe.model_validate({"model": {"source": "model"}, **changes_of(combination)})
    parts = ("rl.mask_truncated", "rl.updates", "arms.arm.loss")
    reasons = [
        f"{line.place.removeprefix('arms.arm.')}: {line.refused}"
        for line in _lines(backend, recipe)
        if line.refused and line.place.startswith(parts)
    ]
    return "; ".join(reasons) or None


def _lines(backend: str, recipe: Recipe) -> list[Line]:
    if backend == "trl":
        from leadline.runs.backends.trl.settings import policy_lines

        return policy_lines(recipe, "arm", prompt_tokens=64, world=1)
    if backend == "verl":
        from leadline.runs.backends.verl.section import VerlSection
        from leadline.runs.backends.verl.settings import arm_lines, step_lines

        section = VerlSection(gpus_per_node=1)
        return [*step_lines(recipe, section, Path()), *arm_lines(recipe, section, "arm", Path())]
    return []


def table() -> list[str]:
    """Lines of Markdown: values that no backend tells apart stand in one row."""
    notes: dict[str, int] = {}
    lines = [
        "| `kl` | `level` | `mask_truncated` | `updates` | local | TRL | verl |",
        "|---|---|---|---|---|---|---|",
    ]
    for kl, level, masked, updates in itertools.product(_KL, _LEVEL, (False, True), (1, 2)):
        marks = []
        for backend in ("local", "trl", "verl"):
            whys = {
                why_refused(backend, (kl, aggregation, level, masked, updates))
                for aggregation in _AGGREGATION
            }
            assert len(whys) == 1, "a backend tells aggregations apart: give them a column"
            why = whys.pop()
            parts = (
                [] if why is None else [notes.setdefault(part, len(notes) + 1) for part in why.split("; ")]
            )
            marks.append(f"no ({', '.join(map(str, parts))})" if parts else "yes")
        lines.append(f"| {kl} | {level} | {str(masked).lower()} | {updates} | {' | '.join(marks)} |")
    return [*lines, "", *(f"{number}. `{note.replace(': ', '`: ', 1)}" for note, number in notes.items())]


if __name__ == "__main__":
    print("\n".join(table()))
