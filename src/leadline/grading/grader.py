"""The grader: cheap exact comparison in this process, algebra in workers that can be killed."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from functools import lru_cache
from typing import NamedTuple, Self

from leadline.errors import InputError
from leadline.grading.cache import RecentCache
from leadline.grading.comparison.structural import same_cheaply
from leadline.grading.expressions.qualifiers import domains_differ
from leadline.grading.expressions.structure import canonical_text
from leadline.grading.expressions.structure_reader import read_structure
from leadline.grading.gold import Gold, is_readable, read_gold
from leadline.grading.text.choices import option_text, same_choice
from leadline.grading.text.clean import clean
from leadline.grading.text.extract import extract_answer
from leadline.grading.text.limits import over_cap
from leadline.grading.verdict import Grade, Reason, Strictness
from leadline.grading.workers.batch import Task, TaskOutcome, WorkerCounts
from leadline.grading.workers.pool import WorkerPool

__all__ = ["Grader", "gold_fault", "gold_faults", "grade"]

CACHE_ENTRIES = 8_192
CACHED_LENGTH = 400
"""Longer answers, of models and of references, are not kept, so that the memory of a long run stays flat."""
_DEFAULT = Strictness()


class _Open(NamedTuple):
    """A pair that only a worker can decide; with ``grade`` it asks only whether the gold can be used at all."""

    position: int
    key: tuple[str, str, Strictness]
    task: Task
    answer: str | None
    grade: Grade | None = None


class Grader:
    """Grades answers against reference answers ("gold" in names).

    One instance may be shared by threads, coroutines and forked children.

    Args:
        workers: processes that may run algebra at the same time (up to three more while some of these are stuck). None
            is started before one is needed, or the grader is entered.
        timeout_s: seconds an answer may take from its dispatch to a worker; then the worker is killed.
        memory_mb: address space of a worker.

    Use it as a context manager, or call ``close``; if neither happens, the workers end with this process.
    """

    def __init__(self, workers: int = 1, timeout_s: float = 1.0, memory_mb: int = 1024) -> None:
        if workers < 1 or timeout_s <= 0 or memory_mb < 256:
            raise ValueError("a grader needs workers >= 1, timeout_s > 0 and memory_mb >= 256")
        self.workers, self.timeout_s, self.memory_mb = workers, timeout_s, memory_mb
        self._golds: RecentCache[str, Gold] = RecentCache(CACHE_ENTRIES)
        self._bad_golds: RecentCache[str, str] = RecentCache(CACHE_ENTRIES)
        self._good_golds: RecentCache[str, bool] = RecentCache(CACHE_ENTRIES)
        self._slow_golds: RecentCache[str, bool] = RecentCache(CACHE_ENTRIES)
        self._pairs: RecentCache[tuple[str, str, Strictness], Grade] = RecentCache(CACHE_ENTRIES)
        self._pool: WorkerPool | None = None
        self._lock = threading.Lock()
        _GRADERS.add(self)

    def __enter__(self) -> Self:
        """Begin to start the process that workers are forked from; nothing waits for it."""
        self._open_pool().start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers. The grader starts new ones if it is used again."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    @property
    def counts(self) -> WorkerCounts:
        """How many workers were started and how they ended, since the pool was opened."""
        return self._pool.counts if self._pool is not None else WorkerCounts()

    def grade_many(
        self,
        pairs: Iterable[tuple[str, str]],
        *,
        finished: Sequence[bool] | None = None,
        comparison: Strictness = _DEFAULT,
    ) -> list[Grade]:
        """Grade ``(response, gold)`` pairs, in order. Never raises on content.

        Args:
            pairs: what the model wrote, and the gold answer.
            finished: False for a completion that the token cap cut off; its grade is ``truncated``.
            comparison: how strictly to compare.

        Raises:
            LeadlineError: the workers cannot be started at all.
            InputError: a response or a gold that is no text.
            ValueError: ``finished`` has another length than ``pairs``.
        """
        grades: list[Grade] = []
        waiting: list[_Open] = []
        flags = iter(finished) if finished is not None else None
        for response, gold in pairs:
            if flags is not None:
                flag = next(flags, None)
                if flag is None:
                    raise ValueError("fewer finished flags than pairs")
            else:
                flag = True
            _check_text(response=response, gold=gold)
            grade = self._cheaply(len(grades), response if flag else None, gold, comparison)
            if isinstance(grade, _Open):
                waiting.append(grade)
                grade = Grade(False, Reason.crashed, grade.answer)
            grades.append(grade)
        if flags is not None and next(flags, None) is not None:
            raise ValueError("more finished flags than pairs")
        self._by_algebra(waiting, grades)
        return grades

    async def grade_many_async(
        self,
        pairs: Iterable[tuple[str, str]],
        *,
        finished: Sequence[bool] | None = None,
        comparison: Strictness = _DEFAULT,
    ) -> list[Grade]:
        """``grade_many`` without blocking the event loop."""
        return await asyncio.to_thread(self.grade_many, list(pairs), finished=finished, comparison=comparison)

    def gold_faults(self, golds: Iterable[str]) -> list[str | None]:
        """For each gold why it cannot be graded against, or None if it can. Costs algebra where spelling is unclear."""
        golds = list(golds)
        for gold in golds:
            _check_text(gold=gold)
        read = [self._gold(gold) for gold in golds]
        faults = [gold.fault for gold in read]
        unclear = [i for i, gold in enumerate(read) if gold.fault is None and not is_readable(gold)]
        tasks = [Task(read[i].text) for i in unclear]
        for i, outcome in zip(unclear, self._outcomes(tasks), strict=True):
            faults[i] = outcome.fault
        return faults

    def _gold(self, gold: str) -> Gold:
        known = self._golds.get(gold)
        if known is None:
            known = read_gold(gold)
            if len(gold) <= CACHED_LENGTH:
                self._golds[gold] = known
        return known

    def _cheaply(self, index: int, response: str | None, gold: str, comparison: Strictness) -> Grade | _Open:
        """The grade of a response (None: it was cut off), or what has to be asked of a worker.

        A gold that cannot be read gives None for every response: were those right that repeat it, a group would be
        right by construction.
        """
        known = self._gold(gold)
        if known.fault is not None or self._bad_golds.get(known.text) is not None:
            return Grade(None, Reason.unparsable_gold)
        answer = extract_answer(response) if response is not None else None
        if answer is None:
            grade = Grade(False, Reason.truncated if response is None else Reason.no_answer)
            return self._usable(index, ("", known.raw, comparison), known, grade)
        key = (answer, known.raw, comparison)
        cached = self._pairs.get(key)
        if cached is not None:
            return cached
        found = self._compare(index, key, known)
        if isinstance(found, _Open):
            return found
        usable = self._usable(index, key, known, found)
        if usable is found:
            self._keep(key, found)
        return usable

    def _usable(
        self, index: int, key: tuple[str, str, Strictness], gold: Gold, grade: Grade
    ) -> Grade | _Open:
        """The grade, if the gold is known to be readable; else the question whether it is."""
        if is_readable(gold) or self._good_golds.get(gold.text) is not None:
            return grade
        return _Open(index, key, Task(gold.text), grade.answer, grade)

    def _compare(self, index: int, key: tuple[str, str, Strictness], gold: Gold) -> Grade | _Open:
        answer, _, comparison = key
        if answer == gold.raw:
            return Grade(True, Reason.match, _ballot(gold.text))
        if over_cap(answer) is not None:
            return Grade(False, Reason.mismatch, answer[:CACHED_LENGTH])
        text = clean(answer)
        if not text:
            return Grade(False, Reason.no_answer)
        ballot = _ballot(text)
        same = True if text == gold.text else same_choice(gold.text, text)
        if same is None:
            text = option_text(text, gold.text) or text
        if same is None and domains_differ(gold.text, text):
            same = False
        if same is None:
            same = same_cheaply(gold.structure, read_structure(text), comparison)
        if same is not None:
            return Grade(same, Reason.match if same else Reason.mismatch, ballot)
        return _Open(index, key, Task(gold.text, text, astuple(comparison)), ballot)

    def _keep(self, key: tuple[str, str, Strictness], grade: Grade) -> None:
        if len(key[0]) + len(key[1]) <= CACHED_LENGTH:
            self._pairs[key] = grade

    def _by_algebra(self, waiting: list[_Open], grades: list[Grade]) -> None:
        """Decide the open pairs, each distinct one once."""
        distinct = {pair.task: pair for pair in waiting}
        outcomes = dict(zip(distinct, self._outcomes(list(distinct)), strict=True))
        for pair in waiting:
            outcome = outcomes[pair.task]
            if outcome.reason is Reason.unparsable_gold:
                grades[pair.position] = Grade(None, outcome.reason, pair.answer)
                self._remember_bad_gold(pair.task.gold, outcome)
                continue
            self._good_golds[pair.task.gold] = True
            grade = pair.grade or Grade(outcome.reason is Reason.match, outcome.reason, pair.answer)
            grades[pair.position] = grade
            if grade.reason in (Reason.match, Reason.mismatch):
                self._keep(pair.key, grade)

    def _remember_bad_gold(self, gold: str, outcome: TaskOutcome) -> None:
        """Remember a gold that cannot be read. One that took too long gets a second chance: the machine may be busy."""
        if not outcome.lost or self._slow_golds.get(gold) is not None:
            self._bad_golds[gold] = outcome.fault or "unreadable"
        else:
            self._slow_golds[gold] = True

    def _outcomes(self, tasks: list[Task]) -> list[TaskOutcome]:
        if not tasks:
            return []
        return self._open_pool().submit(tasks).wait()

    def _open_pool(self) -> WorkerPool:
        with self._lock:
            if self._pool is None:
                self._pool = WorkerPool(self.workers, self.timeout_s, self.memory_mb)
                weakref.finalize(self, self._pool.close)
            return self._pool

    def _after_fork(self) -> None:
        """In a forked child: the parent's workers are not ours, and its locks may be held by threads that are gone."""
        pool, self._pool = self._pool, None
        self._lock = threading.Lock()
        if pool is not None:
            pool.abandon()


