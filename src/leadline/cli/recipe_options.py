"""Which recipe, with what changed, and where its run goes: shared by `run` and `launch`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from leadline.recipes import find_recipe
from leadline.recipes.schema import Recipe
from leadline.storage.outputs import check_folder_name

__all__ = ["Changes", "Model", "RecipeName", "changed_recipe", "run_folder"]

RecipeName = Annotated[
    str, typer.Argument(help="A recipe file, or the name of a packaged one (leadline recipes list).")
]
Model = Annotated[str | None, typer.Option(help="Start from this Hugging Face model: a directory or an id.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="Change one value of the recipe: a.b=value.")
]


def changed_recipe(
    name: str, changes: Sequence[str] | None, model: str | None, data: str | None = None
) -> Recipe:
    """The recipe of that name with what the options change.

    Raises:
        ConfigError: there is none, or it has faults.
    """
    settings = list(changes or [])
    if model is not None:
        settings.append(f"model.source={json.dumps(model)}")
    if data is not None:
        settings += [f"data.train={json.dumps(data)}", "data.world=null"]
    return find_recipe(name, settings)


def run_folder(out: Path | None, recipe: Recipe) -> Path:
    """``--out``, or ``runs/NAME``."""
    if out is not None:
        check_folder_name(out)
    return out or Path("runs") / recipe.name
