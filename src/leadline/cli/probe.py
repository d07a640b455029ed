"""``leadline probe``: arguments in, a probe out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from leadline.cli.options import (
    Format,
    Out,
    PassAt,
    SampleColumns,
    SkipBad,
    Tokenizer,
    bad_rows,
    in_range,
    one_of,
    sample_reading,
    slug,
)
from leadline.errors import InputError

if TYPE_CHECKING:
    from leadline.samplers.factory import Engine

__all__ = ["probe_command"]


def probe_command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Samples or counts: files of any known layout, patterns, folders, RUN:ARM; or a model (with --data).",
        ),
    ],
    data: Annotated[
        str | None, typer.Option(help="The problems: reference answers, texts, and what a model is asked.")
    ] = None,
    against: Annotated[
        list[str] | None, typer.Option(help="An evaluation set that must not be trained on.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page.")] = None,
    write_problems: Annotated[Path | None, typer.Option(help="Write the problems worth training on.")] = None,
    group: Annotated[int | None, typer.Option(help="Completions a group in the run to come.")] = None,
    batch: Annotated[int, typer.Option(help="Problems per step of the run to come.")] = 32,
    steps: Annotated[int, typer.Option(help="Steps of the run to come.")] = 60,
    samples: Annotated[int, typer.Option(help="A model: completions per problem.")] = 64,
    temperature: Annotated[float, typer.Option(help="A model: as the run will sample.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(help="A model: cap on a completion.")] = 1024,
    limit: Annotated[int | None, typer.Option(help="A model: only the first so many problems.")] = None,
    engine: Annotated[str, typer.Option(help="A model: auto, local, transformers or vllm.")] = "auto",
    url: Annotated[str | None, typer.Option(help="A model behind an OpenAI-compatible server.")] = None,
    out: Out = None,
    format: Format = None,
    columns: SampleColumns = None,
    pass_at: PassAt = None,
    tokenizer: Tokenizer = None,
    skip_bad_rows: SkipBad = False,
) -> None:
    """Before a run: will GRPO help this model on these problems?"""
    from leadline.diagnosis.probe import run_probe
    from leadline.diagnosis.probe.sampling import sample_for_probe
    from leadline.diagnosis.probe.tables import probe_finding
    from leadline.display.progress import counting
    from leadline.display.terminal import terminal

    one_of("--engine", engine, ("auto", "local", "transformers", "vllm"))
    in_range(
        group=(group, 2, 65_536), batch=(batch, 1, 10**7), steps=(steps, 1, 10**9), samples=(samples, 1, 10**6),
        temperature=(temperature, 0, 100), max_tokens=(max_tokens, 1, 2**24), limit=(limit, 1, 10**12),
    )  # fmt: skip
    if url is not None and data is None:
        raise InputError("--url: asks a model, which needs problems: give them with --data")
    forced: dict[str, float] = {}
    source = sources[0]
    rows: list[str] | Path = sources
    if data is not None and len(sources) == 1 and (url is not None or _is_model(source)):
        folder = out or Path("runs") / f"probe-{slug(source)}-{slug(data)}"
        with counting("samples") as count:
            rows, forced = sample_for_probe(
                source, data, folder, samples=samples, temperature=temperature, max_tokens=max_tokens, limit=limit,
                engine=cast("Engine", engine), url=url, progress=count,
            )  # fmt: skip
    with counting("rows") as count:
        found = run_probe(
            rows, data=data, against=against or (), html=html, write_problems=write_problems, log_forced=forced,
            on_bad_row=bad_rows(skip_bad_rows), progress=lambda done: count(done, None), group=group, batch=batch,
            steps=steps, reading=sample_reading(format, columns, pass_at, tokenizer),
        )  # fmt: skip
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        Console(highlight=False).print(terminal(probe_finding(found, f"Probe of {source}", source=source)))


def _is_model(source: str) -> bool:
    return (Path(source) / "config.json").is_file()
