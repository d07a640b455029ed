"""Where counts come from: a sample file, a run directory, or rows; graded on the way where they are not."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from leadline.data.samples.counts import Counts
from leadline.data.samples.foreign import SampleReading, find_files, named_as, passed_over, sample_rows
from leadline.data.samples.numbered_ids import by_prompt
from leadline.data.samples.same_problems import (
    differing_prompts,
    refusal,
    shuffled,
)
from leadline.data.samples.tally import count_rows
from leadline.errors import DataError, InputError
from leadline.grading import Grader
from leadline.grading.restated import without_restated
from leadline.storage.run_directory import RunReader
from leadline.types import Problem

__all__ = ["grade_rows", "load_counts", "sample_file", "sample_files"]

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
    rows: Iterable[tuple[int | str, Mapping[str, Any]]],
    golds: Mapping[str, str],
    grader: Grader,
    graded: set[str] | None = None,
) -> Iterator[tuple[int | str, Mapping[str, Any]]]:
    """Pass graded rows and counts on as they are; grade the others, whose gold is known, in batches.

    The reference answer is that of ``golds`` by problem id, else the row's own ``gold``. Rows that cannot be graded
    pass unchanged: whoever counts them names them. ``graded`` receives the ids of the problems that were graded here.
    """
    ours: set[str] = set() if graded is None else graded
    batch: list[tuple[int | str, Mapping[str, Any]]] = []
    for number, row in rows:
        # A million graded rows come through here: they wait only behind ungraded ones.
        if not batch and _is_graded(row):
            yield number, row
            continue
        batch.append((number, row))
        if len(batch) == BATCH:
            yield from _graded(batch, golds, grader, ours)
            batch = []
    yield from _graded(batch, golds, grader, ours)


def _graded(
    batch: list[tuple[int | str, Mapping[str, Any]]],
    golds: Mapping[str, str],
    grader: Grader,
    ours: set[str],
) -> Iterator[tuple[int | str, Mapping[str, Any]]]:
    wanted = [i for i, (_, row) in enumerate(batch) if _gradable(row, golds)]
    ours.update(str(batch[i][1].get("problem_id")) for i in wanted)
    pairs = [(batch[i][1]["completion"], _gold(batch[i][1], golds)) for i in wanted]
    finished = [batch[i][1].get("finished") is not False for i in wanted]
    grades = grader.grade_many(pairs, finished=finished) if pairs else []
    asked = [str(batch[i][1].get("prompt") or "") for i in wanted]
    grades = without_restated(grades, [text for text, _ in pairs], asked, [gold for _, gold in pairs])
    verdicts = dict(zip(wanted, grades, strict=True))
    cut = [j for j, done in enumerate(finished) if not done]
    # What was cut off may have said its answer: that counts where too few samples say how they ended.
    by_text = grader.grade_many([pairs[j] for j in cut]) if cut else []
    right = {wanted[j] for j, grade in zip(cut, by_text, strict=True) if grade.correct}
    for i, (number, row) in enumerate(batch):
        grade = verdicts.get(i)
        if grade is None:
            yield number, row
        else:
            verdict = {"correct": grade.correct, "reason": str(grade.reason), "answer": grade.answer}
            yield number, {**row, **verdict, **({"right_if_finished": True} if i in right else {})}


def _gold(row: Mapping[str, Any], golds: Mapping[str, str]) -> str:
    return golds.get(str(row.get("problem_id")), row.get("gold", ""))


def _is_graded(row: Mapping[str, Any]) -> bool:
    """Whether a row has a verdict, or counts some."""
    return "correct" in row or "n_samples" in row


def _gradable(row: Mapping[str, Any], golds: Mapping[str, str]) -> bool:
    if _is_graded(row) or not isinstance(row.get("completion"), str):
        return False
    return str(row.get("problem_id")) in golds or isinstance(row.get("gold"), str)


def load_counts(
    source: str | Path | Sequence[str | Path],
    *,
    golds: Mapping[str, str] | None = None,
    grader: Grader | None = None,
    on_bad_row: Literal["refuse", "skip"] = "refuse",
    observe: Callable[[Mapping[str, Any]], None] | None = None,
    progress: Callable[[int], None] | None = None,
    reading: SampleReading | None = None,
) -> Counts:
    """Counts of sample files of any known layout or of an arm of a run, grading what is not graded.

    Args:
        source: one or several of: a file, a pattern, a folder of sample files, or what `sample_file` takes.
        golds: reference answer by problem id; those of the problem set when None.
        grader: for ungraded rows; a new one is made (and closed) when none is given.
        reading: layout, columns, threshold of scores, tokenizer, the problem set; recognised when None.

    Raises:
        InputError: no such source.
        DataError: rows that cannot be used, of a layout that is not known, or that contradict the problem set.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    paths = [path for one in sources for path in sample_files(one)]
    how = reading or SampleReading()
    faults: list[str] = []
    notes = len(how.notes)
    folders = [one for one in sources if _is_folder_of_samples(Path(one))]
    how.notes.extend(note for one in folders if (note := passed_over(one)) is not None)
    rows = sample_rows(paths, how, faults)
    if how.problems:
        rows = named_as(how.problems, rows)
    own = grader or Grader()
    try:
        answers = {problem.id: problem.answer for problem in how.problems} if golds is None else golds
        by_gold: set[str] = set()
        graded = grade_rows(rows, answers, own, by_gold)
        counts = count_rows(
            graded, str(paths[0]), on_bad_row=on_bad_row, observe=observe, progress=progress, faults=faults
        )
        counts = _one_problem_each(counts, own, by_gold, skip=on_bad_row == "skip")
        _check_against(counts, how.problems, own)
        named = "problem_id" in how.columns or any(problem.id in counts.ids for problem in how.problems)
        counts = by_prompt(counts, named=named)
    finally:
        if grader is None:
            own.close()
    return replace(counts, notes=(*how.notes[notes:], *counts.notes))


