"""JSON lines and whole files on disk: read with bounds, write beside and rename.

Nothing here trusts what it reads: a line is bounded in bytes, must be UTF-8, JSON and an object, and every
refusal names ``file:line: why``. Nothing here leaves half a file: a write goes to a file beside the target,
is synced, and only then renamed over it: a full disk or a killed process leaves the earlier file as it was.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import json
import math
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from leadline.errors import DataError, StorageError

__all__ = [
    "encode_row",
    "read_json",
    "read_jsonl",
    "refusals_as_storage_errors",
    "write_json_atomic",
    "write_jsonl",
    "write_text_atomic",
]

MAX_LINE_BYTES = 64 * 2**20
"""Longest line that is read, in bytes after decompression: a bound on memory, far above any completion."""

_GZIP_MAGIC = b"\x1f\x8b"
_BROKEN_STREAM = (OSError, EOFError, zlib.error)
_counter = itertools.count()


def read_jsonl(
    path: str | Path, *, torn_tail: bool = False, faults: list[str] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield ``(line number, object)`` of a JSON-lines file, plain or gzip (recognised by its first bytes).

    Blank lines are passed over; ``NaN`` and the infinities, which JSON does not have, are read as None.
    With ``torn_tail`` a last line without a newline that does not parse is passed over: a killed writer
    leaves that behind, and a reader of a live run may meet it. Where ``faults`` is given, lines that do not
    parse are noted there as ``file:line: why`` and passed over, so that a caller can name all of them.

    Raises:
        DataError: the file cannot be read (``file: why``), or a line cannot be used (``file:line: why``).
    """
    number = 0
    try:
        with _open_plain(path) as stream:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    raise DataError(f"{path}:{number}: longer than {MAX_LINE_BYTES} bytes")
                text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
                if not text:
                    continue
                try:
                    row = _parse_object(text, f"{path}:{number}")
                except DataError as error:
                    if torn_tail and not line.endswith(b"\n"):
                        return
                    if faults is None:
                        raise
                    faults.extend(error.problems)
                    continue
                yield number, row
    except _BROKEN_STREAM as error:
        raise DataError(f"{path}{f':{number + 1}' if number else ''}: {_why(error)}") from error


def read_json(path: str | Path) -> dict[str, Any]:
    """Read one JSON object from a file of at most ``MAX_LINE_BYTES``; NaN and infinities become None.

    Raises:
        DataError: the file cannot be read, or does not hold a JSON object; ``file: why``.
    """
    try:
        with open(path, "rb") as stream:
            text = stream.read(MAX_LINE_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path}: {_why(error)}") from error
    if len(text) > MAX_LINE_BYTES:
        raise DataError(f"{path}: longer than {MAX_LINE_BYTES} bytes")
    return _parse_object(text, str(path))


def write_jsonl(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write one JSON object a line, atomically, gzipped when the name ends in ``.gz``; return how many.

    The same rows give the same bytes (no time stamp in the gzip header). Non-finite numbers become null.

    Raises:
        StorageError: the disk refused; an earlier file of that name is untouched.
    """
    path = Path(path)
    count = 0
    with _beside(path) as raw:
        zipped = path.suffix == ".gz"
        # mtime=0 and no name in the header: a rerun of the same seed compares equal byte by byte.
        stream: IO[bytes] = (
            cast(IO[bytes], gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0)) if zipped else raw
        )
        for row in rows:
            line = encode_row(row)
            with refusals_as_storage_errors(path):
                stream.write(line)
            count += 1
        if zipped:
            with refusals_as_storage_errors(path):
                stream.close()
    return count


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8 in one step: readers see the earlier file or the new one, never half of it.

    Raises:
        StorageError: the disk refused; an earlier file of that name is untouched.
    """
    path = Path(path)
    with _beside(path) as stream, refusals_as_storage_errors(path):
        stream.write(text.encode("utf-8", "replace"))


def write_json_atomic(path: str | Path, value: Mapping[str, Any]) -> None:
    """Write one JSON object, indented for people, atomically; non-finite numbers become null."""
    write_text_atomic(path, json.dumps(_plain(value), indent=2, allow_nan=False) + "\n")


def encode_row(row: Mapping[str, Any]) -> bytes:
    """Return one JSON line as bytes: UTF-8, non-finite numbers as null, numpy and torch scalars as numbers.

    >>> encode_row({"loss": float("nan"), "step": 3})
    b'{"loss": null, "step": 3}\\n'
    """
    plain = _plain(row)
    try:
        return (json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except UnicodeEncodeError:  # half a surrogate pair, as a cut-off byte tokenizer can give: escape instead
        return (json.dumps(plain, allow_nan=False) + "\n").encode()


@contextlib.contextmanager
def refusals_as_storage_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the body (disk full, read-only, no permission, ...) into a `StorageError`."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot write: {_why(error)}") from error


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside ``path``; rename it over ``path`` when the body ends well, else remove it."""
    aside = path.with_name(f".{path.name}.{os.getpid()}-{next(_counter)}.tmp")
    with refusals_as_storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = open(aside, "xb")  # noqa: SIM115 - closed below, before the rename
    try:
        yield stream
        with refusals_as_storage_errors(path):
            stream.flush()
            os.fsync(stream.fileno())
            stream.close()
            os.replace(aside, path)
            _sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):  # close flushes, and may meet the same full disk again
            stream.close()
        with contextlib.suppress(OSError):  # already renamed, or a disk that refuses this too
            aside.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open_plain(path: str | Path) -> IO[bytes]:
    """Open for reading, through gzip when the file starts like one; peeking keeps pipes readable."""
    raw = open(path, "rb")  # noqa: SIM115 - handed to the caller, who closes it
    if raw.peek(2)[:2] == _GZIP_MAGIC:
        return cast(IO[bytes], _OwningGzip(raw))
    return raw


class _OwningGzip(gzip.GzipFile):
    """A gzip reader that closes the file under it."""

    def __init__(self, raw: io.BufferedReader) -> None:
        super().__init__(fileobj=raw, mode="rb")
        self._raw = raw

    def close(self) -> None:
        super().close()
        self._raw.close()


def _parse_object(text: bytes, place: str) -> dict[str, Any]:
    try:
        value = _DECODER.decode(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(f"{place}: not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise DataError(f"{place}: nested too deeply") from error
    except ValueError as error:  # JSONDecodeError, and integers of thousands of digits
        raise DataError(f"{place}: not JSON: {str(error)[:120]}") from error
    if not isinstance(value, dict):
        raise DataError(f"{place}: expected an object {{...}}, found {type(value).__name__}")
    return value


def _finite(text: str) -> float | None:
    """Numbers such as 1e999 overflow to infinity: the same as no number."""
    value = float(text)
    return value if math.isfinite(value) else None


# One decoder for all lines: json.loads with hooks would build a new one a line, a third of the time.
_DECODER = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite)


def _plain(value: Any) -> Any:
    """Return ``value`` in JSON's own types; non-finite floats become None, arrays lists."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy and torch scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"cannot be written as JSON: {type(value).__name__}")


def _why(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (text or type(error).__name__)[0].lower() + (text or type(error).__name__)[1:]
