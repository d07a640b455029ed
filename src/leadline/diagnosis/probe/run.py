"""`run_probe`: what the command does, as a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from leadline.data import load_problems
from leadline.data.samples.counts import Counts
from leadline.data.samples.foreign import SampleReading
from leadline.data.samples.sources import load_counts
from leadline.diagnosis.about import about_samples
from leadline.diagnosis.probe.measure import probe
from leadline.diagnosis.probe.problem_set import (
    contaminated,
    problems_of,
    repeats_to_the_character,
    twins,
    write_kept,
)
from leadline.diagnosis.probe.result import Probe, Twins
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
        data: the problem set: golds for ungraded rows, texts for twins and for ``write_problems``.
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
    sources = (
        [source] if isinstance(source, str | Path) else [] if isinstance(source, Counts) else list(source)
    )
    read = tuple(p for p in (*sources, data, *against) if isinstance(p, str | Path))
    if html is not None:
        check_output(html, inputs=read, ours=is_our_page)
    if write_problems is not None:
        check_output(write_problems, inputs=read, ours=starts_with_row("id", "answer", "solve_rate"))
    given = _given(data, on_bad_row)
    golds = {problem.id: problem.answer for problem in given}
    if isinstance(source, Counts):
        counts = source
    else:
        how = replace(reading or SampleReading(), problems=given)
        counts = load_counts(
            sources, golds=golds, grader=grader, on_bad_row=on_bad_row, progress=progress, reading=how
        )
    problems = problems_of(counts, given)
    evaluation = [p for place in against for p in load_problems(place, check_golds=False, on_bad_row="skip")]
    shared, exact = contaminated(problems, evaluation)
    groups = twins(problems)
    again = sum(len(names) - 1 for names in groups)
    found = probe(
        counts,
        log_forced=log_forced,
        duplicates=groups,
        contamination=tuple(shared),
        twins=Twins(again, repeats_to_the_character(problems), len(shared), exact),
        **settings,
    )
    if write_problems is not None:
        write_kept(write_problems, found, problems)
    if html is not None:
        _write_page(html, found, str(sources[0]) if sources else "")
    return found


def _write_page(html: str | Path, found: Probe, source: str) -> None:
    title = f"Probe of {Path(source).name}" if source else "Probe"
    shown = probe_finding(
        found, title, problems=True, source=source or "SAMPLES", about=about_samples(source) if source else ""
    )
    write_text_atomic(html, finding_page(shown))


def _given(
    data: str | Path | Iterable[Problem] | None, on_bad_row: Literal["refuse", "skip"]
) -> list[Problem]:
    if data is None:
        return []
    if isinstance(data, str | Path):
        return list(load_problems(data, on_bad_row=on_bad_row))
    return list(data)
