"""``leadline probe``: arguments in, a probe out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from leadline.cli import model_options as ask
from leadline.cli.options import (
    AsJson,
    Format,
    Html,
    Out,
    PassAt,
    SampleColumns,
    SkipBad,
    Tokenizer,
    bad_rows,
    in_range,
    print_finding,
    sample_reading,
    slug,
)
from leadline.errors import InputError

if TYPE_CHECKING:
    from leadline.samplers.factory import Engine

__all__ = ["probe_command"]


Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Samples or counts: files of any known layout, patterns, folders, RUN:ARM; or a model (with --data).",
    ),
]
ProblemData = Annotated[
    str | None, typer.Option(help="The problems: reference answers, texts, and what a model is asked.")
]
Against = Annotated[list[str] | None, typer.Option(help="An evaluation set that must not be trained on.")]
KeptProblems = Annotated[Path | None, typer.Option(help="Write the problems worth training on.")]


def probe_command(
    sources: Sources,
    data: ProblemData = None,
    against: Against = None,
    as_json: AsJson = False,
    html: Html = None,
    write_problems: KeptProblems = None,
    group: Annotated[int | None, typer.Option(help="Completions per group in the run to come.")] = None,
    batch: Annotated[int, typer.Option(help="Problems per step of the run to come.")] = 32,
    steps: Annotated[int, typer.Option(help="Steps of the run to come.")] = 60,
    samples: ask.SamplesEach = 64,
    temperature: ask.Temperature = 1.0,
    max_tokens: ask.MaxTokens = 1024,
    limit: ask.Limit = None,
    engine: ask.EngineName = "auto",
    url: ask.Url = None,
    out: Out = None,
    format: Format = None,
    columns: SampleColumns = None,
    pass_at: PassAt = None,
    tokenizer: Tokenizer = None,
    skip_bad_rows: SkipBad = False,
) -> None:
    """Before a run: will GRPO help this model on these problems?"""
    from leadline.diagnosis.probe import run_probe
    from leadline.diagnosis.probe.tables import probe_finding
    from leadline.display.progress import counting

    ask.check_engine(engine)
    in_range(
        group=(group, 2, 65_536), batch=(batch, 1, 10**7), steps=(steps, 1, 10**9), samples=(samples, 1, 10**6),
        temperature=(temperature, 0, 100), max_tokens=(max_tokens, 1, 2**24), limit=(limit, 1, 10**12),
    )  # fmt: skip
    if url is not None and data is None:
        raise InputError("--url: asks a model, which needs problems: give them with --data")
    if data is None and any(_is_model(source) for source in sources):
        raise InputError(f"{sources[0]}: a model, which needs problems: give them with --data")
    rows: list[str] | Path = sources
    forced: dict[str, float] = {}
    if data is not None and len(sources) == 1 and (url is not None or _is_model(sources[0])):
        folder = out or Path("runs") / f"probe-{slug(sources[0])}-{slug(data)}"
        rows, forced = _ask(sources[0], data, folder, samples, limit, (max_tokens, temperature), engine, url)
    with counting("rows") as count:
        found = run_probe(
            rows, data=data, against=against or (), html=html, write_problems=write_problems, log_forced=forced,
            on_bad_row=bad_rows(skip_bad_rows), progress=count, group=group, batch=batch, steps=steps,
            reading=sample_reading(format, columns, pass_at, tokenizer),
        )  # fmt: skip
    shown = probe_finding(found, f"Probe of {sources[0]}", source=sources[0])
    print_finding(found.as_dict(), shown, as_json)


def _ask(
    model: str,
    data: str,
    folder: Path,
    samples: int,
    limit: int | None,
    sampled: tuple[int, float],
    engine: str,
    url: str | None,
) -> tuple[Path, dict[str, float]]:
    """Draw the samples that are to be probed; returns their file, and lower bounds on log Q where there are any."""
    from leadline.diagnosis.probe.sampling import sample_for_probe
    from leadline.display.progress import counting
    from leadline.samplers import Sampling
    from leadline.samplers.factory import ModelOptions, Server

    sampling = Sampling(*sampled)
    options = ModelOptions(cast("Engine", engine), server=None if url is None else Server(url))
    with counting("samples") as count:
        return sample_for_probe(
            model, data, folder, sampling, options, samples=samples, limit=limit, progress=count
        )


def _is_model(source: str) -> bool:
    return (Path(source) / "config.json").is_file()
