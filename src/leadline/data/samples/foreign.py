"""Sample files of anybody as rows in leadline's own form: found, recognised, read one row at a time."""

from __future__ import annotations

import glob
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from leadline.data.problems.duplicates import content_hash
from leadline.data.prompt_media import media_of
from leadline.data.row_files import ROW_SUFFIXES, PlacedRow, read_rows
from leadline.data.samples.enclosed import enclosed_rows
from leadline.data.samples.formats import ALIASES, LAYOUTS, Layout, Reading, layout_of, unknown_layout
from leadline.data.samples.formats.base import own_row, reach
from leadline.data.samples.formats.origins import ORIGIN_KEYS, Origins
from leadline.errors import DataError, InputError
from leadline.types import Problem

__all__ = ["SampleReading", "find_files", "named_as", "passed_over", "sample_rows", "token_counter"]

SAMPLE_SUFFIXES = (*ROW_SUFFIXES, ".eval")
TEXTS = ("problem_id", "prompt", "gold", "completion")  # fields that stay text as it stands, in CSV too
MOST_LOOKED_AT = 10_000  # files below a folder that holds none itself
LONG_ID = 120  # characters, from which on a text is no name
SAMPLE_FIELDS = tuple(name for name in ALIASES if name != "difficulty")

OwnRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SampleReading:
    """How sample files are to be read.

    Attributes:
        layout: its name, with ``:PART`` where a file has several (``lm_eval:strict-match``); None: recognised.
        columns: field -> column, where names say something else.
        pass_at: score from which on an answer is right.
        count_tokens: length of a completion, for rows that do not say it (``--tokenizer``).
        of_problems: field -> column of the problem set, where its names say something else.
        problems: the problem set, whose ids rows get by their prompt where they have others or none.
        notes: receives what is to be said of the reading.
    """

    layout: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    pass_at: float | None = None
    count_tokens: Callable[[str], int] | None = None
    of_problems: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        wrong = [name for name in self.columns if name not in SAMPLE_FIELDS]
        if wrong:
            raise InputError(
                [f"columns.{name}: unknown field (there are {', '.join(SAMPLE_FIELDS)})" for name in wrong]
            )
        if "solve_rate" in self.columns and "n_samples" not in self.columns:
            raise InputError(
                "columns.solve_rate: of how many samples was each rate taken? Add n_samples=16 or n_samples=COLUMN"
            )
        name = (self.layout or "").partition(":")[0]
        if name and name not in LAYOUTS:
            raise InputError(f"--format: {name!r} is not one of {', '.join(LAYOUTS)}")
        if self.pass_at is not None and not math.isfinite(self.pass_at):
            raise InputError(f"--pass-at must be a finite number, got {self.pass_at}")


def find_files(source: str | Path) -> list[Path]:
    """The sample files that a source names: a file, a pattern (``output-rs*.jsonl``), or a folder of them.

    Raises:
        InputError: nothing is there.
    """
    text, path = str(source), Path(source)
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if _is_sample_file(p))
        if any(p.name.startswith("samples_") for p in found):  # lm-eval keeps its tables beside them
            found = [p for p in found if not p.name.startswith("results_")]
    elif path.exists() or not glob.has_magic(text):
        found = [path]
    else:
        found = sorted(map(Path, glob.glob(text)))
    if not found:
        below = _folder_below(path)
        elsewhere = f"; there are some in {below}" if below else ""
        raise InputError(f"{text}: no sample file ({', '.join(SAMPLE_SUFFIXES)}) there{elsewhere}")
    return found


def _folder_below(path: Path) -> str | None:
    """The first folder with sample files in it, one or two below: TRL's ``completions``, a model's of lm-eval."""
    if not path.is_dir():
        return None
    inside = islice(chain(path.glob("*/*"), path.glob("*/*/*")), MOST_LOOKED_AT)
    return min((str(found.parent) for found in inside if _is_sample_file(found)), default=None)


def passed_over(source: str | Path) -> str | None:
    """What of a folder is not read, as a note; None where all of it is, or it is no folder."""
    path = Path(source)
    if not path.is_dir():
        return None
    read = set(find_files(source))
    left = sorted(p.name for p in path.iterdir() if p not in read and not p.name.startswith("."))
    if not left:
        return None
    more = f" and {len(left) - 3} more" if len(left) > 3 else ""
    return f"{path.name}: not read: {', '.join(left[:3])}{more}"


