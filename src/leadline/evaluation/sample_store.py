"""The samples of an evaluation on disk as they come: appended one by one, read back after a kill."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from leadline.data.samples.rows import read_samples
from leadline.errors import DataError
from leadline.samplers import Draw
from leadline.storage.jsonl import encode_row, read_jsonl
from leadline.storage.outputs import open_appending, refusals_as_storage_errors
from leadline.types import SampleRow

__all__ = ["DrawStore"]

_SYNC_EVERY_S = 2.0


class DrawStore:
    """An append-only file of draws; one process at a time.

    A line that a killed process left unfinished is cut off when the store is opened: that sample is drawn
    again.

    Raises:
        InputError: another process is writing to it.
        DataError: rows that are none of ours.
        StorageError: the disk refuses a write; what was written stays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_appending(path)
        self._synced = time.monotonic()

    def __len__(self) -> int:
        return len(self.keys())

    def keys(self) -> set[tuple[str, int]]:
        """What has been drawn: (problem id, index)."""
        keys = set()
        for line, row in read_jsonl(self.path):
            name, index = row.get("problem_id"), row.get("index")
            if not isinstance(name, str) or isinstance(index, bool) or not isinstance(index, int):
                raise DataError(f"{self.path}:{line}: not a row of this run: needs problem_id and index")
            keys.add((name, index))
        return keys

    def append(self, draw: Draw) -> None:
        """Write one draw; it survives a kill of this process at once, and a power cut after two seconds."""
        with refusals_as_storage_errors(self.path):
            self._file.write(encode_row(SampleRow(draw.completion, context={"index": draw.index}).to_row()))
            self._file.flush()
            if time.monotonic() - self._synced > _SYNC_EVERY_S:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()

    def draws(self) -> Iterator[Draw]:
        """All draws, in the order in which they came."""
        for sample in read_samples(self.path):
            yield Draw(int(sample.context["index"]), sample.completion)

    def close(self) -> None:
        """Sync and let others write."""
        with refusals_as_storage_errors(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
