"""A pool of workers that can be killed: one thread hands out tasks, watches the clock, and buries the dead."""

from __future__ import annotations

import contextlib
import json
import math
import os
import selectors
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence

from leadline.errors import LeadlineError
from leadline.grading.batch import Batch, Counts, Outcome, Task
from leadline.grading.processes import MESSAGE_BYTES, START_SECONDS, Server, Worker
from leadline.grading.verdict import Reason

__all__ = ["Pool"]

CLOSE_SECONDS = 2.0
MAX_RESTARTS = 3
SPARE = 3
"""Workers beyond the given number that may run while all of those are stuck."""
STALL_SECONDS = 0.1


class Pool:
    """At most ``workers`` processes, started when there is work; each task ends within ``timeout_s`` of dispatch."""

    def __init__(self, workers: int, timeout_s: float, memory_mb: int) -> None:
        self.size, self.timeout_s, self.memory_mb = workers, timeout_s, memory_mb
        self.counts = Counts()
        self._pending: deque[tuple[Batch, int]] = deque()
        self._workers: list[Worker] = []
        self._server: Server | None = None
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

    def submit(self, tasks: Sequence[Task]) -> Batch:
        """Queue tasks; from any thread."""
        batch = Batch(tasks)
        if not tasks:
            batch.done.set()
            return batch
        with self._lock:
            if self._closing:
                raise LeadlineError("this grader is closed")
            self._pending.extend((batch, index) for index in range(len(tasks)))
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
        if thread is not None and thread is not threading.current_thread():
            thread.join()

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
        self._bury_all()
        self._reset()
        self._fail(LeadlineError("the grader was closed"))

    def _loop(self) -> None:
        while not self._closing:
            if self._server is None and (self._pending or self._wanted):
                self._server = Server(self.memory_mb)
                self._selector.register(self._server.control, selectors.EVENT_READ, self._server)
            if self._server is not None and self._server.ready:
                self._hand_out()
            for key, _ in self._selector.select(self._patience()):
                if key.data is None:
                    self._drain()
                elif isinstance(key.data, Server):
                    self._selector.unregister(key.data.control)
                    key.data.greet()
                else:
                    self._hear(key.data)
            self._punish()

    def _patience(self) -> float | None:
        """Seconds until something has to be done though nobody says a word."""
        times = [worker.deadline for worker in self._workers if worker.batch is not None]
        if self._server is not None and not self._server.ready:
            times.append(self._server.deadline)
        if self._pending and times and len(self._workers) < self.size + SPARE:
            times.append(self._stalled_at())
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _stalled_at(self) -> float:
        """When the last of the busy workers will have been at its task for suspiciously long."""
        busy = [worker.deadline for worker in self._workers if worker.batch is not None]
        return max(busy, default=math.inf) - self.timeout_s + min(STALL_SECONDS, self.timeout_s / 4)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass

    def _hand_out(self) -> None:
        idle = [worker for worker in self._workers if worker.batch is None]
        while self._pending:
            batch, index = self._pending[0]
            if batch.cancelled or batch.error is not None:
                self._pending.popleft()
                continue
            if not idle:
                if len(self._workers) >= self._room():
                    return
                idle.append(self._start_worker())
            self._pending.popleft()
            worker = idle.pop()
            try:
                worker.begin(batch, index, self.timeout_s)
            except OSError:
                # It died between two tasks, which is no fault of this one.
                self._bury(worker)
                self._pending.appendleft((batch, index))

    def _room(self) -> int:
        """Places for workers: a few more when all are stuck, so that hostile answers do not make others wait."""
        stalled = len(self._workers) >= self.size and self._stalled_at() <= time.monotonic()
        return len(self._workers) + 1 if stalled and len(self._workers) < self.size + SPARE else self.size

    def _start_worker(self) -> Worker:
        assert self._server is not None
        worker = self._server.spawn()
        self._workers.append(worker)
        self._selector.register(worker.connection, selectors.EVENT_READ, worker)
        self.counts.started += 1
        return worker

    def _hear(self, worker: Worker) -> None:
        if worker not in self._workers:
            return
        try:
            message = worker.connection.recv(MESSAGE_BYTES)
        except ConnectionError:
            message = b""
        if not message:
            self._died(worker)
            return
        self._failures = 0
        reply = json.loads(message)
        if reply == "gold":
            worker.gold_done = True
            return
        worker.settle(Outcome(Reason(reply["verdict"]), reply.get("fault")))
        if reply.get("retire"):
            self.counts.retired += 1
            self._bury(worker)

    def _died(self, worker: Worker) -> None:
        status = self._bury(worker)
        self.counts.crashed += 1
        if worker.batch is None:
            return
        # GMP aborts when memory runs out; SIGKILL that is not ours is the kernel's out-of-memory killer.
        starved = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGABRT, signal.SIGKILL)
        worker.settle(worker.lost(Reason.memory if starved else Reason.crashed))

    def _punish(self) -> None:
        now = time.monotonic()
        if self._server is not None and not self._server.ready and self._server.deadline <= now:
            raise RuntimeError(f"the worker server did not start within {START_SECONDS:.0f} s")
        for worker in [w for w in self._workers if w.batch is not None and w.deadline <= now]:
            self._bury(worker)
            self.counts.killed += 1
            worker.settle(worker.lost(Reason.timeout))

    def _bury(self, worker: Worker) -> int:
        self._workers.remove(worker)
        self._selector.unregister(worker.connection)
        assert self._server is not None
        try:
            return self._server.reap(worker)
        except OSError:
            # The server is gone, and took its workers along: the task is not to blame, and starts again.
            if worker.batch is not None:
                self._pending.appendleft((worker.batch, worker.index))
            raise

    def _bury_all(self) -> None:
        """Before the server goes, let it reap its workers: orphans would be left to whoever is process 1 here."""
        if self._server is None or not self._server.ready:
            return
        self._server.control.settimeout(CLOSE_SECONDS)
        with contextlib.suppress(OSError):
            for worker in list(self._workers):
                if worker.batch is not None:
                    self._pending.append((worker.batch, worker.index))
                    worker.batch = None
                self._bury(worker)

    def _reset(self) -> None:
        """Drop the server and all workers; tasks in flight go back to the queue, since the fault is not theirs."""
        for worker in self._workers:
            if worker.batch is not None:
                self._pending.appendleft((worker.batch, worker.index))
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
        for batch, _ in pending:
            batch.fail(error)
