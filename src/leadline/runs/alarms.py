"""The checks in a run of leadline's own as it goes on: a line for people, ``alarms.json`` for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.engine.signals import StopRequest
from leadline.health import Alarm, Observation, Watchdog
from leadline.health.sources.opening import ratio_levels
from leadline.storage.jsonl import read_json, write_json_atomic
from leadline.storage.run_directory import RunReader

__all__ = ["AlarmStop", "RunAlarms"]

_FILE = "alarms.json"
_LOOKED_AT = ("rl", "valid")


@dataclass
class AlarmStop:
    """A request to stop: a signal's, or that of an alarm that the recipe stops on.

    Attributes:
        signals: what else may ask for it.
        names: of the checks that do.
        alarm: the first that did.
    """

    signals: StopRequest
    names: frozenset[str]
    alarm: Alarm | None = None

    @property
    def requested(self) -> bool:
        return self.alarm is not None or self.signals.requested

    def heed(self, alarm: Alarm) -> None:
        """An alarm was raised."""
        if alarm.check.name in self.names and self.alarm is None:
            self.alarm = alarm


class RunAlarms:
    """Of one arm.

    Args:
        root: the run directory.
        arm: whose rows will come.
        note: prints a line.
        on_alarm: told of each alarm and note, besides.
    """

    def __init__(
        self,
        root: Path,
        arm: str,
        note: Callable[[str], None],
        on_alarm: Callable[[Alarm], None] = lambda alarm: None,
    ) -> None:
        self._root, self._arm, self._note, self._on_alarm = root, arm, note, on_alarm
        self._dog: Watchdog | None = None
        self._level = "token"

    def row(self, row: Mapping[str, Any]) -> None:
        """A metrics row was written."""
        if row["stage"] not in _LOOKED_AT:
            return
        if self._dog is None:  # a run that goes on: what it had written before
            self._dog = Watchdog()
            reader = RunReader(self._root)
            self._level = ratio_levels(reader).get(self._arm, "token")
            earlier = [old for old in reader.metrics(self._arm)[:-1] if old["stage"] in _LOOKED_AT]
            self._dog.see_all(Observation.of_row(old, self._level) for old in earlier)
            if (self._root / _FILE).is_file():  # it may tell of steps that were cut off
                self._write()
        for alarm in self._dog.see(Observation.of_row(row, self._level)):
            if alarm.check.alarms:
                self._note(f"{self._arm}: {alarm.line}")
            self._on_alarm(alarm)
            self._write()

    def _write(self) -> None:
        assert self._dog is not None
        path = self._root / _FILE
        known = read_json(path) if path.is_file() else {}
        found = [alarm.as_dict(causes) for alarm, causes in self._dog.explained]
        write_json_atomic(path, {**known, self._arm: found})
