"""The problems behind the counts: twins among them, those that are also in an evaluation set, and the kept ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from leadline.data import overlap, problem_key
from leadline.data.samples.counts import Counts
from leadline.diagnosis.probe.result import Probe, Repeats, Twins
from leadline.errors import InputError
from leadline.storage.jsonl import write_jsonl
from leadline.types import Problem

__all__ = ["contaminated", "find_repeats", "problems_of", "repeats_to_the_character", "twins", "write_kept"]


def problems_of(counts: Counts, given: Iterable[Problem] = ()) -> list[Problem]:
    """The sampled problems whose text is known, from the problem set or from the rows themselves."""
    known = {problem.id: problem for problem in given}
    for name, prompt in counts.prompts.items():
        known.setdefault(
            name, Problem(name, prompt, counts.golds.get(name, ""), media=counts.media.get(name))
        )
    return [known[name] for name in counts.ids if name in known]


def twins(problems: Sequence[Problem]) -> tuple[tuple[str, ...], ...]:
    """Groups of ids that are one problem (`problem_key`), each with the first id in front."""
    groups: dict[str, list[str]] = {}
    for problem in problems:
        groups.setdefault(problem_key(problem), []).append(problem.id)
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)


def repeats_to_the_character(problems: Sequence[Problem]) -> int:
    """Problems whose prompt an earlier one has, character by character."""
    return len(problems) - len({problem.asked for problem in problems})


def contaminated(problems: Sequence[Problem], evaluation: Sequence[Problem]) -> tuple[dict[str, None], int]:
    """Ids of the problems whose normalised prompt is in an evaluation set, and how many to the character."""
    shared = dict.fromkeys(pair.b for pair in overlap(evaluation, problems))
    exact = {problem.asked for problem in evaluation}
    return shared, sum(problem.id in shared and problem.asked in exact for problem in problems)


def find_repeats(problems: Sequence[Problem], evaluation: Sequence[Problem]) -> Repeats:
    """What of the set stands twice in it, or in an evaluation set."""
    groups = twins(problems)
    shared, exact = contaminated(problems, evaluation)
    again = sum(len(names) - 1 for names in groups)
    return Repeats(
        groups, tuple(shared), Twins(again, repeats_to_the_character(problems), len(shared), exact)
    )


def write_kept(path: str | Path, probe: Probe, problems: Sequence[Problem]) -> int:
    """Write the kept problems as a problem file, each with its measured ``solve_rate``; return how many.

    Raises:
        InputError: the text or the answer of a kept problem is not known, or nothing is kept.
    """
    known = {problem.id: problem for problem in problems}
    kept = probe.kept
    if not kept:
        raise InputError(f"{path}: not written, as no problem is worth keeping")
    missing = [name for name in kept if name not in known or not known[name].answer]
    if missing:
        raise InputError(
            f"{path}: not written, as the samples of {len(missing)} problems carry no prompt and gold, "
            f"such as {missing[0]!r}; give the problem set with --data"
        )
    place = {name: i for i, name in enumerate(probe.counts.ids)}
    n, c = probe.counts.n, probe.counts.c
    return write_jsonl(path, (_row(known[name], float(c[i] / n[i])) for name in kept for i in [place[name]]))


def _row(problem: Problem, rate: float) -> dict[str, Any]:
    row: dict[str, Any] = {"id": problem.id, "answer": problem.answer, "solve_rate": rate}
    if problem.messages is None:
        row["prompt"] = problem.prompt
    else:
        row["messages"] = [{"role": m.role, "content": m.content} for m in problem.messages]
    if problem.solution is not None:
        row["solution"] = problem.solution
    if problem.difficulty is not None:
        row["difficulty"] = problem.difficulty
    return row
