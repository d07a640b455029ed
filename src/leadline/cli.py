"""The command line: arguments in, exit codes out. No logic lives here."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from leadline import __version__
from leadline.errors import InputError, LeadlineError

__all__ = ["app", "main"]

app = typer.Typer(
    name="leadline",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sound, train and prove reasoning with GRPO.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
recipes_app = typer.Typer(no_args_is_help=True, help="The recipes that come with leadline.")
app.add_typer(recipes_app, name="recipes")

console = Console(highlight=False)

Out = Annotated[Path | None, typer.Option("--out", help="Where to write.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Change one value of the recipe: a.b=value.")]


def main() -> None:
    """Run the command line; every refusal is one or more plain lines and an exit code (0, 1, 2 or 130)."""
    warnings.showwarning = _show_warning
    try:
        app(standalone_mode=False)
    except LeadlineError as error:
        for line in str(error).splitlines():
            print(f"leadline: {line}", file=sys.stderr)
        sys.exit(error.exit_code)
    except typer.Exit as done:
        sys.exit(done.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        print("leadline: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of click: unknown option, missing argument
            print(f"leadline: {error.format_message()}", file=sys.stderr)
            sys.exit(2)
        raise


@app.command()
def run(
    recipe: Annotated[
        str, typer.Argument(help="A recipe file, or the name of a packaged one (leadline recipes list).")
    ],
    out: Out = None,
    model: Annotated[str | None, typer.Option(help="Start from this Hugging Face model directory.")] = None,
    data: Annotated[str | None, typer.Option(help="Train on these problems instead of the recipe's.")] = None,
    changes: Set = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and what it costs.")
    ] = False,
) -> None:
    """Run a recipe: base, supervised, GRPO arms, evaluation, report."""
    from leadline.recipes import find_recipe

    settings = list(changes or [])
    if model is not None:
        settings.append(f"model.source={json.dumps(model)}")
    if data is not None:
        settings += [f"data.train={json.dumps(data)}", "data.world=null"]
    parsed = find_recipe(recipe, settings)
    folder = out or Path("runs") / parsed.name
    if dry_run:
        from leadline.estimate import describe_plan

        for line in describe_plan(parsed, folder):
            console.print(line, markup=False)
        return
    from leadline.pipeline import run_recipe
    from leadline.progress import Progress, result_table

    with Progress() as progress:
        summary = run_recipe(parsed, folder, resume=resume, progress=progress)
    console.print(result_table(summary))
    console.print(f"{summary['seconds']:.0f} s. Report: {folder / 'report.html'}", markup=False)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="One or several run directories.")],
    out: Out = None,
) -> None:
    """Write one self-contained HTML page about one or several runs."""
    from leadline.report import build_report

    path = build_report(runs, out or runs[0] / "report.html")
    console.print(str(path), markup=False)


@recipes_app.command("list")
def recipes_list() -> None:
    """Name the packaged recipes, each with its first line."""
    from leadline.recipes import packaged

    for name, text in packaged().items():
        first = text.splitlines()[0].lstrip("# ")
        console.print(f"{name:20} {first}", markup=False)


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
    """Warnings of our own as one line; those of libraries are theirs to fix and stay out of a user's way."""
    if category.__module__.startswith("leadline"):
        print(f"leadline: warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
