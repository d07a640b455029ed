"""Rows of a file of whatever kind: JSON lines, one JSON array or object, CSV, Parquet, a zip of JSON. Streamed."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from leadline.errors import DataError
from leadline.storage.jsonl import DECODER, not_json, read_jsonl
from leadline.storage.reading import open_input, read_text

__all__ = ["MAX_JSON_BYTES", "PlacedRow", "read_rows"]

MAX_JSON_BYTES = 2**28
MAX_MEMBER_BYTES = 64 * 2**20  # of one sample in a zip
MAX_MEMBERS = 1_000_000
BATCH_ROWS = 64  # of Parquet: a completion may have a hundred thousand characters
BUFFER_BYTES = 2**20
PEEK_BYTES = 64 * 1024
_HEAVY = re.compile(r"ids$|mask|logp|token")
_SPACE = re.compile(r"[\s,]*")


class PlacedRow(NamedTuple):
    """One row of a file (or of a data set), and where in it: a line, a number, a member of an archive."""

    source: str
    at: int | str
    values: Mapping[str, Any]

    @property
    def place(self) -> str:
        """``file:line``; put together where it is asked for, as most rows of a million are not."""
        return f"{self.source}:{self.at}"


def read_rows(path: str | Path, faults: list[str] | None = None) -> Iterator[PlacedRow]:
    """The rows of a file, its kind recognised by its content (CSV by its name).

    One JSON object that spans lines is one row, as is each line of JSON lines; an array gives its objects, Parquet
    and CSV their rows, a zip of JSON (an Inspect log) one row a sample. Lists of numbers in Parquet (token ids,
    log-probabilities) are not read.

    Args:
        path: the file; text may be packed with gzip.
        faults: where lines that are no rows are noted; without it the first of them is raised.

    Raises:
        DataError: the file cannot be read; ``file: why`` or ``file:line: why``.
    """
    path = Path(path)
    magic = _magic(path)
    if magic == b"PAR1":
        return _parquet(path)
    if magic == b"PK\x03\x04":
        return _zip(path)
    if path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv")):
        return _csv(path)
    with open_input(path) as stream:
        head = stream.read(PEEK_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"["):
        return _array(path)
    if head.startswith(b"{") and b"\n" in head and not _is_json(head.partition(b"\n")[0]):
        return _object(path)
    name = str(path)
    return (PlacedRow(name, line, row) for line, row in read_jsonl(path, faults=faults))


def _magic(path: Path) -> bytes:
    if not path.is_file():
        return b""  # a pipe cannot be read twice; what is missing is named by whoever opens it
    try:
        with open(path, "rb") as stream:
            return stream.read(4)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _array(path: Path) -> Iterator[PlacedRow]:
    """The objects of one JSON array, each with the line on which it starts."""
    text = read_text(path, MAX_JSON_BYTES)
    at, line, counted = text.index("[") + 1, 1, 0
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] == "]":
            return
        row, at = _next_object(text, at, f"{path}:{line}")
        yield PlacedRow(str(path), line, row)


def _object(path: Path) -> Iterator[PlacedRow]:
    """One JSON object over many lines; several, one after another, are several rows."""
    text = read_text(path, MAX_JSON_BYTES)
    at = 0
    while (at := _SPACE.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        line = text.count("\n", 0, at) + 1
        row, at = _next_object(text, at, f"{path}:{line}")
        yield PlacedRow(str(path), line, row)


def _next_object(text: str, at: int, place: str) -> tuple[dict[str, Any], int]:
    """The JSON object that begins at ``at``, and where it ends."""
    try:
        value, end = DECODER.raw_decode(text, at)
    except (RecursionError, ValueError) as error:
        raise not_json(error, place) from error
    if not isinstance(value, dict):
        raise DataError(f"{place}: expected an object {{...}}, found {type(value).__name__}")
    return value, end


def _csv(path: Path) -> Iterator[PlacedRow]:
    """Rows of a table with a head; numbers and true/false are read as such, nothing as None."""
    tabs = ".tsv" in path.name.lower()
    with open_input(path) as stream:
        text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
        reader = csv.DictReader(text, delimiter="\t" if tabs else ",")
        try:
            for row in reader:
                if None in row:
                    raise DataError(f"{path}:{reader.line_num}: more fields than the head names")
                yield PlacedRow(str(path), reader.line_num, {k: _cell(v) for k, v in row.items()})
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not UTF-8 (byte {error.start})") from error
        except csv.Error as error:
            raise DataError(f"{path}:{reader.line_num}: {error}") from error
        finally:
            text.detach()


def _cell(text: str | None) -> Any:
    if text is None or text == "":
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if re.fullmatch(r"-?(0|[1-9]\d{0,14})", text):
        return int(text)
    if re.fullmatch(r"-?\d{1,15}\.\d{0,17}", text):
        return float(text)
    return text


def _parquet(path: Path) -> Iterator[PlacedRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
            columns = [field.name for field in file.schema_arrow if not _heavy(field.name, field.type)]
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns, use_threads=False):
                for values in batch.to_pylist():
                    number += 1
                    yield PlacedRow(str(path), number, values)
    except (pa.ArrowException, OSError, ValueError, OverflowError, LookupError) as error:
        # dates, time zones and texts that Python does not have raise what their types raise
        raise DataError(
            f"{path}: row {number + 1} or behind it: {type(error).__name__}: {str(error)[:200]}"
        ) from error


def _heavy(name: str, kind: Any) -> bool:
    """Token ids, log-probabilities, masks: none of them is needed, and they weigh most."""
    import pyarrow as pa

    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not _HEAVY.search(name):
        return False
    return bool(pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type))


def _zip(path: Path) -> Iterator[PlacedRow]:
    """The samples of an Inspect log: ``samples/*.json`` in a zip."""
    try:
        with zipfile.ZipFile(path) as packed:
            members = [m for m in packed.infolist() if re.fullmatch(r"samples/[^/]+\.json", m.filename)]
            if not members:
                raise DataError(f"{path}: a zip archive without samples/*.json: unpack it first")
            for member in members[:MAX_MEMBERS]:
                if member.file_size > MAX_MEMBER_BYTES:
                    raise DataError(f"{path}:{member.filename}: longer than {MAX_MEMBER_BYTES:,} bytes")
                value = json.loads(packed.read(member))
                if isinstance(value, dict):
                    yield PlacedRow(str(path), member.filename, value)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a log that can be read: {str(error)[:150]}") from error
