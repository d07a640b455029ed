"""Samples and results in the forms of others: local files and folders, which ``hf upload`` can push."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal, Protocol

from leadline.data.samples.counts import Counts
from leadline.data.samples.exports.about import About
from leadline.data.samples.exports.dataset_folder import check_dataset_folder, open_dataset_folder
from leadline.data.samples.exports.eval_results import check_benchmark, eval_results_text, is_eval_results
from leadline.data.samples.exports.exported_row import exported_row
from leadline.data.samples.exports.inspect_log import is_inspect_log, open_inspect_log
from leadline.data.samples.exports.model_card import card_section, write_card_section
from leadline.data.samples.foreign import SampleReading
from leadline.data.samples.sources import load_counts, sample_files
from leadline.errors import DataError, InputError
from leadline.storage.outputs import check_output, write_text_atomic
from leadline.types import Problem

__all__ = ["EXPORTS", "About", "export_samples"]

EXPORTS = {
    "inspect": "a log that Inspect's viewer reads (a .json file)",
    "dataset": "a data set of the Hub with its card (a folder)",
    "eval-results": "a file for .eval_results/ of a model repository (.yaml)",
    "model-card": "a section of a model card (README.md, which keeps the rest of its text)",
}


class _Taker(Protocol):
    """Whoever writes rows as they are read, each as `exported_row` makes it."""

    def add(self, row: Mapping[str, Any]) -> None: ...
    def finish(self, counts: Counts) -> None: ...


_OPENERS: Mapping[str, Callable[[Path, About], AbstractContextManager[_Taker]]] = {
    "inspect": open_inspect_log,
    "dataset": open_dataset_folder,
}


def export_samples(
    sources: Sequence[str | Path],
    to: str,
    out: str | Path,
    *,
    about: About | None = None,
    problems: Iterable[Problem] = (),
    reading: SampleReading | None = None,
    on_bad_row: Literal["refuse", "skip"] = "refuse",
    progress: Callable[[int], None] | None = None,
) -> Counts:
    """Read samples of any known layout, grade what is not graded, and write them or their results for others.

    Args:
        sources: as `leadline.data.samples.sources.load_counts` takes them.
        to: one of `EXPORTS`. out: a file, or for ``dataset`` a folder.
        about: what the rows do not say. problems: reference answers for ungraded rows.

    Raises:
        InputError: an unknown form, a place that is not ours, or no benchmark where the form wants one.
        DataError: rows that cannot be used, or without a text where the form is made of texts; nothing is written.
    """
    if to not in EXPORTS:
        raise InputError(f"--to: {to!r} is not one of {', '.join(EXPORTS)}")
    about, out = about or About(), Path(out)
    _check(to, out, about, [path for one in sources for path in sample_files(one)])
    opener = _OPENERS.get(to)
    with opener(out, about) if opener else nullcontext() as writing:
        taken = _Counted(writing)
        counts = load_counts(
            list(sources),
            golds={problem.id: problem.answer for problem in problems},
            on_bad_row=on_bad_row,
            observe=taken,
            progress=progress,
            reading=reading,
        )
        taken.finish(counts, to)
    if to == "eval-results":
        write_text_atomic(out, eval_results_text(counts, about))
    elif to == "model-card":
        write_card_section(out, card_section(counts, about))
    return counts


class _Counted:
    """Hands rows on to whoever writes them, if anybody, and sees to it that none was without a text."""

    def __init__(self, taker: _Taker | None) -> None:
        self.taker, self.rows = taker, 0

    def __call__(self, row: Mapping[str, Any]) -> None:
        if self.taker is not None:
            self.rows += 1
            self.taker.add(exported_row(row))

    def finish(self, counts: Counts, to: str) -> None:
        if self.taker is None:
            return
        missing = counts.n_samples - self.rows
        if missing > 0:
            raise DataError(
                f"{missing:,} of {counts.n_samples:,} samples have no text; --to {to} is made of texts"
            )
        self.taker.finish(counts)


def _check(to: str, out: Path, about: About, inputs: Sequence[Path]) -> None:
    """Refuse a place before any work is done for it."""
    if to == "dataset":
        check_dataset_folder(out, tuple(inputs))
    elif to == "model-card":
        check_output(out, inputs=tuple(inputs), ours=lambda head: True)  # all but its own section is kept
    elif to == "inspect":
        check_output(out, inputs=tuple(inputs), ours=is_inspect_log)
    else:
        check_output(out, inputs=tuple(inputs), ours=is_eval_results)
        check_benchmark(about)
