"""`run_compare`: what the command does, as a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from leadline.data.samples.foreign import SampleReading
from leadline.data.samples.sources import load_counts
from leadline.diagnosis.about import about_samples
from leadline.diagnosis.compare.measure import compare
from leadline.diagnosis.compare.reflection_hacking import ReflectionHacking
from leadline.diagnosis.compare.result import Comparison
from leadline.diagnosis.compare.tables import comparison_finding
from leadline.diagnosis.given_problems import given_problems
from leadline.display.page import finding_page
from leadline.grading import Grader
from leadline.storage.outputs import check_output, is_our_page, write_text_atomic
from leadline.types import Problem

__all__ = ["run_compare"]


def run_compare(
    base: str | Path,
    tuned: str | Path,
    *,
    data: str | Path | Iterable[Problem] | None = None,
    repeat: str | Path | None = None,
    unrelated: bool = False,
    html: str | Path | None = None,
    tau: float | None = None,
    on_bad_row: Literal["refuse", "skip"] = "refuse",
    grader: Grader | None = None,
    progress: Callable[[int], None] | None = None,
    reading: SampleReading | None = None,
    seed: int = 0,
) -> Comparison:
    """Read the samples of both sides, compare them, and write the page if one was asked for.

    Args:
        base, tuned: sample files of any known layout, patterns, folders, or arms of runs (``RUN:ARM``).
        data: the problem set, for the reference answers of ungraded rows.
        repeat: further samples of the base: how much moves without any training.
        unrelated: neither model was trained from the other.
        html: write a self-contained page here.
        reading: layout, columns, threshold of scores, tokenizer, of both sides; recognised when None.
        tau, seed: see `leadline.diagnosis.compare.compare`.

    Raises:
        InputError, DataError: what was handed in cannot be used; nothing is written then.
        StorageError: the disk refused.
    """
    if html is not None:
        read = tuple(p for p in (base, tuned, data, repeat) if isinstance(p, str | Path))
        check_output(html, inputs=read, ours=is_our_page)
    hacking = (ReflectionHacking(), ReflectionHacking())
    how = replace(reading or SampleReading(), problems=given_problems(data, on_bad_row, reading))
    load = partial(load_counts, grader=grader, on_bad_row=on_bad_row, progress=progress, reading=how)
    sides = [
        load(source, observe=counter.observe) for source, counter in zip((base, tuned), hacking, strict=True)
    ]
    again = None if repeat is None else load(repeat)
    seen = hacking if all(counter.texts for counter in hacking) else None
    found = compare(sides[0], sides[1], tau=tau, repeat=again, unrelated=unrelated, hacking=seen, seed=seed)
    if html is not None:
        _write_page(html, found, base, tuned)
    return found


def _write_page(html: str | Path, found: Comparison, base: str | Path, tuned: str | Path) -> None:
    title = " against ".join(_told_apart(Path(tuned), Path(base)))
    shown = comparison_finding(found, title, sources=(str(base), str(tuned)), about=about_samples(tuned))
    write_text_atomic(html, finding_page(shown))


def _told_apart(one: Path, other: Path) -> tuple[str, str]:
    """The ends of two paths from where they differ: ``lead/eval.jsonl.gz`` and ``sft/eval.jsonl.gz``.

    >>> _told_apart(Path("run/samples/lead/eval.jsonl"), Path("run/samples/sft/eval.jsonl"))
    ('lead/eval.jsonl', 'sft/eval.jsonl')
    >>> _told_apart(Path("a/tuned.jsonl"), Path("a/base.jsonl"))
    ('tuned.jsonl', 'base.jsonl')
    """
    alike = 0
    for mine, its in zip(reversed(one.parts), reversed(other.parts), strict=False):
        if mine != its:
            break
        alike += 1
    return str(Path(*one.parts[-alike - 1 :])), str(Path(*other.parts[-alike - 1 :]))
