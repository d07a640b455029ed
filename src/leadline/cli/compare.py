"""``leadline compare``: two sample files in, what changed out."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from leadline.cli.options import (
    AsJson,
    Format,
    Html,
    PassAt,
    SampleColumns,
    SkipBad,
    Tokenizer,
    bad_rows,
    in_range,
    print_finding,
    reading_words,
    sample_reading,
)

__all__ = ["compare_command"]


def compare_command(
    base: Annotated[
        str,
        typer.Argument(
            help="Samples before: a file of any known layout, a pattern or folder of them, or RUN:ARM."
        ),
    ],
    tuned: Annotated[str, typer.Argument(help="Samples after, of the same problems.")],
    data: Annotated[
        str | None, typer.Option(help="The problems, for the reference answers of ungraded rows.")
    ] = None,
    repeat: Annotated[
        str | None,
        typer.Option(
            help="More samples of the base (another seed or dtype): what moves without any training."
        ),
    ] = None,
    unrelated: Annotated[
        bool, typer.Option("--unrelated", help="Two models, neither of which was trained from the other.")
    ] = False,
    as_json: AsJson = False,
    html: Html = None,
    format: Format = None,
    columns: SampleColumns = None,
    pass_at: PassAt = None,
    tokenizer: Tokenizer = None,
    tau: Annotated[
        float | None, typer.Option(help="Correct mass above which a problem counts as supported.")
    ] = None,
    skip_bad_rows: SkipBad = False,
) -> None:
    """After a run: sharpened, expanded, shortened, only formatted, or harmed?"""
    from leadline.diagnosis.compare import run_compare
    from leadline.diagnosis.compare.tables import comparison_finding
    from leadline.display.progress import counting

    in_range(tau=(tau, 0, 1))
    with counting("rows") as count:
        found = run_compare(
            base, tuned, data=data, repeat=repeat, unrelated=unrelated, html=html, tau=tau,
            on_bad_row=bad_rows(skip_bad_rows),
            reading=sample_reading(format, columns, pass_at, tokenizer), progress=count,
        )  # fmt: skip
    read = reading_words(format, columns, pass_at, tokenizer, skip_bad_rows)
    again = (shlex.quote(base), shlex.join([tuned, *read, *(["--data", data] if data is not None else [])]))
    shown = comparison_finding(found, f"{tuned} against {base}", sources=again)
    print_finding(found.as_dict(), shown, as_json)
