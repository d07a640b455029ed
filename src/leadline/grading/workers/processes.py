"""The processes of a pool as their owner sees them: the server that forks, and its workers."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from leadline.grading.verdict import Reason
from leadline.grading.workers.batch import GradingBatch, Task, TaskOutcome
from leadline.grading.workers.server import MESSAGE_BYTES

__all__ = ["START_SECONDS", "ForkServer", "GradingJob", "Worker"]

START_SECONDS = 300.0
AHEAD = 16
"""Most jobs that a worker has at a time, the one that it computes included."""
SHORT_JOB = 500
"""Longest job, in characters, that is sent ahead."""
GOLDS = 2_048
"""Most reference answers of which is remembered that a worker has them: as many as it keeps."""

NEAR = 0.5
"""Share of the limit from which on a job is logged: on another machine it may fall on the other side."""
BACKSTOP = 60.0
"""Times the limit that a job may take by the clock: far above whatever a busy machine does to it."""
LONGEST_NAP = 5.0
"""Seconds at most between two looks at a worker's processor time."""

_log = logging.getLogger("leadline.grading")


@dataclass(frozen=True, slots=True)
class GradingJob:
    """A task on its way: its batch, and where in the batch it stands."""

    batch: GradingBatch
    index: int

    @property
    def task(self) -> Task:
        return self.batch.tasks[self.index]

    @property
    def short(self) -> bool:
        """Whether it may be sent ahead: a full socket would make the pool wait for the worker."""
        return len(self.task.gold) + len(self.task.answer or "") <= SHORT_JOB

    def settle(self, outcome: TaskOutcome) -> None:
        self.batch.settle(self.index, outcome)


@dataclass(slots=True)
class _Sent:
    """A job as the worker has it.

    Attributes:
        job: None when it was taken back after it was sent: its reply is for nobody.
        tell: whether the worker reports when it has dealt with the gold.
    """

    job: GradingJob | None
    tell: bool


