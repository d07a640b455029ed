"""A tracker that can neither stop nor slow a run: its calls wait in a queue, and one failure ends it with a warning."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence

from leadline.tracking.sink import Tracker

__all__ = ["Background"]

_WAITING = 10_000
"""Calls that may wait; beyond that (a tracker that hangs) they are dropped."""
_LAST_SECONDS = 20.0
"""Time that a tracker has at the end of a run to send what waits."""


class Background:
    """The calls of :class:`~leadline.tracking.sink.Tracker`, carried out in a thread.

    Args:
        name: of the tracker, for the warning.
        opener: opens it; called in the thread, since that is where it may hang.
        warn: told once, in one line, what went wrong.
    """

    def __init__(self, name: str, opener: Callable[[], Tracker], warn: Callable[[str], None]) -> None:
        self._name, self._opener, self._warn = name, opener, warn
        self._calls: queue.Queue[Callable[[Tracker], None] | None] = queue.Queue(_WAITING)
        self._warned = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"leadline-{name}", daemon=True)
        self._thread.start()

    def metrics(self, arm: str, step: int, numbers: Mapping[str, float]) -> None:
        self._put(lambda tracker: tracker.metrics(arm, step, numbers))

    def samples(self, arm: str, step: int, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self._put(lambda tracker: tracker.samples(arm, step, columns, rows))

    def alert(self, title: str, text: str) -> None:
        self._put(lambda tracker: tracker.alert(title, text))

    def close(self) -> None:
        """Give it a little time for what waits, then go."""
        if self._warned.is_set():
            return
        self._put(None)
        self._thread.join(_LAST_SECONDS)
        if self._thread.is_alive():
            self._fail(f"did not finish within {_LAST_SECONDS:.0f} s")

    def _put(self, call: Callable[[Tracker], None] | None) -> None:
        if self._warned.is_set():
            return
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            self._fail("does not answer")

    def _work(self) -> None:
        try:
            tracker = self._opener()
            while (call := self._calls.get()) is not None:
                call(tracker)
            tracker.close()
        except BaseException as error:  # some trackers end with SystemExit (a wrong key)
            self._fail(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)

    def _fail(self, reason: str) -> None:
        if not self._warned.is_set():
            self._warned.set()
            first = " ".join(reason.split())[:200]
            self._warn(f"track: {self._name} is left out from here on ({first}); the run goes on")
