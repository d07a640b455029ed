"""``leadline launch verl``: a recipe's arms as jobs of a Ray cluster."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline import __version__
from leadline.errors import ConfigError, InputError, LeadlineError
from leadline.recipes.schema import Recipe
from leadline.runs.backends.command_line import as_arguments, as_line
from leadline.runs.backends.verl.collect import FOLDER
from leadline.runs.backends.verl.parquet import write_parquet
from leadline.runs.backends.verl.section import VerlSection, read_section
from leadline.runs.backends.verl.settings import arm_keys, verl_recipe_faults
from leadline.runs.training_data import Material
from leadline.storage.run_directory import RunReader, RunWriter, is_run, write_text_atomic

__all__ = ["ClusterJob", "VerlPlan", "describe_jobs", "plan_verl", "submit", "write_inputs"]


@dataclass(frozen=True)
class ClusterJob:
    """One arm: its folder, verl's keys, and the command that hands it to the cluster."""

    arm: str
    folder: Path
    keys: dict[str, Any]
    address: str | None

    @property
    def arguments(self) -> list[str]:
        return as_arguments(self.keys)

    @property
    def command(self) -> list[str]:
        where = ["--address", self.address] if self.address else []
        return [
            "ray",
            "job",
            "submit",
            *where,
            "--",
            "python",
            "-m",
            "verl.trainer.main_ppo",
            *self.arguments,
        ]


@dataclass(frozen=True)
class VerlPlan:
    """Everything that a launch will do, decided before it does anything."""

    recipe: Recipe
    section: VerlSection
    out: Path
    jobs: tuple[ClusterJob, ...]


def plan_verl(
    recipe: Recipe,
    out: Path,
    *,
    nodes: int | None = None,
    gpus_per_node: int | None = None,
    arms: Sequence[str] = (),
    address: str | None = None,
) -> VerlPlan:
    """Turn a recipe into jobs; reads nothing but the run directory that may be there already.

    Args:
        out: run directory; on storage that all nodes share under the same path.
        nodes, gpus_per_node: in place of the recipe's ``verl.nodes`` and ``verl.gpus_per_node``.
        arms: only these.
        address: of the Ray cluster's dashboard; without it ``ray`` decides (``RAY_ADDRESS``, or this machine).

    Raises:
        ConfigError: everything in the recipe that verl cannot do, and arms that it does not have.
        InputError: the directory holds a run of another recipe.
    """
    if recipe.backend != "verl":
        raise ConfigError(
            f"backend: is {recipe.backend!r}: launch verl needs a recipe with backend verl (--set backend=verl)"
        )
    section = read_section(recipe, nodes=nodes, gpus_per_node=gpus_per_node)
    faults = verl_recipe_faults(recipe, section)
    faults += [
        f"--arm {arm}: the recipe has {', '.join(recipe.arms)}" for arm in arms if arm not in recipe.arms
    ]
    if faults:
        raise ConfigError(faults)
    if (out / "recipe.yaml").is_file() and RunReader(out).recipe != recipe.to_yaml():
        raise InputError(f"{out}: holds a run of another recipe: choose another --out")
    root = out.resolve() / FOLDER
    jobs = []
    for name in arms or recipe.arms:
        folder = root / name
        attempt = len(list(folder.glob("metrics-*.jsonl"))) + 1
        jobs.append(ClusterJob(name, folder, arm_keys(recipe, section, name, folder, attempt), address))
    return VerlPlan(recipe, section, out, tuple(jobs))


def describe_jobs(plan: VerlPlan) -> list[str]:
    """The plan as lines of text: what it is, then one shell command a job."""
    section, recipe = plan.section, plan.recipe
    lines = [
        f"# {recipe.name}: {recipe.rl.steps} steps of {recipe.rl.prompts} x {recipe.rl.group_size} completions on "
        f"{section.nodes} x {section.gpus_per_node} GPUs, into {plan.out.resolve()}"
    ]
    for job in plan.jobs:
        lines += [f"# arm {job.arm}", as_line(job.command)]
    return lines


def write_inputs(plan: VerlPlan, material: Material) -> None:
    """Write the run directory: recipe, environment, the problems as Parquet files, each job's command.

    The training file holds the problems of all steps in the recipe's order, which verl is told to keep: every
    backend sees the same problems at the same step. (Dynamic sampling uses up more of them; verl then begins anew.)

    Raises:
        StorageError: the disk refused.
        InputError: another process writes there.
    """
    recipe = plan.recipe
    data = plan.out.resolve() / FOLDER / "data"
    steps = range(recipe.rl.steps)
    training = [problem for step in steps for problem in material.train(step, recipe.rl.prompts)]
    held_out = material.validation(recipe.rl.validation_problems) or material.test(1)
    with RunWriter(plan.out, resume=is_run(plan.out)) as writer:
        writer.recipe(recipe.to_yaml())
        writer.environment({"versions": {"leadline": __version__}, "seed": recipe.seed, "launched": "verl"})
        for name, problems in (("train", training), ("valid", held_out)):
            write_parquet(
                data / f"{name}.parquet",
                problems,
                split=name,
                source=recipe.name,
                system=recipe.data.system_prompt,
            )
        for job in plan.jobs:
            text = "#!/bin/sh\n" + as_line(job.command) + "\n"
            write_text_atomic(job.folder / "submit.sh", text)


def submit(job: ClusterJob) -> None:
    """Hand a job to the cluster and follow it to its end; what it prints goes through.

    Raises:
        LeadlineError: there is no ``ray``, or the job failed.
    """
    ray = shutil.which("ray") or shutil.which("ray", path=str(Path(sys.executable).parent))
    if ray is None:
        raise LeadlineError("ray: there is no such command here")
    code = subprocess.run([ray, *job.command[1:]], check=False).returncode
    if code:
        raise LeadlineError(
            f"arm {job.arm}: `ray job submit` ended with code {code}; to go on from the last checkpoint, launch again"
        )