class Worker:
    """One worker process as its pool sees it: a queue of jobs of which it is computing the first.

    Most comparisons take less time than it takes to wake the pool, so the next ones are in the worker's socket already.
    A job's limit is processor time, so that its verdict does not depend on what else the machine does; the clock only
    stops what waits for nothing.
    """

    def __init__(self, pid: int, connection: socket.socket, timeout_s: float) -> None:
        self.pid, self.connection, self.timeout_s = pid, connection, timeout_s
        self.gold_done = False
        self._began = 0.0
        self._processor_at_start = 0.0
        self._queue: deque[_Sent] = deque()
        self._golds: dict[str, bool] = {}  # those that it was sent, and whether it has dealt with them

    @property
    def busy(self) -> bool:
        return bool(self._queue)

    @property
    def waiting(self) -> int:
        """How many of its jobs it has not begun and nobody has taken back."""
        return sum(sent.job is not None for sent in itertools.islice(self._queue, 1, None))

    def takes(self, job: GradingJob) -> bool:
        """Whether it should be given this one, too."""
        return not self._queue or (len(self._queue) < AHEAD and job.short)

    def knows(self, gold: str) -> bool:
        """Whether it was sent this gold before: it will not have to read it again."""
        return gold in self._golds

    def send(self, job: GradingJob) -> None:
        """Raises OSError if the worker is gone; the job then is not its own."""
        task = job.task
        # A gold that it has dealt with before is not reported again, and not to blame for what happens.
        tell = not self._golds.get(task.gold, False)
        self.connection.send(json.dumps([task.gold, task.answer, list(task.options), tell]).encode())
        self._queue.append(_Sent(job, tell))
        if len(self._golds) >= GOLDS:
            self._golds.clear()
        self._golds.setdefault(task.gold, False)
        if len(self._queue) == 1:
            self._begin()

    def _begin(self) -> None:
        """The clocks of a job start when the one before it is done."""
        self.gold_done = not self._queue[0].tell
        self._began = time.monotonic()
        self._processor_at_start = processor_seconds(self.pid)

    @property
    def used(self) -> float:
        """Seconds of processor time that its job has taken so far."""
        return max(0.0, processor_seconds(self.pid) - self._processor_at_start)

    @property
    def overdue(self) -> bool:
        """Whether its job has had all the processor time it may have, or waits for nothing."""
        waited = time.monotonic() - self._began
        # A process gets no more processor time than there is time, so most jobs need no look at all.
        return waited >= self.timeout_s and (
            self.used >= self.timeout_s or waited >= BACKSTOP * self.timeout_s
        )

    def seconds_to(self, used: float) -> float:
        """How long its job cannot have had so much processor time yet."""
        return min(LONGEST_NAP, max(0.002, used - self.used))

    def gold_is_done(self) -> None:
        """The worker says that it has dealt with the gold of its job."""
        self.gold_done = True
        job = self._queue[0].job
        if job is not None:
            self._golds[job.task.gold] = True

    def settle(self, outcome: TaskOutcome) -> None:
        """Its job is done."""
        job = self._queue.popleft().job
        if time.monotonic() - self._began >= NEAR * self.timeout_s:
            self._note(outcome, job)
        if job is not None:
            job.settle(outcome)
        if self._queue:
            self._begin()

    def _note(self, outcome: TaskOutcome, job: GradingJob | None) -> None:
        """Log a job whose verdict a slower machine, or a smaller limit, might change."""
        used = self.used
        if job is not None and outcome.reason is not Reason.timeout and used >= NEAR * self.timeout_s:
            _log.warning(
                "near the limit: %.2f of %.2f s of processor time for %r against %r",
                used, self.timeout_s, (job.task.answer or "")[:80], job.task.gold[:80],
            )  # fmt: skip

    def withdraw(self, count: int) -> list[GradingJob]:
        """Take back the last ``count`` jobs that it has not begun, in their order."""
        back: list[GradingJob] = []
        for sent in reversed(list(itertools.islice(self._queue, 1, None))):
            if sent.job is not None and len(back) < count:
                back.append(sent.job)
                sent.job = None
        return back[::-1]

    def give_up(self) -> list[GradingJob]:
        """All that it had, begun or not, when it is not to blame for its end."""
        jobs = [sent.job for sent in self._queue if sent.job is not None]
        self._queue.clear()
        return jobs

    def lost(self, reason: Reason) -> TaskOutcome:
        """The outcome when the worker did not answer: whose fault it is depends on how far it came."""
        if self.gold_done:
            return TaskOutcome(reason)
        return TaskOutcome(Reason.unparsable_gold, f"reading the gold ended in: {reason.value}", lost=True)


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used; 0 when it is gone."""
    clock = ~pid << 3 | 2  # what clock_getcpuclockid(3) gives, which Python does not wrap
    try:
        return time.clock_gettime(clock)
    except OSError:
        return 0.0


class ForkServer:
    """The process that forks workers, seen from here."""

    def __init__(self, memory_mb: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        paths = [str(Path(__file__).parents[3]), *(path for path in sys.path if path)]
        program = (
            f"import sys; sys.path[:] = {paths!r}; from leadline.grading.workers.server import serve; "
            f"serve({theirs.fileno()}, {os.getpid()}, {memory_mb})"
        )
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-c", program],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                cwd="/",
            )
        self.control = ours
        self.ready = False
        self.deadline = time.monotonic() + START_SECONDS

    def greet(self) -> None:
        """Take note that it has started. Raises RuntimeError if it has ended instead."""
        if not self.control.recv(MESSAGE_BYTES):
            raise RuntimeError(f"the worker server did not start: {self.last_words()}")
        self.ready = True
        self.control.settimeout(START_SECONDS)

    def last_words(self) -> str:
        assert self.process.stderr is not None
        self.process.wait()
        lines = self.process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self.process.returncode}"

    def spawn(self, timeout_s: float) -> Worker:
        self.control.send(b'["spawn"]')
        message, fds, _, _ = socket.recv_fds(self.control, MESSAGE_BYTES, 1)
        if not fds:
            raise ConnectionError("the worker server is gone")
        return Worker(json.loads(message), socket.socket(fileno=fds[0]), timeout_s)

    def reap(self, worker: Worker) -> int:
        """Kill a worker and return its wait status. Its pid is its own until the server has reaped it."""
        worker.connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
        self.control.send(json.dumps(["reap", worker.pid]).encode())
        reply = self.control.recv(MESSAGE_BYTES)
        if not reply:
            raise ConnectionError("the worker server is gone")
        return int(json.loads(reply))

    def close(self) -> None:
        """End the server; its workers die with it."""
        self.control.close()
        self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()
