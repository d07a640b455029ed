"""A study on disk: one file a base model, one file an arm, each written whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leadline.errors import DataError
from leadline.storage.jsonl import Row, read_jsonl, write_jsonl
from leadline.storage.outputs import refusals_as_storage_errors, replacing

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
        with replacing(path) as stream, refusals_as_storage_errors(path):
            stream.write(hashlib.sha256(weights).digest() + weights)

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
