"""Where the answers to failed problems come from, as an arm's ``lift`` says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leadline.engine.lift import Answers, Lift
from leadline.engine.scored_batch import Scores
from leadline.errors import ConfigError
from leadline.model.codec import Codec
from leadline.recipes.schema import Recipe
from leadline.rewards.user_functions import guarded, resolve
from leadline.runs.composer import Composer, Parts
from leadline.runs.training_data import gold_completion
from leadline.samplers import Sampler
from leadline.types import Problem

__all__ = ["lift_of", "named_split"]


def lift_of(
    recipe: Recipe,
    name: str,
    codec: Codec,
    scorer: Scores,
    frozen: Callable[[], Sampler],
) -> Lift | None:
    """The queue of an arm, None where it imitates nothing; ``frozen`` samples from the model that it began from."""
    arm, rl = recipe.arms[name], recipe.rl
    if arm.lift == "none":
        return None
    answers: Answers = _solutions
    if arm.lift != "solutions":
        answers = Composer(named_split(arm.lift), frozen(), scorer, rl, recipe.seed)
    return Lift(answers, codec, rl.prompts, rl.max_tokens)


def named_split(name: str) -> Callable[..., Parts | None]:
    """The user's function that takes problems apart, guarded, as are the functions that it returns.

    Raises:
        ConfigError: as :func:`leadline.rewards.user_functions.resolve`.
    """
    place = f"lift {name!r}"
    split = guarded(resolve(name, what="lift"), place)

    def parts_of(*arguments: object) -> Parts | None:
        found = split(*arguments)
        if found is None:
            return None
        parts = guarded(lambda: Parts(*found), place)()
        if not isinstance(parts.first, str):
            raise ConfigError(f"{place}: the first part is a {type(parts.first).__name__}, not a prompt")
        return Parts(parts.first, guarded(parts.rest, place), guarded(parts.join, place))

    return parts_of


def _solutions(failed: Sequence[Problem], step: int) -> list[tuple[Problem, str]]:
    return [(problem, gold_completion(problem)) for problem in failed if problem.solution]
