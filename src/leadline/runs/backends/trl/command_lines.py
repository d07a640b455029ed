"""``leadline launch trl``: the ``accelerate launch`` lines of a recipe, and the command that runs them in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leadline.errors import ConfigError
from leadline.recipes.schema import Recipe
from leadline.runs.backends.command_line import as_line

__all__ = ["trl_lines"]


def trl_lines(
    recipe: Recipe, name: str, out: Path, *, nodes: int | None = None, gpus_per_node: int | None = None
) -> list[str]:
    """What to type, and what that starts, as shell lines.

    Args:
        name: how the recipe was named on the command line.
        gpus_per_node: processes; in place of the recipe's ``trl.launch``.

    Raises:
        ConfigError: the recipe is not one for TRL, or more than one machine is asked for.
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
    given = recipe.trl.get("launch")
    launch = _processes(gpus_per_node) if gpus_per_node or given is None else [str(word) for word in given]
    run = ["leadline", "run", name, "--out", str(out)]
    if launch != given:
        run += ["--set", f"trl.launch={_yaml_list(launch)}"]
    stages = ["sft"] if recipe.sft.method != "none" else []
    stages += list(recipe.arms) if recipe.rl.steps else []
    lines = [as_line(run), "# which starts, one after the other:"]
    for stage in stages:
        spec = out / "checkpoints" / stage / "launch" / "spec.json"
        worker = ["-m", "leadline.runs.backends.trl.worker", str(spec)]
        lines.append(as_line(["accelerate", "launch", *launch, *worker]))
    return lines


def _processes(count: int | None) -> list[str]:
    several = ["--multi_gpu"] if count and count > 1 else []
    return ["--num_processes", str(count or 1), "--num_machines", "1", "--mixed_precision", "bf16", *several]


def _yaml_list(words: Sequence[str]) -> str:
    """Every word quoted: ``--set`` reads YAML, where a bare 8 is a number."""
    return "[" + ", ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words) + "]"
