"""The command line: arguments in, exit codes out. No logic lives here."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from leadline import __version__
from leadline.cli.audit import audit_command
from leadline.cli.compare import compare_command
from leadline.cli.convert import convert_command
from leadline.cli.evaluate import evaluate_command
from leadline.cli.export import export_command
from leadline.cli.launch import doctor, launch_app
from leadline.cli.model import model_app
from leadline.cli.options import Out, say
from leadline.cli.outcome import complain, end, run
from leadline.cli.probe import probe_command
from leadline.cli.recipe_options import Changes, Model, RecipeName, changed_recipe, run_folder
from leadline.cli.study import study
from leadline.cli.watch import watch_command
from leadline.display.visible import visible
from leadline.errors import InputError

__all__ = ["app", "main"]

app = typer.Typer(
    name="leadline",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Probe, train and prove reasoning with GRPO.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
recipes_app = typer.Typer(no_args_is_help=True, help="The recipes that come with leadline.")
app.add_typer(recipes_app, name="recipes")

console = Console(highlight=False)

_shows_traceback = False


def _say_version(asked: bool) -> None:
    if asked:
        say(f"leadline {__version__}")
        raise typer.Exit


@app.callback()
def options(
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where a fault of leadline itself came up.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    """Probe, train and prove reasoning with GRPO."""
    global _shows_traceback
    _shows_traceback = traceback


def main() -> None:
    """Run the command line; every refusal is one or more plain lines and an exit code (0, 1, 2 or 130)."""
    warnings.showwarning = _show_warning
    if not sys.stderr.isatty():  # looked at when these libraries are imported
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    end(run(lambda: app(standalone_mode=False), traceback=lambda: _shows_traceback))


@app.command("run")
def run_command(
    recipe: RecipeName,
    out: Out = None,
    model: Model = None,
    data: Annotated[str | None, typer.Option(help="Train on these problems instead of the recipe's.")] = None,
    changes: Changes = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    track: Annotated[
        str | None, typer.Option(help="Show it in these, too: trackio,tensorboard,wandb.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and what it costs.")
    ] = False,
) -> None:
    """Run a recipe: base, supervised, GRPO arms, evaluation, report."""
    if track is not None:
        changes = [*(changes or []), f"track={json.dumps(track.split(','))}"]
    parsed = changed_recipe(recipe, changes, model, data)
    folder = run_folder(out, parsed)
    if dry_run:
        from leadline.runs.cost_estimate import describe_plan
        from leadline.runs.gpu_needs import gpu_lines

        for line in gpu_lines(parsed):  # known before the data are there
            say(line)
        for line in describe_plan(parsed, folder):
            say(line)
        return
    from leadline.display.progress import Progress, result_table
    from leadline.runs.pipeline import run_recipe

    with Progress() as progress:
        summary = run_recipe(parsed, folder, resume=resume, progress=progress)
    console.print(result_table(summary, console))
    console.print(f"{summary['seconds']:.0f} s. Report: {folder / 'report.html'}", markup=False)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="One or several run directories.")],
    out: Out = None,
) -> None:
    """Write one self-contained HTML page about one or several runs."""
    from leadline.health.sources.trl_directory import is_trl
    from leadline.report import build_report
    from leadline.runs.backends.verl.collect import collect, is_launched
    from leadline.storage.run_directory import is_run

    for folder in runs:
        if is_trl(folder) and not is_run(folder):
            raise InputError(
                f"{folder}: a run of TRL's own; a page about it: leadline watch {folder} --once --html FILE"
            )
    for folder in filter(is_launched, runs):
        collect(folder)  # what verl has written so far
    path = build_report(runs, out or runs[0] / "report.html")
    console.print(str(path), markup=False)


app.command("eval")(evaluate_command)
app.command("probe")(probe_command)
app.command("compare")(compare_command)
app.command("convert")(convert_command)
app.command("export")(export_command)
app.command("audit")(audit_command)
app.command("watch")(watch_command)


@app.command("grade")
def grade_command(
    file: Annotated[
        Path, typer.Argument(help='Rows with "response" or "completion", and "gold" or "answer".')
    ],
    out: Out = None,
    workers: Annotated[int, typer.Option(help="Processes for answers that need algebra.")] = 2,
    timeout_s: Annotated[float, typer.Option(help="Seconds an answer may take.")] = 1.0,
    memory_mb: Annotated[int, typer.Option(help="Memory an answer may take.")] = 1024,
    resume: Annotated[bool, typer.Option("--resume", help="Go on behind the last row of --out.")] = False,
) -> None:
    """Grade a file of answers; hostile ones cost their own row and nothing else."""
    from leadline.display.progress import counting
    from leadline.grading.files import grade_file

    with counting("rows") as count:
        done = grade_file(
            *(file, out, workers, timeout_s, memory_mb, resume),
            on_progress=lambda state: count(state.done, state.total),
        )
    for reason, number in sorted(done.counts.items(), key=lambda item: -item[1]):
        console.print(f"{reason:18} {number:8,}", markup=False)
    if done.malformed:
        console.print(f"{'malformed':18} {len(done.malformed):8,}", markup=False)
        complain(*done.malformed[:20])
    console.print(
        f"{done.graded:,} rows in {done.seconds:.1f} s ({done.per_second:,.0f}/s). {done.out}", markup=False
    )


@app.command("sample")
def sample_command(
    model: Annotated[Path, typer.Argument(help="A model directory that leadline's decoder can hold.")],
    prompt: Annotated[str, typer.Argument(help="What it is asked; \\n is a line break.")],
    count: Annotated[int, typer.Option("--samples", "-n")] = 1,
    temperature: float = 1.0,
    max_tokens: int = 256,
    seed: int = 0,
) -> None:
    """Ask a model one thing and print what it answers."""
    from leadline.samplers import Sampling, check_samples
    from leadline.samplers.local import LocalSampler

    text, sampling = prompt.replace("\\n", "\n"), Sampling(max_tokens, temperature, seed=seed)
    check_samples(count)  # before the model is loaded
    for answer in LocalSampler(model).answer(text, sampling, count):
        print(visible(answer, None))


app.command()(study)
app.add_typer(launch_app, name="launch")
app.add_typer(model_app, name="model")
app.command()(doctor)


@recipes_app.command("list")
def recipes_list() -> None:
    """Name the packaged recipes, each with its first sentence."""
    from leadline.recipes import packaged, title

    for name, text in packaged().items():
        console.print(f"{name:20} {title(text)}", markup=False)


@recipes_app.command("show")
def recipes_show(name: str) -> None:
    """Print a packaged recipe."""
    from leadline.recipes import read_packaged

    print(read_packaged(name), end="")


@recipes_app.command("copy")
def recipes_copy(
    name: str, out: Annotated[Path | None, typer.Argument(help="Default: NAME.yaml here.")] = None
) -> None:
    """Copy a packaged recipe to a file of your own; never overwrites one."""
    from leadline.recipes import read_packaged

    text = read_packaged(name)
    path = out or Path(f"{name}.yaml")
    try:
        with path.open("x") as stream:
            stream.write(text)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    console.print(str(path), markup=False)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def _show_warning(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
    """Warnings of our own as one line; those of libraries are theirs to fix and stay out of a user's way.

    Not so where a tracker says that it loses what it is given: trackio goes on without raising.
    """
    place = Path(str(rest[0])).parts if rest else ()
    if category.__module__.startswith("leadline"):
        complain(f"warning: {message}")
    elif "trackio" in place and category is UserWarning:
        complain(f"track: {message}")


if __name__ == "__main__":
    main()
