"""Where a stage writes what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["Journal", "Row"]

Row = dict[str, Any]


class Journal(Protocol):
    """The part of :class:`leadline.storage.run_directory.RunWriter` that the engine uses."""

    def metric(self, row: Mapping[str, Any]) -> None: ...
    def metrics_offset(self) -> int: ...
    def truncate_metrics(self, offset: int) -> None: ...
    def samples(self, arm: str, name: str, rows: Sequence[Mapping[str, Any]]) -> object: ...
