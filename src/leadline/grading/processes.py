"""The processes of a pool as their owner sees them: the server that forks, and its workers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from leadline.grading.batch import Batch, Outcome
from leadline.grading.verdict import Reason

__all__ = ["MESSAGE_BYTES", "START_SECONDS", "Server", "Worker"]

MESSAGE_BYTES = 1 << 17
START_SECONDS = 60.0


class Worker:
    """One worker process as its pool sees it."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid, self.connection = pid, connection
        self.batch: Batch | None = None
        self.index = 0
        self.deadline = 0.0
        self.gold_done = False

    def begin(self, batch: Batch, index: int, timeout_s: float) -> None:
        task = batch.tasks[index]
        self.batch, self.index, self.gold_done = batch, index, False
        self.connection.send(json.dumps([task.gold, task.answer, list(task.options)]).encode())
        self.deadline = time.monotonic() + timeout_s

    def settle(self, outcome: Outcome) -> None:
        assert self.batch is not None
        self.batch.settle(self.index, outcome)
        self.batch = None

    def lost(self, reason: Reason) -> Outcome:
        """The outcome when the worker did not answer: whose fault it is depends on how far it came."""
        if self.gold_done:
            return Outcome(reason)
        return Outcome(Reason.unparsable_gold, f"reading the gold ended in: {reason.value}", lost=True)


class Server:
    """The process that forks workers, seen from here."""

    def __init__(self, memory_mb: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        paths = [str(Path(__file__).parents[2]), *(path for path in sys.path if path)]
        program = (
            f"import sys; sys.path[:] = {paths!r}; from leadline.grading._server import serve; "
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

    def spawn(self) -> Worker:
        self.control.send(b'["spawn"]')
        message, fds, _, _ = socket.recv_fds(self.control, MESSAGE_BYTES, 1)
        if not fds:
            raise ConnectionError("the worker server is gone")
        return Worker(json.loads(message), socket.socket(fileno=fds[0]))

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
