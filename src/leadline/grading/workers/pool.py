"""A pool of workers that can be killed: one thread hands out tasks, watches the clock, and buries the dead."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from leadline.errors import LeadlineError
from leadline.grading.verdict import Reason
from leadline.grading.workers.batch import GradingBatch, Task, TaskOutcome, WorkerCounts
from leadline.grading.workers.processes import START_SECONDS, ForkServer, GradingJob, Worker
from leadline.grading.workers.server import MESSAGE_BYTES

__all__ = ["WorkerPool"]

CLOSE_SECONDS = 2.0
MAX_RESTARTS = 3
SPARE = 3
"""Workers beyond the given number that may be started while others are stuck."""
STALL_SECONDS = 0.25
EXTRA_FOR_KNOWN_GOLD = 4
"""How many more jobs may wait at a worker that has the gold already."""


class WorkerPool:
    """At most ``workers`` processes, started when there is work; a task may take ``timeout_s`` of processor time."""

    def __init__(self, workers: int, timeout_s: float, memory_mb: int) -> None:
        self.size, self.timeout_s, self.memory_mb = workers, timeout_s, memory_mb
        self.counts = WorkerCounts()
        self._stall = min(STALL_SECONDS, timeout_s / 4)
        self._pending: deque[GradingJob] = deque()
        self._workers: list[Worker] = []
        self._server: ForkServer | None = None
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._closing = False
        self._wanted = False
        self._failures = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, tasks: Sequence[Task]) -> GradingBatch:
        """Queue tasks; from any thread."""
        batch = GradingBatch(tasks)
        if not tasks:
            batch.done.set()
            return batch
        with self._lock:
            if self._closing:
                raise LeadlineError("this grader is closed")
            self._pending.extend(GradingJob(batch, index) for index in range(len(tasks)))
            self._start_thread()
        self._wake()
        return batch

    def start(self) -> None:
        """Begin to start the server, without waiting for it."""
        with self._lock:
            self._wanted = not self._closing
            self._start_thread()
        self._wake()

    def _start_thread(self) -> None:
        if self._thread is None and not self._closing:
            self._thread = threading.Thread(target=self._run, name="leadline-grading", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop all processes, and fail what is still waiting. Safe to call twice."""
        with self._lock:
            self._closing = True
            thread = self._thread
        self._wake()
        if thread is None:
            self._release()
        elif thread is not threading.current_thread():
            thread.join()

    def _release(self) -> None:
        """Give the descriptors back that live as long as the pool."""
        self._selector.close()
        self._woken.close()
        self._waker.close()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's sockets without a word to the parent's workers."""
        for worker in self._workers:
            worker.connection.close()
        if self._server is not None:
            self._server.control.close()
        self._woken.close()
        self._waker.close()

    def _wake(self) -> None:
        # A full buffer has woken the thread already; a closed one has no thread.
        with contextlib.suppress(BlockingIOError, OSError):
            self._waker.send(b"x")

    def _run(self) -> None:
        while not self._closing:
            try:
                self._loop()
            except (OSError, RuntimeError, ValueError) as error:
                self._failures += 1
                self.counts.server_restarts += 1
                self._reset()
                if self._failures > MAX_RESTARTS or isinstance(error, RuntimeError):
                    self._fail(error)
        self._reap_all()
        self._reset()
        self._fail(LeadlineError("the grader was closed"))
        self._release()

    def _loop(self) -> None:
        while not self._closing:
            if self._server is None and (self._pending or self._wanted):
                self._server = ForkServer(self.memory_mb)
                self._selector.register(self._server.control, selectors.EVENT_READ, self._server)
            if self._server is not None and self._server.ready:
                self._hand_out()
            for key, _ in self._selector.select(self._patience()):
                if key.data is None:
                    self._drain()
                elif isinstance(key.data, ForkServer):
                    self._selector.unregister(key.data.control)
                    key.data.greet()
                else:
                    self._read_replies(key.data)
            self._kill_overdue()

    def _patience(self) -> float | None:
        """Seconds until something has to be done though nobody says a word."""
        times = []
        if self._server is not None and not self._server.ready:
            times.append(self._server.deadline - time.monotonic())
        for worker in self._busy():
            stalled = worker.used >= self._stall
            watch = (self._pending or worker.waiting) and not stalled
            times.append(worker.seconds_to(self._stall if watch else self.timeout_s))
        return max(0.0, min(times)) if times else None

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.busy]

    def _running(self) -> list[Worker]:
        """The busy ones that are not stuck: at most ``size``, however many processes there are.

        Stuck is who has computed for suspiciously long, not who had to wait for a processor.
        """
        return [worker for worker in self._busy() if worker.used < self._stall]

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass

    def _hand_out(self) -> None:
        self._take_back()
        while self._pending:
            job = self._pending[0]
            if job.batch.cancelled or job.batch.error is not None:
                self._pending.popleft()
                continue
            worker = self._place(job)
            if worker is None:
                return
            self._pending.popleft()
            try:
                worker.send(job)
            except OSError:
                # It died between two jobs, which is no fault of this one.
                self._requeue([*worker.give_up(), job])
                self._reap(worker)

    def _requeue(self, jobs: Sequence[GradingJob]) -> None:
        """Put jobs that were handed out before all that still waits, in their order."""
        self._pending.extendleft(reversed(jobs))

    def _take_back(self) -> None:
        """What waits behind a stuck job goes back to the queue, and half of what waits while there is a free place."""
        running = self._running()
        free = not self._pending and len(running) < self.size and len(running) < len(self._workers)
        for worker in self._busy():
            if worker not in running:
                self._requeue(worker.withdraw(worker.waiting))
            elif free:
                self._requeue(worker.withdraw((worker.waiting + 1) // 2))

    def _place(self, job: GradingJob) -> Worker | None:
        """Who gets the next job: someone idle, a new worker, or whoever has least to do; nobody who is stuck.

        A worker that has read the gold before need not read it again, which is worth a few places in its queue.
        """
        running, able = self._running(), []
        if len(running) < self.size:
            able = [worker for worker in self._workers if not worker.busy]
            if not able and len(self._workers) < self.size + SPARE:
                return self._start_worker()
        able = able or [worker for worker in running if worker.takes(job)]
        gold = job.task.gold
        return min(
            able, key=lambda worker: worker.waiting - EXTRA_FOR_KNOWN_GOLD * worker.knows(gold), default=None
        )

    def _start_worker(self) -> Worker:
        assert self._server is not None
        worker = self._server.spawn(self.timeout_s)
        self._workers.append(worker)
        self._selector.register(worker.connection, selectors.EVENT_READ, worker)
        self.counts.started += 1
        return worker

    def _read_replies(self, worker: Worker) -> None:
        """Read all that a worker has said."""
        while worker in self._workers:
            try:
                message = worker.connection.recv(MESSAGE_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except ConnectionError:
                message = b""
            if message:
                self._record_reply(worker, json.loads(message))
            else:
                self._died(worker)

    def _record_reply(self, worker: Worker, reply: Any) -> None:
        self._failures = 0
        if reply == "gold":
            worker.gold_is_done()
            return
        worker.settle(TaskOutcome(Reason(reply["verdict"]), reply.get("fault")))
        if reply.get("retire"):
            self.counts.retired += 1
            self._end(worker)

    def _died(self, worker: Worker) -> None:
        status = self._reap(worker)
        self.counts.crashed += 1
        # GMP aborts when memory runs out; SIGKILL that is not ours is the kernel's out-of-memory killer.
        starved = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGABRT, signal.SIGKILL)
        self._fail_current_job(worker, Reason.memory if starved else Reason.crashed)

    def _fail_current_job(self, worker: Worker, reason: Reason) -> None:
        """The job that a reaped worker was at has failed; what waited behind it goes back to the queue."""
        if worker.busy:
            self._requeue(worker.withdraw(worker.waiting))
            worker.settle(worker.lost(reason))

    def _end(self, worker: Worker) -> None:
        """Reap a worker of which nothing is at fault."""
        self._reap(worker)
        self._requeue(worker.give_up())

    def _kill_overdue(self) -> None:
        if self._server is not None and not self._server.ready and self._server.deadline <= time.monotonic():
            raise RuntimeError(f"the worker server did not start within {START_SECONDS:.0f} s")
        for worker in [worker for worker in self._busy() if worker.overdue]:
            self._reap(worker)
            self.counts.killed += 1
            self._fail_current_job(worker, Reason.timeout)

    def _reap(self, worker: Worker) -> int:
        self._workers.remove(worker)
        self._selector.unregister(worker.connection)
        assert self._server is not None
        try:
            return self._server.reap(worker)
        except OSError:
            # The server is gone, and took its workers along: the jobs are not to blame, and start again.
            self._requeue(worker.give_up())
            raise

    def _reap_all(self) -> None:
        """Before the server goes, let it reap its workers: orphans would be left to whoever is process 1 here."""
        if self._server is None or not self._server.ready:
            return
        self._server.control.settimeout(CLOSE_SECONDS)
        with contextlib.suppress(OSError):
            for worker in list(self._workers):
                self._end(worker)

    def _reset(self) -> None:
        """Drop the server and all workers; jobs in flight go back to the queue, since the fault is not theirs."""
        for worker in self._workers:
            self._requeue(worker.give_up())
            self._selector.unregister(worker.connection)
            worker.connection.close()
        self._workers.clear()
        if self._server is not None:
            if not self._server.ready and self._server.control in self._selector.get_map():
                self._selector.unregister(self._server.control)
            self._server.close()
            self._server = None
        self._wanted = False

    def _fail(self, error: Exception) -> None:
        with self._lock:
            pending, self._pending = list(self._pending), deque()
        for job in pending:
            job.batch.fail(error)
