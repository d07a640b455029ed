"""The base model composed with itself: it answers the first part of a problem, reads that, and answers the rest.

If ``mid`` is the right state after the first part, a chain is right with probability ``mu(C) >= pi(mid | first) pi(y |
rest)``: often where the base model's own success Q is nil. The composer is the frozen base: composed with the model
under training, imitation drifts. How a problem falls into parts is given to it: that is a prior, though no answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from leadline.seeds import python_rng
from leadline.studies.design.source import Item
from leadline.studies.experiment.algorithms.lifting import grpo_and_lift, imitate_when_full
from leadline.studies.experiment.student import Answered, Student, completions

__all__ = ["chains", "compose", "compose_blind", "compose_majority"]


def compose(student: Student, step: int) -> None:
    """GRPO; of a problem whose group had no right answer, imitate a chain of the base that the grader accepts."""
    grpo_and_lift(student, step, _accepted)


def compose_majority(student: Student, step: int) -> None:
    """The same, but the most frequent chain is imitated: what is the grader's verdict worth?"""
    grpo_and_lift(student, step, _most_frequent)


def compose_blind(student: Student, step: int) -> None:
    """Imitation of the most frequent chain of every problem: no GRPO, no grader, no reference answer at all."""
    imitate_when_full(student, step, _most_frequent(student, student.problems(step), step))


def chains(student: Student, items: Sequence[Item], step: int, count: int) -> list[Answered]:
    """``count`` chains of every problem, each cut at one place drawn for its problem; malformed middles are dropped."""
    rng = python_rng(student.seed, "cut", step)
    cuts = [rng.randrange(1, len(item.program)) for item in items]
    heads = [item._replace(program=item.program[:cut]) for item, cut in zip(items, cuts, strict=True)]
    rests: list[tuple[Item, Item]] = []
    for owner, said in completions(student.draw(heads, count, step, "first parts", model=student.reference)):
        middle = student.encoding.read(heads[owner], said)
        if middle is not None:
            item = items[owner]
            rests.append((item, item._replace(state=middle, program=item.program[cuts[owner] :])))
    if not rests:
        return []
    said_last = student.draw([rest for _, rest in rests], 1, step, "second parts", model=student.reference)
    return [(rests[owner][0], said) for owner, said in completions(said_last)]


def _accepted(student: Student, failed: Sequence[Item], step: int) -> list[Answered]:
    """The last right chain of every problem that has one."""
    drawn = chains(student, failed, step, student.scale.group // 2)
    return list({item: said for item, said in drawn if student.accepts(item, said)}.items())


def _most_frequent(student: Student, items: Sequence[Item], step: int) -> list[Answered]:
    """The well-formed answer that most chains of a problem ended in; the first drawn of equals."""
    votes: dict[Item, Counter[tuple[int, ...]]] = {}
    for item, said in chains(student, items, step, student.scale.group // 2):
        if student.encoding.read(item, said) is not None:
            votes.setdefault(item, Counter())[tuple(said)] += 1
    return [(item, list(counts.most_common(1)[0][0])) for item, counts in votes.items()]
