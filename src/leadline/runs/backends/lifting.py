"""Where the answers to failed problems come from, as an arm's ``lift`` says."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.engine.lift import Lift
from leadline.model.codec import Codec
from leadline.recipes.schema import ArmConfig, PolicyConfig
from leadline.runs.training_data import Material
from leadline.types import Problem

__all__ = ["lift_of"]


def lift_of(arm: ArmConfig, rl: PolicyConfig, material: Material, codec: Codec) -> Lift | None:
    """The queue of an arm; None where it imitates nothing."""
    if arm.lift == "none":
        return None

    def solutions(failed: Sequence[Problem], step: int) -> list[tuple[Problem, str]]:
        known = [problem for problem in failed if problem.solution]
        return [(problem, text) for problem in known if (text := material.gold(problem)) is not None]

    return Lift(solutions, codec, rl.prompts, rl.max_tokens)
