"""Opening files of strangers: one place that checks what they are before a byte of them is believed.

A file is refused when it is missing, not permitted, a folder or a device, packed in a way that is not read, not
UTF-8, or a gzip file that is broken, cut off, or unpacks to far more than it weighs. Every refusal is one line
that names the file.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from leadline.errors import DataError

__all__ = ["MAX_FILE_BYTES", "as_text", "open_input", "read_bytes", "read_text", "why"]

MAX_FILE_BYTES = 16 * 2**20
"""Largest file that is read whole (a configuration, a summary, a recipe)."""
PACKED_FLOOR = 256 * 2**20
PACKED_RATIO = 250
"""A gzip file that unpacks to more than ``PACKED_FLOOR`` bytes and ``PACKED_RATIO`` times its size is a bomb:
rows of text come to between 3 and 100 times, a stretch of equal bytes to 1,030."""

_GZIP = b"\x1f\x8b"
_OTHER_PACKING = {
    b"PK\x03\x04": "a zip archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "packed with zstd: unpack it first (zstd -d)",
    b"\xfd7zXZ": "packed with xz: unpack it first (xz -d)",
    b"BZh": "packed with bzip2: unpack it first (bzip2 -d)",
    b"\xff\xfe": "UTF-16, not UTF-8: convert it first (iconv -f UTF-16 -t UTF-8)",
    b"\xfe\xff": "UTF-16, not UTF-8: convert it first (iconv -f UTF-16 -t UTF-8)",
    b"PAR1": "a Parquet file, where lines of JSON are read",
    b"GGUF": "a GGUF model, where lines of JSON are read",
}
_BROKEN = (OSError, EOFError, zlib.error)


@contextmanager
def open_input(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file of text for reading, unpacked when it starts like gzip, whatever its name.

    Reads within the body that meet a broken or swollen gzip stream, or a disk that fails, raise as well.

    Raises:
        DataError: the file cannot be read, or is of a kind that is not read; ``file: why``.
    """
    try:
        _check_kind(path)
        with open(path, "rb") as raw:
            start = raw.peek(8)[:8]
            for magic, reason in _OTHER_PACKING.items():
                if start.startswith(magic):
                    raise DataError(f"{path}: {reason}")
            if start.startswith(_GZIP):
                with io.BufferedReader(_Unpacked(raw, str(path)), 2**18) as stream:
                    yield cast(IO[bytes], stream)
            else:
                yield raw
    except _BROKEN as error:
        raise DataError(f"{path}: {why(error)}") from error


def read_bytes(path: str | Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """A whole file, unpacked when it is gzip.

    Raises:
        DataError: likewise, or more than ``limit`` bytes.
    """
    with open_input(path) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise DataError(f"{path}: longer than {limit:,} bytes")
    return content


def read_text(path: str | Path, limit: int = MAX_FILE_BYTES) -> str:
    """A whole file as text; a byte-order mark in front is left out.

    Raises:
        DataError: likewise, or not UTF-8.
    """
    return as_text(read_bytes(path, limit).removeprefix(b"\xef\xbb\xbf"), str(path))


def as_text(content: bytes, place: str) -> str:
    """Bytes as UTF-8 text.

    Raises:
        DataError: they are not; ``place`` and the first byte that is wrong.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{place}: not UTF-8 (byte {error.start})") from error


def why(error: BaseException) -> str:
    """What an error of the operating system or of gzip says, as the end of a line.

    >>> why(FileNotFoundError(2, "No such file or directory"))
    'no such file or directory'
    """
    if isinstance(error, EOFError):
        return "cut off: the packed file ends in the middle"
    if isinstance(error, gzip.BadGzipFile | zlib.error):
        return f"a broken gzip file ({error})"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = text or type(error).__name__
    return text[0].lower() + text[1:]


def _check_kind(path: str | Path) -> None:
    """Refuse folders and devices; a pipe is read as a file is."""
    if "\0" in str(path):
        raise DataError(f"{str(path)!r}: not a usable name of a file")
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise DataError(f"{path}: a folder, where a file is needed")
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise DataError(f"{path}: a device, not a file")


class _Unpacked(io.RawIOBase):
    """What a gzip file holds, as far as it stays in proportion to the file."""

    def __init__(self, raw: io.BufferedReader, name: str) -> None:
        self._packed, self._raw, self._name = gzip.GzipFile(fileobj=raw, mode="rb"), raw, name
        self._taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._packed.read1(len(buffer))
        self._taken += len(piece)
        if self._taken > PACKED_FLOOR and self._taken > PACKED_RATIO * self._raw_size():
            raise DataError(
                f"{self._name}: unpacks to more than {PACKED_RATIO} times its size; unpack it yourself if you trust it"
            )
        buffer[: len(piece)] = piece
        return len(piece)

    def _raw_size(self) -> int:
        """Packed bytes: those of the file, or of a pipe those read so far."""
        return os.fstat(self._raw.fileno()).st_size or self._packed_read()

    def _packed_read(self) -> int:
        try:
            return self._raw.tell()
        except OSError:  # a pipe has no position: no more than its buffer is ever in memory
            return self._taken
