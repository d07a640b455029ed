"""What a run writes, handed on to the trackers that it is to be shown in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

from leadline.health import Alarm
from leadline.storage.run_directory import RunReader
from leadline.tracking.background import Background
from leadline.tracking.sink import Tracked, connect

__all__ = ["Trackers"]

_ROWS = 32
_COLUMNS = ("prompt", "completion", "gold", "answer", "correct", "reward", "advantage", "n_tokens")
_LONGEST = 4_000


class Trackers:
    """All trackers of a run; none of them can stop it.

    Args:
        names: ``trackio``, ``tensorboard``, ``wandb``.
        run: what they show.
        warn: told of each tracker that fails, once.
    """

    def __init__(self, names: Sequence[str], run: Tracked, warn: Callable[[str], None]) -> None:
        self._run = run
        self._arm, self._first, self._last = "", 0, 0
        self._sent: set[tuple[str, str]] = set()
        self._all = [
            Background(name, lambda name=name: connect(name, run), warn)  # type: ignore[misc]
            for name in dict.fromkeys(names)
        ]

    def row(self, row: Mapping[str, Any]) -> None:
        """A metrics row was written; samples of steps before it, which are written behind theirs, go with it."""
        if not self._all:
            return
        arm, stage, step = str(row["arm"]), row["stage"], int(row["step"])
        numbers = {
            f"{stage}/{name}": float(value)
            for name, value in row.items()
            if name != "step"
            and isinstance(value, int | float)
            and not isinstance(value, bool)
            and math.isfinite(value)
        }
        if arm != self._arm:
            self._arm, self._first = arm, step
        self._last = step
        for tracker in self._all:
            tracker.metrics(arm, step, numbers)
        self._samples(before=step)

    def stage_ends(self) -> None:
        """No more rows of this arm will come, whether it is done or was stopped; its last samples are there."""
        if self._arm:
            self._samples(before=self._last + 1)
            self._arm = ""

    def alarm(self, arm: str, alarm: Alarm) -> None:
        """A check has found something."""
        if alarm.check.alarms:
            self.verdict(f"{arm}: {alarm.check.name} at step {alarm.step}", alarm.advice)

    def verdict(self, title: str, text: str) -> None:
        """Anything else that people should look at."""
        for tracker in self._all:
            tracker.alert(title, text)

    def close(self) -> None:
        for tracker in self._all:
            tracker.close()

    @cached_property
    def _reader(self) -> RunReader:
        """Of the run under way; what it checks of the directory is checked once."""
        return RunReader(self._run.folder)

    def _samples(self, before: int) -> None:
        """Those of the arm's steps before this one; not those of an earlier session, which has shown them."""
        arm = self._arm
        for name in self._reader.sample_names(arm):
            number = name.removeprefix("step-")
            if (arm, name) in self._sent or not number.isdecimal():
                continue
            step = int(number)
            if not self._first <= step < before:
                continue
            self._sent.add((arm, name))
            rows = [
                [str(row.get(column, ""))[:_LONGEST] for column in _COLUMNS]
                for row in islice(self._reader.samples(arm, name), _ROWS)
            ]
            for tracker in self._all:
                tracker.samples(arm, step, _COLUMNS, rows)
