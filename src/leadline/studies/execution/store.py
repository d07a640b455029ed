"""A study on disk: one file a base model, one file an arm, each written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leadline.errors import DataError, StorageError
from leadline.storage.jsonl import Row, read_jsonl, write_jsonl

__all__ = ["Store"]


class Store:
    """``<root>/cells/base-<key>.bin`` (checksum, then safetensors) and ``<root>/cells/arm-<key>.jsonl.gz``.

    Keys are digests of everything that decides a result, so that a file that is there *is* the result: resuming is
    looking, and a study that is enlarged computes only what it lacks.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cells = root / "cells"

    def base(self, key: str) -> bytes | None:
        """The weights of a base model; None when there are none, or when they do not match their checksum."""
        path = self._base(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        digest, weights = content[:32], content[32:]
        return weights if hashlib.sha256(weights).digest() == digest else None

    def save_base(self, key: str, weights: bytes) -> None:
        """Write weights behind their checksum.

        Raises:
            StorageError: the disk refused.
        """
        path = self._base(key)
        aside = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            with aside.open("wb") as stream:
                stream.write(hashlib.sha256(weights).digest() + weights)
                stream.flush()
                os.fsync(stream.fileno())
            aside.replace(path)
        except OSError as fault:
            aside.unlink(missing_ok=True)
            raise StorageError(f"{path}: not written: {fault}") from fault

    def arm(self, key: str) -> list[Row] | None:
        """The rows of an arm; None when it has not been computed, or when its file is torn."""
        path = self._arm(key)
        if not path.is_file():
            return None
        try:
            return [row for _, row in read_jsonl(path)]
        except DataError:
            return None

    def has_arm(self, key: str) -> bool:
        return self._arm(key).is_file()

    def save_arm(self, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
        write_jsonl(self._arm(key), rows)

    def _base(self, key: str) -> Path:
        return self.cells / f"base-{key}.bin"

    def _arm(self, key: str) -> Path:
        return self.cells / f"arm-{key}.jsonl.gz"
