"""Where tasks are computed: in this process, in local processes, or as Ray tasks on a cluster. One thread a task."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from leadline.errors import InputError, LeadlineError, MissingExtra

__all__ = ["Done", "Here", "Pool", "Processes", "RayTasks", "open_pool"]

MAX_WORKERS = 1024
_KILLS = 3
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Done(NamedTuple):
    """A finished task: the name it was submitted under, and its value."""

    name: str
    value: Any


class Pool(Protocol):
    """A context manager that computes functions of picklable arguments, elsewhere and in any order."""

    workers: int

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def submit(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Queue ``function(*arguments)``."""

    def next(self) -> Done:
        """Wait for any queued task to finish. Raises what the task raised."""


class Here:
    """One task after the other in this process, in the order of submission."""

    workers = 1

    def __init__(self) -> None:
        self.queue: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.queue.clear()

    def submit(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        self.queue.append((name, function, arguments))

    def next(self) -> Done:
        name, function, arguments = self.queue.pop(0)
        return Done(name, function(*arguments))


class Processes:
    """Local processes, started afresh (no fork: a forked torch may hang). A killed one costs its task's work only."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.calls: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {}
        self.running: dict[Future[Any], str] = {}
        self.kills: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.executor.shutdown(wait=error is None, cancel_futures=True)
        if error is not None:
            # An interrupt: what is half done is done again on resume, so do not wait for it.
            self._end_workers()

    def _start(self) -> None:
        # Read by the libraries when a child imports them: too late for this process, in time for the children.
        os.environ.update(dict.fromkeys(_THREADS, "1"))
        context = multiprocessing.get_context("spawn")
        self.executor = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_end_with_parent)

    def _end_workers(self) -> None:
        for process in list((getattr(self.executor, "_processes", None) or {}).values()):
            process.terminate()

    def submit(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        self.calls[name] = (function, arguments)
        self.running[self.executor.submit(function, *arguments)] = name

    def next(self) -> Done:
        while True:
            finished, _ = wait(self.running, return_when=FIRST_COMPLETED)
            future = min(finished, key=lambda done: self.running[done])
            name = self.running.pop(future)
            try:
                value = future.result()
            except BrokenProcessPool:
                self._recover(name)
                continue
            del self.calls[name]
            return Done(name, value)

    def _recover(self, name: str) -> None:
        """A process was killed, which breaks the whole pool: start another one and queue again what was lost.

        All unfinished tasks fail together, so none can be blamed; each may be lost a few times.
        """
        lost = {name, *self.running.values()}
        self.running.clear()
        for each in lost:
            self.kills[each] = self.kills.get(each, 0) + 1
        worst = max(lost, key=lambda each: self.kills[each])
        if self.kills[worst] > _KILLS:
            raise LeadlineError(
                f"worker processes died {self.kills[worst]} times while {worst} was unfinished"
            )
        self.executor.shutdown(wait=False, cancel_futures=True)
        self._start()
        for each in sorted(lost):
            function, arguments = self.calls[each]
            self.submit(each, function, *arguments)


def _end_with_parent() -> None:
    """In a worker: leave at once when the parent is gone, however it went, instead of finishing for nobody."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class RayTasks:
    """Tasks on a Ray cluster, one CPU each. ``address`` as ``ray.init`` takes it: ``auto``, ``host:port``, ..."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("ray://").rpartition(":")
        if address not in ("auto", "local") and not (host and port.isdecimal() and 0 < int(port) < 2**16):
            raise InputError(f"--ray {address!r:.80}: give host:port, ray://host:port or auto")
        try:
            import ray
        except ImportError as fault:
            raise MissingExtra(f"--ray needs Ray: pip install 'leadline[ray]' ({fault})") from fault
        self.ray, self.address = ray, address
        self.running: dict[Any, str] = {}
        self.workers = 1
        self._ours = False

    def __enter__(self) -> Self:
        if not self.ray.is_initialized():
            environment = {"env_vars": dict.fromkeys(_THREADS, "1")}
            try:
                self.ray.init(
                    address=self.address, runtime_env=environment, log_to_driver=False, logging_level="ERROR"
                )
            except (ConnectionError, ValueError, RuntimeError) as fault:
                raise InputError(f"--ray {self.address}: no cluster there: {fault}") from fault
            self._ours = True
        self.workers = max(1, int(self.ray.cluster_resources().get("CPU", 1)))
        return self

    def __exit__(self, *_: object) -> None:
        for reference in self.running:
            self.ray.cancel(reference, force=True)
        self.running.clear()
        if self._ours:
            self.ray.shutdown()

    def submit(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        remote = self.ray.remote(num_cpus=1, max_retries=_KILLS)(function)
        self.running[remote.remote(*arguments)] = name

    def next(self) -> Done:
        (reference,), _ = self.ray.wait(list(self.running), num_returns=1)
        name = self.running.pop(reference)
        return Done(name, self.ray.get(reference))


def open_pool(workers: int, ray: str | None = None) -> Pool:
    """Ray where an address is given, this process for 0 workers, local processes otherwise.

    Raises:
        InputError: a negative number of workers, or more than any machine has cores.
        MissingExtra: Ray is not installed.
    """
    if ray is not None:
        return RayTasks(ray)
    if not 0 <= workers <= MAX_WORKERS:
        raise InputError(f"--workers {workers}: give a number from 0 (this process) to {MAX_WORKERS:,}")
    return Processes(workers) if workers else Here()
