"""Problem sets: read, understood, given ids, and every gold checked."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from leadline.data.faults import shown_faults
from leadline.data.problems.columns import FIELDS, Draft, read_row
from leadline.data.problems.duplicates import Duplicate, content_hash, find_duplicates
from leadline.data.problems.golds import unusable_golds
from leadline.data.problems.readers import open_source
from leadline.data.row_files import PlacedRow
from leadline.errors import DataError
from leadline.grading import Grader
from leadline.storage.jsonl import note_bad_line
from leadline.types import Problem

__all__ = ["ProblemSet", "load_problems"]


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """Problems of one source, in its order.

    Attributes:
        name: of the source.
        problems: all usable ones; their ids are unique.
        places: where each one stood, ``file:line``.
        skipped: what was left out, each ``file:line: why``.
        duplicates: problems whose normalised prompt stood before; they are named, not removed.
    """

    name: str
    problems: list[Problem]
    places: list[str]
    skipped: list[str]
    duplicates: list[Duplicate]

    def __len__(self) -> int:
        return len(self.problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.problems)

    def without_duplicates(self) -> ProblemSet:
        """The first problem of each kind only; the others are listed in ``skipped``."""
        again = {duplicate.again: duplicate for duplicate in self.duplicates}
        kept = [i for i, place in enumerate(self.places) if place not in again]
        dropped = [f"{d.again}: repeats {d.first}" for d in self.duplicates]
        problems, places = [self.problems[i] for i in kept], [self.places[i] for i in kept]
        return ProblemSet(self.name, problems, places, [*self.skipped, *dropped], [])


def load_problems(
    source: str | Path,
    *,
    split: str | None = None,
    limit: int | None = None,
    on_bad_row: Literal["refuse", "skip"] = "refuse",
    seed: int = 0,
    columns: Mapping[str, str] = MappingProxyType({}),
    check_golds: bool = True,
    grader: Grader | None = None,
) -> ProblemSet:
    """Read a problem set, checking that each gold is graded correct against itself.

    Ids are the given ones, else 16 hexadecimal digits of the normalised prompt (and of its images, if there are any)
    and the occurrence number: the same problem has the same id in every file (decision "Hashes").

    Args:
        source: a file (JSON lines, a JSON array, CSV or TSV, plain or gzip; Parquet), a folder that ``datasets`` can
            load, a short name (``gsm8k``, ``math500``, ``aime24``, ``aime25``, ``gpqa_diamond``),
            ``owner/name[:configuration]`` of the Hugging Face hub, or a generator of reasoning-gym,
            ``gym:chain_sum?size=100,seed=7``.
        split: of a data set that has several.
        limit: only so many problems, the first usable ones.
        on_bad_row: ``refuse`` the source, naming its bad rows (up to 50), or ``skip`` and list them.
        seed: order of multiple choices, and seed of a generator that is given none.
        columns: field -> column, where names are not recognised (:func:`leadline.data.problems.columns.read_row`).
        check_golds: False where another grader than ours will grade.
        grader: to check reference answers with; one is made when None.

    Raises:
        DataError: no such source, or bad rows, each ``file:line: why``; or no problem at all.
    """
    _check_settings(limit, on_bad_row, columns)
    faults: list[str] = []
    name, rows = open_source(source, split=split, seed=seed, faults=faults)
    # Rows beyond the limit are not read, unless some before it may have to be skipped.
    stop = limit if limit is not None and on_bad_row == "refuse" else None
    drafts = list(_drafts(islice(rows, stop), columns, seed, faults))
    with contextlib.ExitStack() as stack:
        checker = (grader or stack.enter_context(contextlib.closing(Grader()))) if check_golds else None
        if checker is not None:
            drafts = _with_good_golds(drafts, faults, checker)
        problems, places = _identified(drafts, faults)
        duplicates = find_duplicates(problems[:limit], places[:limit], checker)
    problems, places = problems[:limit], places[:limit]
    if faults and on_bad_row == "refuse":
        raise DataError(shown_faults(faults, str(source)))
    if not problems:
        raise DataError([f"{source}: no usable problem", *shown_faults(faults, str(source))])
    return ProblemSet(name, problems, places, faults, duplicates)


def _check_settings(limit: int | None, on_bad_row: str, columns: Mapping[str, str]) -> None:
    faults = []
    if limit is not None and limit < 1:
        faults.append(f"limit must be at least 1, got {limit}")
    if on_bad_row not in ("refuse", "skip"):
        faults.append(f"on_bad_row must be 'refuse' or 'skip', got {on_bad_row!r}")
    faults += [
        f"columns.{name}: unknown field (there are {', '.join(FIELDS)})"
        for name in columns
        if name not in FIELDS
    ]
    if faults:
        raise DataError(faults)


def _drafts(
    rows: Iterator[PlacedRow], columns: Mapping[str, str], seed: int, faults: list[str]
) -> Iterator[tuple[str, Draft]]:
    for row in rows:
        try:
            yield row.place, read_row(row.values, columns, seed)
        except ValueError as error:
            note_bad_line(faults, f"{row.place}: {error}")


def _with_good_golds(
    drafts: list[tuple[str, Draft]], faults: list[str], grader: Grader
) -> list[tuple[str, Draft]]:
    bad = unusable_golds((draft.answer for _, draft in drafts), grader)
    faults.extend(f"{place}: {bad[draft.answer]}" for place, draft in drafts if draft.answer in bad)
    return [(place, draft) for place, draft in drafts if draft.answer not in bad]


def _identified(drafts: list[tuple[str, Draft]], faults: list[str]) -> tuple[list[Problem], list[str]]:
    """Problems with unique ids, and their places; a given id that stood before is a fault."""
    seen: Counter[str] = Counter()
    given: dict[str, str] = {}
    times = Counter(draft.id for _, draft in drafts)
    problems, places = [], []
    for place, draft in drafts:
        instance = draft.meta.get("instance")
        if draft.id is not None and times[draft.id] > 1 and isinstance(instance, int | str):
            name = f"{draft.id}-{instance}"  # GSM-Symbolic: instances of one template share its id
        elif draft.id is None:
            key = content_hash(draft.prompt, draft.media)
            seen[key] += 1
            name = f"{key}-{seen[key]}"
        else:
            name = draft.id
        if name in given:
            faults.append(f"{place}: the id {name[:80]!r} is that of {given[name]} too")
            continue
        given[name] = place
        places.append(place)
        problems.append(
            Problem(
                id=name,
                prompt=draft.prompt,
                answer=draft.answer,
                messages=draft.messages,
                solution=draft.solution,
                difficulty=draft.difficulty,
                meta=MappingProxyType(dict(draft.meta)),
                media=draft.media,
            )
        )
    return problems, places
