"""``leadline export``: samples and results in the forms of Inspect and of the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.options import (
    Format,
    PassAt,
    SampleColumns,
    SkipBad,
    Tokenizer,
    bad_rows,
    sample_reading,
    say,
    say_what_was_read,
)

__all__ = ["export_command"]


def export_command(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Sample files of any known layout, or RUN:ARM.")
    ],
    to: Annotated[str, typer.Option("--to", help="inspect, dataset, eval-results or model-card.")],
    out: Annotated[Path, typer.Option("--out", help="A file; for dataset a folder.")],
    model: Annotated[str, typer.Option(help="The model's name.")] = "",
    benchmark: Annotated[str, typer.Option(help="The data set that was asked, OWNER/NAME on the Hub.")] = "",
    task: Annotated[str, typer.Option(help="The task of the benchmark.")] = "default",
    revision: Annotated[str, typer.Option(help="The commit of the benchmark.")] = "",
    notes: Annotated[str, typer.Option(help="How the samples were drawn.")] = "",
    date: Annotated[str | None, typer.Option(help="When, ISO 8601; now when not given.")] = None,
    data: Annotated[
        str | None, typer.Option(help="The problems: reference answers for ungraded rows.")
    ] = None,
    format: Format = None,
    columns: SampleColumns = None,
    pass_at: PassAt = None,
    tokenizer: Tokenizer = None,
    skip_bad_rows: SkipBad = False,
) -> None:
    """Write samples as an Inspect log or a data set, or their results for a model repository. Nothing is pushed."""
    from leadline.data import load_problems
    from leadline.data.samples.exports import About, export_samples
    from leadline.display.progress import counting

    reading = sample_reading(format, columns, pass_at, tokenizer)
    about = About(model, benchmark, task, revision, notes, **({} if date is None else {"date": date}))
    problems = () if data is None else load_problems(data, columns=reading.of_problems).problems
    with counting("rows") as count:
        counts = export_samples(
            sources,
            to,
            out,
            about=about,
            problems=problems,
            reading=reading,
            on_bad_row=bad_rows(skip_bad_rows),
            progress=count,
        )
    say_what_was_read(counts.said, counts.skipped)
    say(f"{len(counts):,} problems, {counts.n_samples:,} samples. {out}")
