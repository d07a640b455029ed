"""Every score of a run, written down where it is made.

verl dumps texts and rewards of what it trained on, but no lengths, reasons or parts. The reward manager knows them;
each of its processes appends to a file of its own, so that any number of them, on any node, share one folder.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadline.errors import StorageError
from leadline.types import SampleRow

__all__ = ["Trail"]


class Trail:
    """One process's file in the folder.

    Raises:
        StorageError: the folder cannot be written to; also later, when the disk is full.
    """

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / f"{socket.gethostname()}-{os.getpid()}.jsonl"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}") from error

    def write(self, said: Mapping[str, Any], sample: SampleRow) -> None:
        """Append one line; ``uid`` and ``session`` are what verl calls the row by."""
        uid = f"{said.get('uid', '')}_{said.get('session_id', 0)}"
        line = (json.dumps({"uid": uid} | sample.to_row(), ensure_ascii=True) + "\n").encode()
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}") from error
