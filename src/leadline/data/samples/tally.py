"""Rows of samples, or of counts, to `Counts`: read once, streamed, without keeping the texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import numpy as np

from leadline.data.faults import shown_faults
from leadline.data.prompt_media import media_of
from leadline.data.samples.counts import STATED, SUMS, Counts
from leadline.errors import DataError
from leadline.types import checked_id

__all__ = ["count_rows", "placed", "row_fault"]


MAX_SAMPLES = 10**7
"""Most samples of a problem that are believed: the estimators' numbers stay exact, and nobody draws more."""
KEPT_FAULTS = 1000  # of which the words are kept, to tell kinds apart; the others are counted
PROGRESS_EVERY = 20_000
LONG_TEXT = 500  # characters


def count_rows(
    rows: Iterable[tuple[int | str, Mapping[str, Any]]],
    source: str = "samples",
    *,
    on_bad_row: Literal["refuse", "skip"] = "refuse",
    observe: Callable[[Mapping[str, Any]], None] | None = None,
    progress: Callable[[int], None] | None = None,
    faults: list[str] | None = None,
) -> Counts:
    """Tally rows by problem. Two kinds, mixed at will (docs/formats.md).

    Samples: ``{"problem_id", "correct": true|false|null, ...}`` with optional ``finished``, ``reason``,
    ``answer``, ``n_tokens``, ``completion``, ``parts`` (its ``format``), ``prompt``, ``gold``,
    ``difficulty``.
    Counts: ``{"problem_id", "n_correct", "n_samples"}`` with optional ``n_truncated``, ``n_no_answer``,
    ``n_format_failed``, ``n_unscorable``, ``mean_tokens``; several rows of one problem add up and are noted.

    Args:
        rows: (line number or ``file:line``, row).
        source: what to call the file in errors.
        on_bad_row: refuse the file, or leave bad rows out and list them in ``Counts.skipped``.
        observe: called with every usable sample row that carries a completion.
        progress: called now and then with the number of rows read.
        faults: where the reader behind ``rows`` notes lines that are no rows at all; named with the others.

    Raises:
        DataError: rows that cannot be used, or no row at all.
    """
    tally = _Tally(observe)
    named: list[str] = []
    bad = total = 0
    for number, row in rows:
        total += 1
        why = tally.add(row)
        if why:
            bad += 1
            if len(named) < KEPT_FAULTS:
                named.append(f"{placed(number, source)}: {why}")
        if progress is not None and total % PROGRESS_EVERY == 0:
            progress(total)
    if progress is not None:
        progress(total)
    named = shown_faults([*(faults or []), *named], source, bad - len(named))
    if named and on_bad_row == "refuse":
        raise DataError(named)
    if not tally.cells:
        raise DataError([f"{source}: no usable row", *named])
    return tally.counts(tuple(named))


def placed(place: int | str, source: str) -> str:
    """``file:line`` of a row, whose place is that already, or a line of ``source`` alone."""
    return place if isinstance(place, str) else f"{source}:{place}"


def row_fault(row: Mapping[str, Any]) -> str | None:
    """Why a graded row, or a row of counts, could not be counted; None where it can."""
    return _Tally(None).add(row)


class _Cell:
    """Sums of one problem."""

    __slots__ = (*SUMS, "count_rows", "difficulty", "texts")

    def __init__(self) -> None:
        self.n = self.c = self.unscorable = self.truncated = self.no_answer = self.format_failed = 0
        self.tokens = self.tokens_correct = 0.0
        self.measured = self.measured_correct = self.cut_right = self.measured_cut_right = 0
        self.tokens_cut_right = 0.0
        self.copies = self.long_copies = self.repeats = self.count_rows = 0
        self.difficulty = math.nan
        self.texts: dict[int, int] = {}


