"""``leadline launch trl``: the ``accelerate launch`` lines of a recipe, and the command that runs them in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leadline.errors import ConfigError
from leadline.recipes.schema import Recipe
from leadline.runs.backends.command_line import as_line
from leadline.runs.backends.translation import batch_line, refusals
from leadline.runs.backends.trl.launch_words import launch_words, processes, with_processes

__all__ = ["launched_recipe", "trl_lines"]


def launched_recipe(recipe: Recipe, *, nodes: int | None = None, gpus_per_node: int | None = None) -> Recipe:
    """The recipe with the words that `accelerate launch` is to get.

    Args:
        gpus_per_node: processes, in place of the number in the recipe's ``trl.launch``.

    Raises:
        ConfigError: the recipe is not one for TRL, more than one machine is asked for, or the completions of a step do
            not divide over the processes.
    """
    faults = []
    if recipe.backend != "trl":
        faults.append(
            f"backend: is {recipe.backend!r}: launch trl needs a recipe with backend trl (--set backend=trl)"
        )
    if nodes is not None and nodes > 1:
        faults.append(
            "--nodes: backend trl runs on one machine, because one process holds the run directory; "
            "for several nodes use `leadline launch verl`"
        )
    if faults:
        raise ConfigError(faults)
    words = launch_words(recipe)
    if gpus_per_node or not words:
        words = with_processes(words, gpus_per_node or 1)
    faults = refusals([batch_line(recipe, processes(words), {})])
    if faults:
        raise ConfigError(faults)
    return recipe.model_copy(update={"trl": {**recipe.trl, "launch": words}})


def trl_lines(
    recipe: Recipe,
    launched: Recipe,
    name: str,
    out: Path,
    *,
    model: str | None = None,
    changes: Sequence[str] = (),
) -> list[str]:
    """What to type, and what that starts, as shell lines.

    Args:
        recipe: as the command line made it.
        launched: what :func:`launched_recipe` gives for it.
        name: how the recipe was named on the command line.
        model, changes: what the command line made of it besides.
    """
    launch = launch_words(launched)
    own = [] if launch == launch_words(recipe) else [f"trl.launch={_yaml_list(launch)}"]
    run = ["leadline", "run", name, "--out", str(out), *(["--model", model] if model is not None else [])]
    for change in (*changes, *own):
        run += ["--set", change]
    stages = ["sft"] if recipe.sft.method != "none" else []
    stages += list(recipe.arms) if recipe.rl.steps else []
    lines = [as_line(run), "# which starts, one after the other:"]
    for stage in stages:
        spec = out / "checkpoints" / stage / "launch" / "spec.json"
        worker = ["-m", "leadline.runs.backends.trl.worker", str(spec)]
        lines.append(as_line(["accelerate", "launch", *launch, *worker]))
    return lines


def _yaml_list(words: Sequence[str]) -> str:
    """Every word quoted: ``--set`` reads YAML, where a bare 8 is a number."""
    return "[" + ", ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words) + "]"