@lru_cache(maxsize=4_096)
def _ballot(text: str) -> str:
    """The canonical form of a cleaned answer."""
    return canonical_text(read_structure(text))[:CACHED_LENGTH]


_GRADERS: weakref.WeakSet[Grader] = weakref.WeakSet()
_default: Grader | None = None
_default_lock = threading.Lock()


def _reset_after_fork() -> None:
    global _default_lock
    _default_lock = threading.Lock()
    for grader in list(_GRADERS):
        grader._after_fork()


os.register_at_fork(after_in_child=_reset_after_fork)


def _the_default() -> Grader:
    global _default
    with _default_lock:
        if _default is None:
            _default = Grader()
        return _default


def _check_text(**given: object) -> None:
    for name, value in given.items():
        if not isinstance(value, str):
            raise InputError(f"{name}: {type(value).__name__}, expected text, such as str({name})")


def grade(response: str, gold: str, *, finished: bool = True, comparison: Strictness = _DEFAULT) -> Grade:
    """Grade one response against its gold answer, with a grader that all callers of this function share.

    >>> grade(r"Half of it, so \\boxed{\\frac12}.", "0.5")
    Grade(correct=True, reason=<Reason.match: 'match'>, answer='1/2')
    """
    return _the_default().grade_many([(response, gold)], finished=(finished,), comparison=comparison)[0]


def gold_fault(gold: str) -> str | None:
    """Why ``gold`` cannot be graded against, or None if it can."""
    return gold_faults([gold])[0]


def gold_faults(golds: Iterable[str]) -> list[str | None]:
    """``gold_fault`` of many at once."""
    return _the_default().gold_faults(golds)
