"""The process that workers are forked from, and what a worker does. `ForkServer` runs ``serve`` in it.

It starts as a fresh interpreter, so it is small whatever its parent has loaded (a fork of a parent with torch in it is
over any sensible RLIMIT_AS from the start), and single-threaded, so it can fork safely. It only ever forks, reaps and
waits: no model text reaches it. It ends when its parent does, by a pidfd, whatever way the parent went.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

__all__ = ["serve"]

MESSAGE_BYTES = 1 << 17
_PR_SET_PDEATHSIG = 1


def serve(control_fd: int, parent_pid: int, memory_mb: int) -> None:
    """Answer ``spawn`` and ``reap`` on the control socket until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Two ways to learn of the parent's end: the kernel's signal, sent when the thread that started us goes (it is
    # the pool's own, and lives as long as the pool), and a pidfd, which knows nothing of threads.
    _die_with(parent_pid)
    control = socket.socket(fileno=control_fd)
    handle = _loaded()
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(os.pidfd_open(parent_pid), select.POLLIN)
    control.send(b'"ready"')
    while True:
        ready = poll.poll()
        if any(fd != control.fileno() for fd, _ in ready):
            return
        request = control.recv(MESSAGE_BYTES)
        if not request:
            return
        name, *arguments = json.loads(request)
        if name == "spawn":
            _spawn(control, handle, memory_mb)
        else:
            control.send(json.dumps(_reap(*arguments)).encode())


def _loaded() -> Callable[..., dict[str, Any]]:
    from leadline.grading.workers import task as tasks
    from leadline.grading.workers.warm_up import warm_up

    warm_up()
    import gc

    # What is loaded now is shared by all workers; a collection there would touch, and so copy, every page of it.
    gc.collect()
    gc.freeze()
    return tasks.handle


def _spawn(control: socket.socket, handle: Callable[..., dict[str, Any]], memory_mb: int) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        control.close()
        ours.close()
        try:
            _confine(server, memory_mb)
            _work(theirs, handle, memory_mb)
        finally:
            os._exit(0)
    theirs.close()
    socket.send_fds(control, [json.dumps(pid).encode()], [ours.fileno()])
    ours.close()


def _reap(pid: int) -> int:
    """End a worker and return its wait status. Nobody else reaps, so the pid cannot have gone to another process."""
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def _die_with(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _confine(server: int, memory_mb: int) -> None:
    """Limits of a worker: it dies with the server, may not grow past ``memory_mb``, and leaves no core file."""
    _die_with(server)
    # The server's standard error is a pipe that nobody empties.
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    os.close(silence)
    limit = memory_mb << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _work(connection: socket.socket, handle: Callable[..., dict[str, Any]], memory_mb: int) -> None:
    def gold_done() -> None:
        connection.send(b'"gold"')

    while True:
        request = connection.recv(MESSAGE_BYTES)
        if not request:
            return
        started = time.monotonic()
        try:
            *task, tell = json.loads(request)
            reply = handle(*task, progress=gold_done if tell else _nothing)
        except MemoryError:
            reply = {"verdict": "memory", "retire": True}
        except RecursionError:
            reply = {"verdict": "crashed"}
        if (
            reply["verdict"] == "mismatch"
            and time.monotonic() - started > 0.05
            and _peak_mb() > 0.9 * memory_mb
        ):
            # Somewhere in the libraries an out-of-memory error was swallowed.
            reply = {"verdict": "memory", "retire": True}
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10 > memory_mb // 2:
            reply["retire"] = True
        connection.send(json.dumps(reply).encode())


def _nothing() -> None:
    """Instead of word of the gold, when the pool knows it already."""


def _peak_mb() -> float:
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmPeak:"):
                return int(line.split()[1]) / 1024
    return 0.0
