"""Ctrl-C and SIGTERM as a polite request: finish the step, save, stop. A second one stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol, Self

__all__ = ["Interrupts", "StopRequest"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest(Protocol):
    """Whether to stop after the step that is under way."""

    @property
    def requested(self) -> bool: ...


class Interrupts:
    """A context manager; ``requested`` turns True on the first signal. Outside the main thread it does nothing."""

    def __init__(self) -> None:
        self.requested = False
        self._waits = True
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Around work of which nothing is kept if it is left: in it, the first signal raises KeyboardInterrupt."""
        if self.requested:
            raise KeyboardInterrupt
        self._waits = False
        try:
            yield
        finally:
            self._waits = True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested or not self._waits:
            raise KeyboardInterrupt
        self.requested = True