class _Tally:
    """The state of one reading. ``add`` runs a million times: it does nothing that can wait until the end."""

    def __init__(self, observe: Callable[[Mapping[str, Any]], None] | None) -> None:
        self.cells: dict[str, _Cell] = {}
        self.stated = dict.fromkeys(STATED, 0)
        self.prompts: dict[str, str] = {}
        self.golds: dict[str, str] = {}
        self.media: dict[str, str] = {}
        self.other_media: set[str] = set()
        self.other_prompts: dict[str, str] = {}
        self.other_golds: dict[str, str] = {}
        self.observe = observe

    def add(self, row: Mapping[str, Any]) -> str | None:
        """Count one row; return why it cannot be used, or None."""
        name = row.get("problem_id")
        if type(name) is not str:
            if type(name) is float and name.is_integer():
                name = int(name)  # a column of whole numbers with gaps
            if type(name) is not int:
                return "problem_id is missing" if name is None else "problem_id is neither text nor a number"
            name = str(name)
        cell = self.cells.get(name)
        known = cell is not None
        if cell is None:
            try:
                checked_id(name)
            except ValueError as fault:
                return str(fault)
            cell = _Cell()
        if "n_samples" in row or "n_correct" in row:
            why = self._add_counts(cell, row)
        else:
            why = self._add_sample(cell, row)
        if why is not None:
            return why
        if not known:
            self.cells[name] = cell
            self._describe(name, cell, row)
        elif "prompt" in row or "gold" in row:
            self._compare(name, row)
        return None

    def _add_sample(self, cell: _Cell, row: Mapping[str, Any]) -> str | None:
        correct = row.get("correct", ...)
        if correct is not True and correct is not False and correct is not None:
            if correct is ...:
                if "completion" not in row and "gold" in row:
                    return "neither a verdict nor a completion: a request that failed? --skip-bad-rows leaves it out"
                return "not graded: neither 'correct' nor counts, and no reference answer (--data has them by id)"
            if correct not in (0, 1):
                return f"correct is {str(correct)[:40]!r}, not true, false or null"
            correct = bool(correct)
        length = row.get("n_tokens")
        if length is not None and (type(length) not in (int, float) or not 0 <= length < 1e12):
            return "n_tokens is not a count"
        finished = row.get("finished")
        if finished is not None:
            if finished is not True and finished is not False:
                return "finished is neither true nor false"
            self.stated["finished"] += 1
        if correct is None:
            cell.unscorable += 1
        if finished is False:
            cell.truncated += 1
            if correct or row.get("right_if_finished") is True:
                cell.cut_right += 1
                cell.tokens_cut_right += length or 0
                cell.measured_cut_right += length is not None
                correct = False
        cell.n += 1
        if correct:
            cell.c += 1
        if length is not None:
            self.stated["n_tokens"] += 1
            self.stated["lengths"] += 1
            cell.tokens += length
            cell.measured += 1
            if correct:
                cell.tokens_correct += length
                cell.measured_correct += 1
        self._add_faults(cell, row, correct, finished)
        return None

    def _add_faults(
        self, cell: _Cell, row: Mapping[str, Any], correct: bool | None, finished: bool | None
    ) -> None:
        """What went wrong with the form of a sample, and whether its text was there before."""
        if "reason" in row or "answer" in row:
            self.stated["reason"] += 1
            reason = row.get("reason")
            silent = reason == "no_answer" or (reason is None and row.get("answer") is None)
            if silent and finished is not False and not correct:
                cell.no_answer += 1
        parts = row.get("parts")
        if type(parts) is dict and "format" in parts:
            self.stated["format"] += 1
            value = parts["format"]
            cell.format_failed += not (isinstance(value, int | float) and value >= 1)
        text = row.get("completion")
        if type(text) is str:
            self.stated["completion"] += 1
            key = hash(text)
            times = cell.texts.get(key, 0)
            cell.texts[key] = times + 1
            cell.long_copies += times > 0 and len(text) >= LONG_TEXT
            if self.observe is not None:
                self.observe(row)

    def _add_counts(self, cell: _Cell, row: Mapping[str, Any]) -> str | None:
        names = ("n_samples", "n_correct", "n_truncated", "n_no_answer", "n_format_failed", "n_unscorable")
        values = [row.get(name, None if name in names[:2] else 0) for name in names]
        for name, value in zip(names, values, strict=True):
            if type(value) is not int or not 0 <= value < 2**53:
                return f"{name} is missing" if value is None else f"{name} is not a whole number of samples"
        n, correct, truncated, silent, unformatted, unscorable = values
        if n < 1:
            return "n_samples is 0"
        if n > MAX_SAMPLES:
            return f"n_samples {n:,} is more than {MAX_SAMPLES:,}"
        if max(values[1:]) > n:
            return "more samples of a kind than n_samples"
        if correct + truncated + silent + unscorable > n:
            return "correct, truncated, no-answer and unscorable samples add up to more than n_samples"
        mean = row.get("mean_tokens")
        if mean is not None and (type(mean) not in (int, float) or not 0 <= mean < 1e12):
            return "mean_tokens is not a number of tokens"
        cell.n, cell.c = cell.n + n, cell.c + correct
        cell.truncated, cell.no_answer = cell.truncated + truncated, cell.no_answer + silent
        cell.format_failed += unformatted
        cell.unscorable += unscorable
        cell.count_rows += 1
        for field_name, key in (
            ("finished", "n_truncated"),
            ("reason", "n_no_answer"),
            ("format", "n_format_failed"),
        ):
            self.stated[field_name] += n * (key in row)
        if mean is not None:
            self.stated["n_tokens"] += n
            cell.tokens += mean * n
            cell.measured, cell.measured_correct = cell.measured + n, cell.measured_correct + correct
        return None

    def _describe(self, name: str, cell: _Cell, row: Mapping[str, Any]) -> None:
        """Keep what the first row of a problem says about the problem itself."""
        for key, place in (("prompt", self.prompts), ("gold", self.golds)):
            value = row.get(key)
            if type(value) is str and value:
                place[name] = value
        media = media_of(row)
        if media is not None:
            self.media[name] = media
        difficulty = row.get("difficulty")
        if type(difficulty) in (int, float):
            cell.difficulty = float(difficulty)  # type: ignore[arg-type]

    def _compare(self, name: str, row: Mapping[str, Any]) -> None:
        """Keep the last prompt and gold of a problem that are not those of its first row."""
        for key, place, other in (
            ("prompt", self.prompts, self.other_prompts),
            ("gold", self.golds, self.other_golds),
        ):
            value = row.get(key)
            if type(value) is str and value and value != place.get(name, value):
                other[name] = value
        if name in self.media and media_of(row) != self.media[name]:
            self.other_media.add(name)

    def counts(self, skipped: tuple[str, ...]) -> Counts:
        for cell in self.cells.values():
            times = cell.texts.values()
            cell.copies = sum(times) - len(cell.texts)
            cell.repeats = math.gcd(*times) if times else 0
        arrays: dict[str, Any] = {
            name: np.array([getattr(cell, name) for cell in self.cells.values()], dtype=float)
            for name in (*SUMS, "difficulty")
        }
        counts = Counts(
            tuple(self.cells),
            **arrays,
            stated=dict(self.stated),
            prompts=self.prompts,
            golds=self.golds,
            media=self.media,
            other_prompts=self.other_prompts,
            other_golds=self.other_golds,
            notes=tuple(self._notes()),
            skipped=skipped,
        )
        if counts.endings_known:
            return counts
        unsaid, total = counts.n_samples - self.stated["finished"], counts.n_samples
        return counts.by_verdict(f"{unsaid:,} of {total:,} samples do not say whether they were cut off")

    def _notes(self) -> Iterable[str]:
        several = [name for name, cell in self.cells.items() if cell.count_rows > 1]
        if several:
            shown = ", ".join(repr(name[:60]) for name in several[:5])
            yield f"{len(several)} problems have several rows of counts, which were added up: {shown}"
        if self.other_media:
            shown = ", ".join(repr(name[:60]) for name in sorted(self.other_media)[:5])
            yield (
                f"{len(self.other_media)} ids have samples whose prompts hold another image (or other parts that are "
                f"no text) than the first: {shown}; if they are several problems, name what tells them apart "
                "(--columns problem_id=COLUMN)"
            )
        total = sum(cell.n for cell in self.cells.values())
        for name, what in (("finished", "whether they were cut off"), ("n_tokens", "their length")):
            if 0 < self.stated[name] < total:
                yield f"{total - self.stated[name]:,} of {total:,} samples do not say {what}"
