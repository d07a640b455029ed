"""``leadline launch verl|trl|collect`` and ``leadline doctor``: arguments in, lines out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.options import say
from leadline.cli.recipe_options import Changes, Model, RecipeName, changed_recipe, run_folder
from leadline.errors import InputError

__all__ = ["doctor", "launch_app"]

launch_app = typer.Typer(
    no_args_is_help=True, help="Hand a recipe to a cluster (verl) or to several processes (TRL)."
)

RunOut = Annotated[
    Path | None, typer.Option("--out", help="Run directory; for verl on storage that all nodes share.")
]
Nodes = Annotated[int | None, typer.Option(min=1, help="Machines.")]
Gpus = Annotated[int | None, typer.Option(min=1, help="GPUs per machine.")]


@launch_app.command("verl")
def launch_verl(
    recipe: RecipeName,
    out: RunOut = None,
    model: Model = None,
    changes: Changes = None,
    nodes: Nodes = None,
    gpus_per_node: Gpus = None,
    arm: Annotated[list[str] | None, typer.Option(help="Only this arm; may be repeated.")] = None,
    address: Annotated[
        str | None, typer.Option(help="Dashboard of the Ray cluster, http://HOST:8265.")
    ] = None,
    python: Annotated[
        str | None, typer.Option(help="The Python that has verl, where it is not this one.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and print; write and start nothing.")
    ] = False,
) -> None:
    """Check everything, write the Parquet files, and run each arm as a job of the cluster."""
    from leadline.runs.backends.verl import describe_jobs, plan_verl, submit, write_inputs
    from leadline.runs.backends.verl.checks import verl_environment_faults
    from leadline.runs.gpu_needs import gpu_lines
    from leadline.runs.training_data import open_material

    parsed = changed_recipe(recipe, changes, model)
    plan = plan_verl(
        parsed,
        run_folder(out, parsed),
        nodes=nodes,
        gpus_per_node=gpus_per_node,
        arms=arm or (),
        address=address,
    )
    for line in gpu_lines(parsed, nodes=nodes, gpus_per_node=gpus_per_node):
        say(f"# {line}")
    material = open_material(parsed)
    for line in [*(f"# note: {note}" for note in material.notes), *describe_jobs(plan)]:
        say(line, limit=None)  # a command is of no use when it is cut
    faults = [
        line
        for job in plan.jobs
        for line in verl_environment_faults(job.arguments, python=python or sys.executable)
    ]
    if faults:
        raise InputError(list(dict.fromkeys(faults)))
    if dry_run:
        return
    write_inputs(plan, material)
    for job in plan.jobs:
        submit(job)


@launch_app.command("trl")
def launch_trl(
    recipe: RecipeName,
    out: RunOut = None,
    model: Model = None,
    changes: Changes = None,
    nodes: Nodes = None,
    gpus_per_node: Gpus = None,
) -> None:
    """Print the line that runs a recipe through TRL, and the `accelerate launch` lines behind it."""
    from leadline.runs.backends.trl.checks import trl_environment_faults
    from leadline.runs.gpu_needs import gpu_lines

    parsed = changed_recipe(recipe, changes, model)
    faults = trl_environment_faults()
    if faults:
        raise InputError(faults)
    from leadline.runs.backends.trl.command_lines import launched_recipe, trl_lines

    launched = launched_recipe(parsed, nodes=nodes, gpus_per_node=gpus_per_node)
    for line in gpu_lines(launched):
        say(f"# {line}")
    folder = run_folder(out, parsed)
    for line in trl_lines(parsed, launched, recipe, folder, model=model, changes=changes or ()):
        say(line, limit=None)


@launch_app.command("collect")
def launch_collect(
    run: Annotated[Path, typer.Argument(help="A run directory that `launch verl` made.")],
) -> None:
    """Turn verl's metrics and rollouts into the run's records (`leadline report` does this by itself)."""
    from leadline.runs.backends.verl import collect, is_launched

    if not is_launched(run):
        raise InputError(f"{run}: not a run that `leadline launch verl` made")
    say(f"{collect(run)} steps")


def doctor(
    subject: Annotated[str | None, typer.Argument(help="verl or trl; without it this machine.")] = None,
) -> None:
    """Say what is installed, what is missing, which versions were tested. Exit code 2 when something does not work."""
    from leadline.cli.doctor import diagnose

    if subject not in (None, "verl", "trl"):
        raise InputError(f"{subject}: doctor knows verl and trl")
    findings = diagnose(subject)
    marks = {None: " ", True: "+", False: "!"}
    for finding in findings:
        say(f"{marks[finding.ok]} {finding.text}")
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(2)
