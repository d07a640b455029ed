"""What the rows of a sample file do not say, and others want to know: which model, which benchmark, when."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from leadline.errors import InputError

__all__ = ["About"]

_REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class About:
    """Said by whoever exports.

    Attributes:
        model: its name, for people.
        benchmark: the data set that was asked, as ``owner/name`` on the Hub; "" where it has no place there.
        task: of the benchmark, as it calls it.
        revision: of the benchmark, a commit.
        notes: how the samples were drawn (temperature, system prompt, ...).
        date: when, ISO 8601 with an offset; now, when not given.
    """

    model: str = ""
    benchmark: str = ""
    task: str = "default"
    revision: str = ""
    notes: str = ""
    date: str = field(default_factory=_now)

    def __post_init__(self) -> None:
        faults = []
        if self.benchmark and not _REPOSITORY.fullmatch(self.benchmark):
            faults.append(f"--benchmark: {self.benchmark!r} is not owner/name")
        if not self.task.strip():
            faults.append("--task: empty")
        try:
            if datetime.fromisoformat(self.date).tzinfo is None:
                faults.append(f"--date: {self.date!r} has no offset; write 2026-01-31T12:00:00Z")
        except ValueError:
            faults.append(f"--date: {self.date!r} is no ISO 8601 date and time such as 2026-01-31T12:00:00Z")
        if faults:
            raise InputError(faults)
