"""``leadline convert``: sample files of others in, leadline's own form out."""

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
    sample_reading,
    say,
    say_what_was_read,
)

__all__ = ["convert_command"]


def convert_command(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Sample files of any known layout.")
    ],
    out: Annotated[Path, typer.Option("--out", help="samples.jsonl, or samples.jsonl.gz.")],
    data: Annotated[
        str | None, typer.Option(help="The problems: their ids, and reference answers for ungraded rows.")
    ] = None,
    format: Format = None,
    columns: SampleColumns = None,
    pass_at: PassAt = None,
    tokenizer: Tokenizer = None,
    skip_bad_rows: SkipBad = False,
) -> None:
    """Write samples of any known layout as leadline's own JSON lines."""
    from leadline.data.samples.converting import convert_samples
    from leadline.display.progress import counting

    reading = sample_reading(format, columns, pass_at, tokenizer)
    with counting("rows") as count:
        done = convert_samples(
            sources,
            out,
            data=data,
            reading=reading,
            skip_bad_rows=skip_bad_rows,
            progress=count,
        )
    say_what_was_read(reading.notes, done.skipped)
    say(f"{done.written:,} rows. {out}")
