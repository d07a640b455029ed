"""Where counts come from: a sample file, a run directory, or rows; graded on the way where they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from leadline.data.samples.counts import Counts
from leadline.data.samples.tally import count_rows
from leadline.errors import InputError
from leadline.grading import Grader
from leadline.grading.restated import without_restated
from leadline.storage.jsonl import read_jsonl
from leadline.storage.run_directory import RunReader

__all__ = ["grade_rows", "load_counts", "sample_file"]

BATCH = 512


def sample_file(source: str | Path) -> Path:
    """The file that a source names: a file itself, ``RUN:ARM``, ``RUN:ARM:NAME``, or a run of one arm.

    ``NAME`` is ``eval`` (the default where it is there, else the last step) or a step such as
    ``step-000060``.

    Raises:
        InputError: no such file, run, arm or name; says what there is.
    """
    text = str(source)
    if Path(text).is_file():
        return Path(text)
    root, arm, name = (*text.split(":"), "", "")[:3]
    if Path(text).is_dir():
        root, arm, name = text, "", ""
    if not Path(root).is_dir():
        raise InputError(f"{text}: no such file or run directory")
    run = RunReader(root)
    arms = [a for a in run.arms if run.sample_names(a)]
    if not arm:
        if len(arms) != 1:
            choice = ", ".join(f"{root}:{a}" for a in arms) or "none of its arms has samples"
            raise InputError(f"{root}: which arm? {choice}")
        arm = arms[0]
    if arm not in arms:
        raise InputError(f"{root}: no samples of arm {arm!r}; there are {', '.join(arms) or 'none'}")
    names = run.sample_names(arm)
    chosen = name or ("eval" if "eval" in names else names[-1])
    if chosen not in names:
        raise InputError(f"{root}: arm {arm!r} has no samples {chosen!r}; there are {', '.join(names)}")
    return Path(root) / "samples" / arm / f"{chosen}.jsonl.gz"


def grade_rows(
    rows: Iterable[tuple[int, Mapping[str, Any]]], golds: Mapping[str, str], grader: Grader
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Pass graded rows and counts on as they are; grade the others, whose gold is known, in batches.

    The gold is that of ``golds`` by problem id, else the row's own ``gold``. Rows that cannot be graded pass
    unchanged: whoever counts them names them.
    """
    batch: list[tuple[int, Mapping[str, Any]]] = []
    for number, row in rows:
        # A million graded rows come through here: they wait only behind ungraded ones.
        if not batch and ("correct" in row or "n_samples" in row):
            yield number, row
            continue
        batch.append((number, row))
        if len(batch) == BATCH:
            yield from _graded(batch, golds, grader)
            batch = []
    yield from _graded(batch, golds, grader)


def _graded(
    batch: list[tuple[int, Mapping[str, Any]]], golds: Mapping[str, str], grader: Grader
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    wanted = [i for i, (_, row) in enumerate(batch) if _gradable(row, golds)]
    pairs = [(batch[i][1]["completion"], _gold(batch[i][1], golds)) for i in wanted]
    finished = [batch[i][1].get("finished") is not False for i in wanted]
    grades = grader.grade_many(pairs, finished=finished) if pairs else []
    asked = [str(batch[i][1].get("prompt") or "") for i in wanted]
    grades = without_restated(grades, [text for text, _ in pairs], asked, [gold for _, gold in pairs])
    verdicts = dict(zip(wanted, grades, strict=True))
    for i, (number, row) in enumerate(batch):
        grade = verdicts.get(i)
        if grade is None:
            yield number, row
        else:
            verdict = {"correct": grade.correct, "reason": str(grade.reason), "answer": grade.answer}
            yield number, {**row, **verdict}


def _gold(row: Mapping[str, Any], golds: Mapping[str, str]) -> str:
    return golds.get(str(row.get("problem_id")), row.get("gold", ""))


def _gradable(row: Mapping[str, Any], golds: Mapping[str, str]) -> bool:
    if "correct" in row or "n_samples" in row or not isinstance(row.get("completion"), str):
        return False
    return str(row.get("problem_id")) in golds or isinstance(row.get("gold"), str)


def load_counts(
    source: str | Path,
    *,
    golds: Mapping[str, str] | None = None,
    grader: Grader | None = None,
    on_bad_row: Literal["refuse", "skip"] = "refuse",
    observe: Callable[[Mapping[str, Any]], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Counts:
    """Counts of a sample file or of an arm of a run, grading ungraded completions where golds are known.

    Args:
        source: see `sample_file`.
        golds: gold answer by problem id.
        grader: for ungraded rows; a new one is made (and closed) when none is given.

    Raises:
        InputError: no such source.
        DataError: rows that cannot be used.
    """
    path = sample_file(source)
    faults: list[str] = []
    rows: Iterable[tuple[int, Mapping[str, Any]]] = read_jsonl(path, faults=faults)
    own = grader or Grader()
    try:
        graded = grade_rows(rows, golds or {}, own)
        return count_rows(
            graded, str(path), on_bad_row=on_bad_row, observe=observe, progress=progress, faults=faults
        )
    finally:
        if grader is None:
            own.close()