def _is_sample_file(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(SAMPLE_SUFFIXES)


def sample_rows(
    paths: Sequence[Path], how: SampleReading | None = None, faults: list[str] | None = None
) -> Iterator[tuple[int | str, OwnRow]]:
    """Rows of samples or counts in leadline's own form, with their places.

    Rows of leadline's own layout pass as they are, numbered by line; of a file of several samples a row each has
    the place ``file:line`` of that row. What cannot be used is noted in ``faults``.

    Raises:
        DataError: a file that cannot be read, or whose layout is not known.
    """
    how = how or SampleReading()
    noted: list[str] = [] if faults is None else faults
    origins = Origins()
    unread: list[str] | None = None if len(paths) == 1 else []
    before = len(how.notes)
    for path in paths:
        yield from _file_rows(path, how, noted, origins, unread)
    how.notes[before:] = _alike(how.notes[before:])
    if unread and len(unread) == len(paths):
        raise DataError(unread[0])
    how.notes.extend(origins.said())


def _file_rows(
    path: Path, how: SampleReading, faults: list[str], origins: Origins, unread: list[str] | None
) -> Iterator[tuple[int | str, OwnRow]]:
    """The rows of one file; of several (``unread`` is a list) one with a single row of no layout is passed over."""
    rows = read_rows(path, faults, [how.columns[name] for name in TEXTS if name in how.columns])
    first = next(rows, None)
    if first is None:
        return
    name, _, part = (how.layout or "").partition(":")
    layout = layout_of(first.values, how.columns, name or None)
    where, first, rows = _opened(first, rows, layout, how)
    if where:
        layout = layout_of(first.values, how.columns, name or None)
    if layout is None or (layout.name == "columns" and _lacks_columns(first.values, how)):
        if unread is not None and not where and next(rows, None) is None:
            unread.append(unknown_layout(first.values, first.place))
            how.notes.append(f"{path.name}: not read: one row, which is no sample")
            return
        if layout is None:
            raise DataError(unknown_layout(first.values, first.place))
    reading = Reading(how.columns, how.pass_at, part or None, origins=origins)
    if where:
        reading.notes[f"its rows are {where}"] = None
    own = layout.name == "leadline"
    by_line = unread is None and own
    as_they_are = own and not where and how.pass_at is None and how.count_tokens is None
    with_origin = not first.values.keys().isdisjoint(ORIGIN_KEYS)
    read, before = 0, len(faults)
    for row in chain([first], rows):
        place = row.at if by_line and type(row.at) is int else row.place
        if as_they_are:  # a million rows come through here
            if with_origin:
                origins.meet(row.values)
            yield place, row.values
            continue
        reading.meet(row.values)
        for one in _read(layout, row, reading, faults):
            read += 1
            yield place, _completed(one, how)
    notes = list(reading.said())
    if not read and not as_they_are and len(faults) == before:
        faults.extend(f"{path.name}: {note}" for note in notes)  # what was left out says why nothing is left
    how.notes.extend([f"{path.name}: {note}" for note in notes] if own else _as_one(path, layout, notes))


def _opened(
    first: PlacedRow, rows: Iterator[PlacedRow], layout: Layout | None, how: SampleReading
) -> tuple[str, PlacedRow, Iterator[PlacedRow]]:
    """Where the rows are that the objects of a file enclose, the first of them, and the others; else as given."""
    if how.layout is not None or (how.columns and not _lacks_columns(first.values, how)):
        return "", first, rows
    found = enclosed_rows(first, None if how.columns else layout and layout.name)
    if found is None:
        return "", first, rows
    where, inner = found
    more = ((enclosed_rows(row, None) or ("", [row]))[1] for row in rows)
    return where, inner[0], chain(inner[1:], chain.from_iterable(more))


def _lacks_columns(row: Mapping[str, Any], how: SampleReading) -> bool:
    """Whether the row has none of the columns that the user named."""
    named = [column for column in how.columns.values() if not column.isdecimal()]
    return bool(named) and all(column not in row and reach(row, column) is None for column in named)


def _as_one(path: Path, layout: Layout, notes: Sequence[str]) -> list[str]:
    return ["; ".join([f"{path.name}: read as {layout.name}", *notes])]


def _alike(notes: Sequence[str]) -> list[str]:
    """One note in the place of those that say the same of several files, for TRL writes a file a step.

    A file that is not read is named.

    >>> _alike(["a.jsonl: read as trl", "b.jsonl: read as trl", "c.jsonl: read as verl"])
    ['a.jsonl and 1 more: read as trl', 'c.jsonl: read as verl']
    """
    files: dict[tuple[str, str], list[str]] = {}
    for note in notes:
        file, _, text = note.partition(": ")
        files.setdefault((text, file if text.startswith("not read") else ""), []).append(file)
    return [
        f"{first}{f' and {len(more)} more' if more else ''}: {text}"
        for (text, _), (first, *more) in files.items()
    ]


def _read(layout: Layout, row: PlacedRow, reading: Reading, faults: list[str]) -> Iterator[dict[str, Any]]:
    try:
        named = {} if layout.name == "columns" else _given(row.values, reading.columns)
        for one in layout.read(row.values, reading):
            yield one | named if named else one
    except ValueError as error:
        faults.append(f"{row.place}: {error}")
    except (KeyError, TypeError, IndexError, AttributeError, StopIteration) as error:
        faults.append(
            f"{row.place}: not as {layout.name} writes it ({type(error).__name__}: {str(error)[:80]})"
        )


def _given(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """What the user's columns hold, for a layout that knows its own; ``correct`` names one of its scores there.

    Raises:
        ValueError: a column that is missing.
    """
    named: dict[str, Any] = {}
    for name, column in columns.items():
        if name == "correct":
            continue
        value = reach(row, column)
        if value is None and column not in row:
            raise ValueError(f"column {column!r} is missing")
        named[name] = value
    if not named:
        return {}
    identity = named.pop("problem_id", "")
    if isinstance(identity, Mapping | list):
        identity = json.dumps(
            identity, default=str
        )  # turns: all of them, as the last alone may be the same for many
    if isinstance(identity, str) and len(identity) > LONG_ID:
        identity = content_hash(identity)  # a problem that is known by its text
    read = own_row(
        Reading(),
        problem=identity or "-",
        prompt=named.pop("prompt", None),
        gold=named.pop("gold", None),
        completion=named.pop("completion", None),
        **named,
    )
    if "problem_id" not in columns:
        del read["problem_id"]
    return read


def _completed(row: dict[str, Any], how: SampleReading) -> OwnRow:
    """The row with its length where that was not said and can be counted."""
    text = row.get("completion")
    if how.count_tokens is not None and isinstance(text, str) and row.get("n_tokens") is None:
        row["n_tokens"] = how.count_tokens(text)
    return row


def named_as(
    problems: Sequence[Problem], rows: Iterator[tuple[int | str, OwnRow]]
) -> Iterator[tuple[int | str, OwnRow]]:
    """Rows with the ids of a problem set: those that have none of its ids are known by their prompt."""
    ids = {problem.id for problem in problems}
    by_prompt = {content_hash(*problem.asked): problem.id for problem in problems}
    with_media = {
        content_hash(problem.prompt): problem.id for problem in problems if problem.media is not None
    }
    seen: dict[tuple[str, str | None], str] = {}
    for place, row in rows:
        name, prompt = str(row.get("problem_id")), row.get("prompt")
        if name in ids or not isinstance(prompt, str):
            yield place, row
            continue
        media = media_of(row)
        key = prompt, media
        if key not in seen:
            text = content_hash(prompt)  # a problem set that has no images names them by the text alone
            whole = text if media is None else content_hash(prompt, media)
            seen[key] = by_prompt.get(whole, by_prompt.get(text, name))
            if seen[key] == name and text in with_media:
                raise DataError(_other_media(str(place), with_media[text], media))
        yield place, {**row, "problem_id": seen[key]}


def _other_media(place: str, problem: str, media: str | None) -> str:
    """What to say of a sample whose prompt a problem has, with other images or none beside it."""
    has = "no image (or other part of the prompt that is no text)" if media is None else "another image"
    return (
        f"{place}: the prompt is that of problem {problem[:60]!r} of the problem set, but there is {has} beside it: "
        "which problem is it? Give samples the ids of the problem set (--columns problem_id=COLUMN)"
    )


def token_counter(name: str) -> Callable[[str], int]:
    """Length of a text by the tokenizer of a model directory or hub name.

    Raises:
        InputError: there is none.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise InputError(f"--tokenizer {name}: {str(error).splitlines()[0][:200]}") from error
    return lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])
