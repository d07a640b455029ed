"""Who does the work of a stage: one protocol, several engines, imported when they are asked for."""

from __future__ import annotations

from leadline.backends.protocol import Backend, Stage
from leadline.errors import ConfigError
from leadline.material import Material
from leadline.recipe import Recipe

__all__ = ["Backend", "Stage", "open_backend"]


def open_backend(recipe: Recipe, material: Material) -> Backend:
    """The backend that a recipe names."""
    if recipe.backend == "local":
        from leadline.backends.local import LocalBackend

        return LocalBackend(recipe, material)
    if recipe.backend == "trl":
        from leadline.backends.trl import TrlBackend

        return TrlBackend(recipe, material)
    raise ConfigError(
        f"backend: {recipe.backend!r} does not run here: hand the recipe to a cluster with `leadline launch verl`"
    )
