"""A worker's queue of jobs: the clock of each, what is taken back, and whose fault an end is."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from leadline.grading.verdict import Reason
from leadline.grading.workers.batch import GradingBatch, Task, TaskOutcome
from leadline.grading.workers.processes import AHEAD, SHORT_JOB, GradingJob, Worker

RIGHT = TaskOutcome(Reason.match)


@pytest.fixture
def ends() -> Iterator[tuple[Worker, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield Worker(0, ours, 1.0), theirs


def jobs(*golds: str) -> list[GradingJob]:
    batch = GradingBatch([Task(gold, "x", ()) for gold in golds])
    return [GradingJob(batch, index) for index in range(len(golds))]


def read(theirs: socket.socket) -> Any:
    return json.loads(theirs.recv(1 << 16))


def fault(worker: Worker) -> Reason:
    """What the job is charged with that the worker is at when its time is over."""
    return worker.lost(Reason.timeout).reason


def test_the_clock_of_a_job_starts_when_the_one_before_is_done(ends: tuple[Worker, socket.socket]) -> None:
    worker, _ = ends
    first, second = jobs("a", "b")
    worker.send(first)
    worker.send(second)
    spin = time.process_time() + 0.05
    while time.process_time() < spin:  # the worker of this fixture is this process
        pass
    assert worker.used >= 0.05
    worker.settle(RIGHT)
    assert worker.used < 0.05
    assert worker.lost(Reason.timeout).lost, "the second is under way"
    worker.settle(RIGHT)
    assert not worker.busy
    assert first.batch.wait() == [RIGHT, RIGHT]


def test_a_gold_is_reported_once_and_blamed_until_then(ends: tuple[Worker, socket.socket]) -> None:
    worker, theirs = ends
    for job in jobs("a", "a", "a"):
        worker.send(job)
    assert [read(theirs)[3] for _ in range(3)] == [True, True, True]
    assert fault(worker) is Reason.unparsable_gold
    worker.gold_is_done()
    assert fault(worker) is Reason.timeout
    worker.settle(RIGHT)
    assert fault(worker) is Reason.unparsable_gold, "its own word is still to come"
    (later,) = jobs("a")
    worker.send(later)
    assert read(theirs)[3] is False
    worker.settle(RIGHT)
    worker.settle(RIGHT)
    assert fault(worker) is Reason.timeout


def test_what_is_taken_back_is_settled_by_another(ends: tuple[Worker, socket.socket]) -> None:
    worker, _ = ends
    mine = jobs("a", "b", "c")
    for job in mine:
        worker.send(job)
    assert worker.withdraw(1) == mine[2:]
    assert worker.waiting == 1
    assert worker.withdraw(5) == mine[1:2]
    assert worker.withdraw(5) == []
    assert (worker.busy, worker.waiting) == (True, 0)
    for _ in range(3):  # the two that were taken back are answered all the same
        worker.settle(RIGHT)
    assert mine[0].batch.outcomes == [RIGHT, None, None]
    assert not worker.busy


def test_only_short_jobs_are_sent_ahead_and_not_too_many(ends: tuple[Worker, socket.socket]) -> None:
    worker, _ = ends
    short, long = jobs("a", "b" * SHORT_JOB)
    assert worker.takes(long)
    worker.send(short)
    assert not worker.takes(long)
    for _ in range(AHEAD - 1):
        assert worker.takes(short)
        worker.send(short)
    assert not worker.takes(short)


def test_given_up_are_the_jobs_of_an_innocent_worker(ends: tuple[Worker, socket.socket]) -> None:
    worker, _ = ends
    mine = jobs("a", "b")
    for job in mine:
        worker.send(job)
    assert worker.give_up() == mine
    assert not worker.busy


def test_the_limit_is_processor_time_and_what_comes_near_it_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, caplog.at_level(logging.WARNING, "leadline.grading"):
        idle, quick, slow = (Worker(0, ours, limit) for limit in (0.02, 10.0, 0.02))
        for worker in (idle, quick, slow):
            worker.send(*jobs("a"))
        idle._processor_at_start = float("inf")  # it never gets a processor
        spin = time.process_time() + 0.03
        while time.process_time() < spin:
            pass
        assert [worker.overdue for worker in (idle, quick, slow)] == [False, False, True]
        quick.settle(RIGHT)
        slow.settle(RIGHT)
    (record,) = caplog.records
    assert "near the limit" in record.getMessage()