def sample_files(source: str | Path) -> list[Path]:
    """The files of one source: a file, a pattern, a folder of sample files, or an arm of a run.

    Raises:
        InputError: nothing is there.
    """
    text = str(source)
    if Path(text).is_file() or glob.has_magic(text) or _is_folder_of_samples(Path(text)):
        return find_files(source)
    return [sample_file(source)]


def _is_folder_of_samples(path: Path) -> bool:
    return path.is_dir() and not (path / "samples").is_dir() and not (path / "metrics.jsonl").is_file()


def _check_against(counts: Counts, problems: Sequence[Problem], grader: Grader) -> None:
    """Refuse rows whose prompt or gold is another than the problem set has under their id."""
    given = {problem.id: problem for problem in problems}
    prompts = {name: given[name].prompt for name in counts.ids if name in given}
    answers = {name: given[name].answer for name in counts.ids if name in given}
    names = ("the problem set", "the samples")
    other = differing_prompts(prompts, counts.prompts)
    if other:
        raise DataError(refusal(other, prompts, counts.prompts, "problem", names))
    other = _unequal(answers, counts.golds, grader)
    if other:
        raise DataError(refusal(other, answers, counts.golds, "answer", names))


def _one_problem_each(counts: Counts, grader: Grader, graded: set[str], *, skip: bool) -> Counts:
    """Refuse one id for several problems (two data sets, shards that number their rows alike), or leave it out.

    Reference answers that are not equal matter where they decided a verdict; where the file has verdicts of its own,
    what is called an answer is as often the model's.

    Args:
        graded: ids of the problems that were graded by their reference answer here.
        skip: leave such problems out instead.

    Raises:
        DataError: with examples.
    """
    names = ("an earlier row", "a later one")
    again = [
        name for name in counts.other_prompts if shuffled(counts.prompts[name], counts.other_prompts[name])
    ]
    other = {name: text for name, text in counts.other_prompts.items() if name not in set(again)}
    prompts = differing_prompts(counts.prompts, other)
    judged = graded - {*prompts, *again}  # letters of choices in another order are other letters
    golds = {name: text for name, text in counts.golds.items() if name in judged}
    answers = _unequal(golds, counts.other_golds, grader)
    lines = refusal(prompts, counts.prompts, counts.other_prompts, "problem", names) if prompts else []
    lines += refusal(answers, counts.golds, counts.other_golds, "answer", names) if answers else []
    if lines and (not skip or len(prompts) + len(answers) == len(counts)):
        apart = "read such files one at a time, name what tells their problems apart (--columns problem_id=COLUMN, or "
        raise DataError([*lines, f"  {apart}gold=, prompt=), or leave them out (--skip-bad-rows)"])
    if lines:
        gone = {*prompts, *answers}
        kept = counts.take(name for name in counts.ids if name not in gone)
        counts = replace(kept, notes=counts.notes, skipped=(*counts.skipped, *lines))
    return counts


def _unequal(answers: Mapping[str, str], others: Mapping[str, str], grader: Grader) -> list[str]:
    """Ids under which two reference answers stand that are not equal."""
    both = [name for name in answers if name in others]
    doubtful = [name for name in both if answers[name].strip() != others[name].strip()]
    grades = grader.grade_many([(f"\\boxed{{{others[name]}}}", answers[name]) for name in doubtful])
    return [name for name, grade in zip(doubtful, grades, strict=True) if grade.correct is False]
