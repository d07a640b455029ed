"""What several commands of the command line share: options of one meaning, and small readers of their values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from leadline.cli.outcome import complain
from leadline.display.visible import MAX_SHOWN, visible
from leadline.errors import InputError

if TYPE_CHECKING:
    from leadline.data.samples.foreign import SampleReading
    from leadline.display.blocks import Finding

__all__ = [
    "AsJson",
    "Format",
    "Html",
    "Out",
    "PassAt",
    "SampleColumns",
    "SkipBad",
    "Tokenizer",
    "bad_rows",
    "columns_of",
    "in_range",
    "list_problems",
    "one_of",
    "print_finding",
    "reading_words",
    "sample_reading",
    "say",
    "say_what_was_read",
    "slug",
]

Out = Annotated[Path | None, typer.Option("--out", help="Where to write.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad-rows", help="Count and list unusable rows instead of refusing.")
]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Html = Annotated[Path | None, typer.Option(help="Write a self-contained page.")]
Format = Annotated[
    str | None,
    typer.Option("--format", help="Layout of the samples, where it is not recognised (docs/formats.md)."),
]
SampleColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        metavar="FIELD=COLUMN",
        help="Samples: where problem_id, prompt, gold, completion, correct, ... are. With --data, of the problem set: "
        "answer, solution, id, messages, data.prompt.",
    ),
]
PassAt = Annotated[
    float | None, typer.Option("--pass-at", help="Samples with graded scores: right from this score on.")
]
Tokenizer = Annotated[
    str | None, typer.Option("--tokenizer", help="Samples that do not say their length: count it with this.")
]

_LISTED = 20
_NEXT_FIELD = re.compile(r",(?=[\w.]+=)")
_OF_PROBLEMS = ("id", "messages", "answer", "solution", "difficulty")


def sample_reading(
    layout: str | None, columns: Sequence[str] | None, pass_at: float | None, tokenizer: str | None
) -> SampleReading:
    """How the options say that sample files are to be read."""
    from leadline.data.samples.foreign import SampleReading, token_counter

    counter = None if tokenizer is None else token_counter(tokenizer)
    given = columns_of(columns or ())
    # What samples have no such field of is meant for the problem set beside them; the prompt both have.
    theirs = {
        name: name.removeprefix("data.") for name in given if name in _OF_PROBLEMS or name.startswith("data.")
    }
    ours = {name: column for name, column in given.items() if name not in theirs}
    return SampleReading(layout, ours, pass_at, counter, {theirs[name]: given[name] for name in theirs})


def reading_words(
    layout: str | None,
    columns: Sequence[str] | None,
    pass_at: float | None,
    tokenizer: str | None,
    skip: bool,
) -> list[str]:
    """The options of `sample_reading`, and ``--skip-bad-rows``, as they may be typed again."""
    words = [word for text in columns or () for word in ("--columns", text)]
    for option, value in (("--format", layout), ("--pass-at", pass_at), ("--tokenizer", tokenizer)):
        words += [] if value is None else [option, f"{value:g}" if isinstance(value, float) else value]
    return [*words, *(["--skip-bad-rows"] if skip else [])]


def say(text: str, limit: int | None = MAX_SHOWN) -> None:
    """A line for people and scripts, never broken at the width of a terminal; cut behind ``limit`` characters."""
    Console(highlight=False, soft_wrap=True).print(visible(text, limit), markup=False)


def print_finding(values: Mapping[str, Any], finding: Finding, as_json: bool) -> None:
    """What a diagnosis found: its values as one JSON object, or its sentences and tables."""
    from leadline.display.terminal import terminal

    if as_json:
        print(json.dumps(values))
    else:
        Console(highlight=False).print(terminal(finding))


def one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse a value that is none of ``allowed``.

    Raises:
        InputError: names them.
    """
    if value not in allowed:
        raise InputError(f"{option}: {value!r} is not one of {', '.join(allowed)}")


def in_range(**given: tuple[float | None, float, float]) -> None:
    """Refuse numbers out of their range, all at once: ``in_range(group=(group, 2, 4096))``; None was not given.

    Raises:
        InputError: each option with its range.
    """
    faults = [
        f"--{name.replace('_', '-')} must lie between {low:g} and {high:g}, got {value:g}"
        for name, (value, low, high) in given.items()
        if value is not None and not low <= value <= high
    ]
    if faults:
        raise InputError(faults)


def bad_rows(skip: bool) -> Literal["refuse", "skip"]:
    """What ``--skip-bad-rows`` means to those who read problems."""
    return "skip" if skip else "refuse"


def list_problems(what: str, lines: Sequence[str]) -> None:
    """Count what was left out, and list the first of it, on standard error."""
    if not lines:
        return
    complain(f"{len(lines):,} {what}", *(f"  {line}" for line in lines[:_LISTED]))


def say_what_was_read(notes: Sequence[str], skipped: Sequence[str]) -> None:
    """How sample files were understood, and the rows that were left out."""
    for note in notes:
        say(note)
    list_problems("rows left out", skipped)


def columns_of(given: Sequence[str]) -> dict[str, str]:
    """``FIELD=COLUMN`` options, several in one separated by commas, as a mapping.

    Raises:
        InputError: one without a field or a column, or a field that is given twice.

    >>> columns_of(["prompt=Question text, as asked,answer=metadata.gold", "id=key"])
    {'prompt': 'Question text, as asked', 'answer': 'metadata.gold', 'id': 'key'}
    """
    columns: dict[str, str] = {}
    faults = []
    for pair in (part for text in given for part in _NEXT_FIELD.split(text)):
        field, equals, column = pair.partition("=")
        if not (field and equals and column):
            faults.append(f"--columns {pair}: expected FIELD=COLUMN")
        elif field in columns:
            faults.append(f"--columns {pair}: {field} is {columns[field]!r} already")
        else:
            columns[field] = column
    if faults:
        raise InputError(faults)
    return columns


def slug(name: str) -> str:
    """A source's name as a part of a folder's name.

    >>> slug("runs/a b/samples.jsonl"), slug("gym:chain_sum?size=100")
    ('samples.jsonl', 'gym-chain_sum-size-100')
    """
    return "".join(c if c.isalnum() or c in "-._" else "-" for c in name.strip("/").rsplit("/", 1)[-1])[:60]
