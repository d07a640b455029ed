"""`run_probe`: what the command does, as a function."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from leadline.data import load_problems
from leadline.data.samples.counts import Counts
from leadline.data.samples.foreign import SampleReading
from leadline.data.samples.sources import load_counts
from leadline.diagnosis.about import about_samples
from leadline.diagnosis.given_problems import given_problems
from leadline.diagnosis.probe.measure import probe
from leadline.diagnosis.probe.problem_set import find_repeats, problems_of, write_kept
from leadline.diagnosis.probe.result import Probe
from leadline.diagnosis.probe.tables import probe_finding
from leadline.display.page import finding_page
from leadline.grading import Grader
from leadline.storage.outputs import check_output, is_our_page, starts_with_row, write_text_atomic
from leadline.types import Problem

__all__ = ["run_probe"]


def run_probe(
    source: str | Path | Sequence[str | Path] | Counts,
    *,
    data: str | Path | Iterable[Problem] | None = None,
    against: Sequence[str | Path] = (),
    html: str | Path | None = None,
    write_problems: str | Path | None = None,
    log_forced: Mapping[str, float] | None = None,
    on_bad_row: Literal["refuse", "skip"] = "refuse",
    grader: Grader | None = None,
    progress: Callable[[int], None] | None = None,
    reading: SampleReading | None = None,
    **settings: Any,
) -> Probe:
    """Read samples, probe them, and write what was asked for.

    Args:
        source: one or several of: a sample file of any known layout, a pattern, a folder, a run (``RUN:ARM``); or
            counts.
        data: the problem set: reference answers for ungraded rows, texts for twins and for ``write_problems``.
        against: evaluation sets; problems that are in them are named and not kept.
        html: write a self-contained page here.
        write_problems: write the problems worth training on here.
        log_forced: teacher-forced lower bounds on log Q by problem id.
        reading: layout, columns, threshold of scores, tokenizer; recognised when None.
        settings: further keywords of `leadline.diagnosis.probe.probe` (group, batch, steps, betas, gap, seed).

    Raises:
        InputError, DataError: what was handed in cannot be used; nothing is written then.
        StorageError: the disk refused.
    """
    sources = _named(source)
    _check_outputs(html, write_problems, read=(*sources, *_named(data), *against))
    given = given_problems(data, on_bad_row, reading)
    if isinstance(source, Counts):
        counts = source
    else:
        how = replace(reading or SampleReading(), problems=given)
        counts = load_counts(sources, grader=grader, on_bad_row=on_bad_row, progress=progress, reading=how)
    problems = problems_of(counts, given)
    evaluation = [p for place in against for p in load_problems(place, check_golds=False, on_bad_row="skip")]
    found = probe(counts, log_forced=log_forced, repeats=find_repeats(problems, evaluation), **settings)
    if write_problems is not None:
        write_kept(write_problems, found, problems)
    if html is not None:
        _write_page(html, found, [str(place) for place in sources])
    return found


def _named(given: object) -> list[str | Path]:
    """The files and patterns among what may as well be counts or problems."""
    several = given if isinstance(given, list | tuple) else [given]
    return [item for item in several if isinstance(item, str | Path)]


def _check_outputs(
    html: str | Path | None, write_problems: str | Path | None, read: tuple[str | Path, ...]
) -> None:
    if html is not None:
        check_output(html, inputs=read, ours=is_our_page)
    if write_problems is not None:
        also = () if html is None else (html,)
        check_output(
            write_problems, inputs=(*read, *also), ours=starts_with_row("id", "answer", "solve_rate")
        )


def _write_page(html: str | Path, found: Probe, sources: Sequence[str]) -> None:
    title = f"Probe of {Path(sources[0]).name}" if sources else "Probe"
    about = about_samples(sources[0]) if sources else ""
    shown = probe_finding(found, title, problems=True, source=shlex.join(sources) or "SAMPLES", about=about)
    write_text_atomic(html, finding_page(shown))
