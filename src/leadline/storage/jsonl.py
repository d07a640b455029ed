"""JSON on disk, read with bounds and written whole: lines of JSON and single objects.

Nothing here trusts what it reads: a line is bounded in bytes, in values and in the digits of its numbers, must be
UTF-8, JSON and an object, and every refusal names ``file:line: why``. How files are opened and replaced stands in
``reading`` and ``outputs``.
"""

from __future__ import annotations

import gzip
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from leadline.errors import DataError
from leadline.storage.outputs import refusals_as_storage_errors, replacing, write_text_atomic
from leadline.storage.reading import as_text, open_input, read_bytes

__all__ = [
    "DECODER",
    "MAX_LINE_BYTES",
    "Row",
    "check_values",
    "encode_row",
    "not_json",
    "note_bad_line",
    "parse_object",
    "read_json",
    "read_jsonl",
    "refusals_as_storage_errors",
    "write_json_atomic",
    "write_jsonl",
    "write_text_atomic",
]

Row = dict[str, Any]
"""One line of a JSONL file."""

MAX_LINE_BYTES = 16 * 2**20
"""Longest line that is read, in bytes when unpacked: a bound on memory, far above any completion."""
MAX_VALUES = 2**20
"""Most values in a line: a list of a million empty lists is short to write and long to hold."""
MAX_INTEGER_DIGITS = 300
"""Longest whole number: still a float when somebody needs one."""
MAX_BAD_LINES = 100_000
MAX_BLANK_LINES = 1_000_000


def read_jsonl(
    path: str | Path, *, torn_tail: bool = False, faults: list[str] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield ``(line number, object)`` of a JSON-lines file, plain or gzip (recognised by its first bytes).

    Blank lines are passed over; ``NaN`` and the infinities, which JSON does not have, and numbers out of the range of
    floats are read as None.
    With ``torn_tail`` a last line without a newline that does not parse is passed over: a killed writer
    leaves that behind, and a reader of a live run may meet it. Where ``faults`` is given, lines that do not
    parse are noted there as ``file:line: why`` and passed over, so that a caller can name all of them.

    Raises:
        DataError: the file cannot be read (``file: why``), or a line cannot be used (``file:line: why``).
    """
    name = str(path)
    for number, line in _lines(path):
        try:
            # Short rows come by the million, and no number in them can be too long.
            row = _short_object(line) if len(line) <= MAX_INTEGER_DIGITS else None
            yield number, parse_object(line, f"{name}:{number}") if row is None else row
        except DataError as error:
            if torn_tail and not line.endswith(b"\n"):
                return
            if faults is None:
                raise
            for fault in error.problems:
                note_bad_line(faults, fault)


def note_bad_line(faults: list[str], fault: str) -> None:
    """Note a line that is passed over, ``file:line: why``, as long as there are not too many of them.

    Raises:
        DataError: there are; a file of nothing else would fill the memory with them.
    """
    if len(faults) >= MAX_BAD_LINES:
        raise DataError(f"{fault} (and {MAX_BAD_LINES:,} lines before it are no use)")
    faults.append(fault)


def read_json(path: str | Path) -> dict[str, Any]:
    """Read one JSON object from a file of at most ``MAX_LINE_BYTES``; NaN and infinities become None.

    Raises:
        DataError: the file cannot be read, or does not hold a JSON object; ``file: why``.
    """
    return parse_object(read_bytes(path, MAX_LINE_BYTES).removeprefix(b"\xef\xbb\xbf"), str(path))


def parse_object(text: bytes, place: str) -> dict[str, Any]:
    """One JSON object, from a line or a file that is no longer than ``MAX_LINE_BYTES``.

    Raises:
        DataError: it is none, or out of bounds; ``place: why``.
    """
    check_values(text, place)
    try:
        value = _decoded(as_text(text, place))
    except (RecursionError, ValueError) as error:
        raise not_json(error, place) from error
    if not isinstance(value, dict):
        raise DataError(f"{place}: expected an object {{...}}, found {type(value).__name__}")
    return value


def check_values(text: bytes | str, place: str, most: int = MAX_VALUES) -> None:
    """Refuse JSON of too many values before it is read: they take up to fifty times the room of their text.

    Raises:
        DataError: ``place: why``.
    """
    signs: Any = (b",", b"[", b"{") if isinstance(text, bytes) else (",", "[", "{")
    if len(text) > most and sum(map(text.count, signs)) > most:
        raise DataError(f"{place}: more than {most:,} values")


def not_json(error: RecursionError | ValueError, place: str) -> DataError:
    """What the decoder has against a text, as a refusal of its place."""
    if isinstance(error, RecursionError):
        return DataError(f"{place}: nested too deeply")
    return DataError(f"{place}: not JSON: {str(error)[:120]}")


def _short_object(line: bytes) -> dict[str, Any] | None:
    """An object at four times the speed of ``parse_object``; None: it is for that one to read, or to refuse."""
    try:
        return _SHORT.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _decoded(text: str) -> Any:
    """As ``DECODER.decode``, which looks for blanks on both sides of each of a million lines with two patterns."""
    if text[:1] != "{":
        return DECODER.decode(text.strip())
    value, end = DECODER.raw_decode(text)
    if text[end:].strip():
        raise ValueError(f"extra data from character {end}")
    return value


def write_jsonl(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write one JSON object a line, atomically, gzipped when the name ends in ``.gz``; return how many.

    The same rows give the same bytes (no time stamp in the gzip header). Non-finite numbers become null.

    Raises:
        StorageError: the disk refused; an earlier file of that name is untouched.
    """
    path = Path(path)
    count = 0
    with replacing(path) as raw:
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


def _lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, each with its number; a byte-order mark at the start is left out."""
    blank = 0
    with open_input(path) as stream:
        for number, line in enumerate(iter(partial(stream.readline, MAX_LINE_BYTES + 1), b""), 1):
            if len(line) > MAX_LINE_BYTES:
                raise DataError(f"{path}:{number}: longer than {MAX_LINE_BYTES:,} bytes")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.isspace() or not line:
                blank += 1
                if blank > MAX_BLANK_LINES:
                    raise DataError(f"{path}:{number}: more than {MAX_BLANK_LINES:,} blank lines in a row")
                continue
            blank = 0
            yield number, line


def _finite(text: str) -> float | None:
    """Numbers such as 1e999 overflow to infinity: the same as no number."""
    value = float(text)
    return value if math.isfinite(value) else None


def _whole(text: str) -> int | None:
    """Likewise whole numbers that no float could hold."""
    return int(text) if len(text) <= MAX_INTEGER_DIGITS else None


# One decoder for all lines: json.loads with hooks would build a new one a line, a third of the time.
DECODER = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite, parse_int=_whole)
# Refuses NaN, numbers beyond floats and half surrogates, which DECODER reads; keeps whole numbers of any length.
_SHORT = msgspec.json.Decoder(dict[str, Any])


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
