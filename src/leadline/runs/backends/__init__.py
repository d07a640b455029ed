"""Who does the work of a stage: one protocol, several engines, imported when they are asked for."""

from __future__ import annotations

from leadline.errors import ConfigError, Refusals
from leadline.recipes.schema import Recipe
from leadline.runs.backends.protocol import Backend, Stage
from leadline.runs.training_data import Material, open_material

__all__ = ["Backend", "Stage", "check_recipe", "open_backend", "open_run"]


def open_run(recipe: Recipe) -> tuple[Material, Backend]:
    """What a recipe trains on, and who trains it.

    Raises:
        InputError: whatever is wrong with recipe, data and model and can be known without the model's weights, all
            at once; then weights that are no numbers. Nothing is written then.
    """
    data = Refusals()
    with data:
        material = open_material(recipe)
    if data.found:
        refusals = Refusals()
        with refusals:
            check_recipe(recipe, None)
        with refusals:
            data.raise_all()
        refusals.raise_all()
    return material, open_backend(recipe, material)


def open_backend(recipe: Recipe, material: Material) -> Backend:
    """The backend that a recipe names.

    Raises:
        InputError: see :func:`check_recipe`.
    """
    check_recipe(recipe, material)
    if recipe.backend == "trl":
        from leadline.runs.backends.trl import TrlBackend

        return TrlBackend(recipe, material)
    from leadline.runs.backends.local import LocalBackend

    return LocalBackend(recipe, material)


def check_recipe(recipe: Recipe, material: Material | None, *, planning: bool = False) -> list[str]:
    """Refuse what cannot work, as far as it can be known without loading a model.

    Args:
        recipe: a whole recipe.
        material: of the recipe; None where it could not be had.
        planning: the run need not happen on this machine: what is only missing here is no fault but a note.

    Returns:
        such notes.

    Raises:
        InputError: all faults at once.
    """
    if recipe.backend == "verl" and not planning:
        raise ConfigError(
            "backend: 'verl' does not run here: hand the recipe to a cluster with `leadline launch verl`"
        )
    from leadline.runs.backends.checks import check_lift, check_scoring, check_stops

    refusals = Refusals()
    notes: list[str] = []
    with refusals:
        check_scoring(recipe, planning=planning)
    with refusals:
        check_stops(recipe)
    with refusals:
        check_lift(recipe, material, planning=planning)
    with refusals:
        if recipe.backend == "trl":
            from leadline.runs.backends.trl.checks import check_trl_recipe as check_trl_recipe

            notes += check_trl_recipe(recipe, material, planning=planning)
        elif recipe.backend == "local":
            from leadline.runs.backends.local import check_local_recipe as check_local_recipe

            check_local_recipe(recipe, material)
    refusals.raise_all()
    return notes
