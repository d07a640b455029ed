"""Rows of a file of whatever kind: JSON lines, one JSON array or object, CSV, Parquet, a zip of JSON. Streamed."""

from __future__ import annotations

import codecs
import json
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from leadline.data.csv_tables import csv_rows, is_csv
from leadline.errors import DataError
from leadline.storage.jsonl import DECODER, MAX_LINE_BYTES, check_values, not_json, read_jsonl
from leadline.storage.reading import open_input

__all__ = ["MAX_JSON_BYTES", "ROW_SUFFIXES", "PlacedRow", "read_rows"]

ROW_SUFFIXES = (
    *(".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".json", ".json.gz"),
    *(".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet"),
)
"""How the names of files of rows end, of problems and of samples alike."""

MAX_JSON_BYTES = 2**26
"""Longest file that is one object (a log of another tool); a row of an array is no longer than a line may be."""
MAX_JSON_VALUES = 2**22
MAX_MEMBER_BYTES = 64 * 2**20  # of one sample in a zip
MAX_MEMBERS = 1_000_000
BATCH_ROWS = 64  # of Parquet: a completion may have a hundred thousand characters
BUFFER_BYTES = 2**20
PEEK_BYTES = 64 * 1024
_HEAVY = re.compile(r"ids$|mask|logp|token")
_SPACE = re.compile(r"[\s,]*")
_OPENING = re.compile(r"\s*\[?")


class PlacedRow(NamedTuple):
    """One row of a file (or of a data set), and where in it: a line, a number, a member of an archive."""

    source: str
    at: int | str
    values: Mapping[str, Any]

    @property
    def place(self) -> str:
        """``file:line``; put together where it is asked for, as most rows of a million are not."""
        return f"{self.source}:{self.at}"


def read_rows(
    path: str | Path, faults: list[str] | None = None, texts: Collection[str] = ()
) -> Iterator[PlacedRow]:
    """The rows of a file, its kind recognised by its content (CSV by its name).

    One JSON object that spans lines is one row, as is each line of JSON lines; an array gives its objects, Parquet
    and CSV their rows, a zip of JSON (an Inspect log) one row a sample. Lists of numbers in Parquet (token ids,
    log-probabilities) are not read.

    Args:
        path: the file; text may be packed with gzip.
        faults: where lines that are no rows are noted; without it the first of them is raised.
        texts: columns of CSV that hold words, though their names do not say so: what the user called an id, a prompt,
            an answer or a completion.

    Raises:
        DataError: the file cannot be read; ``file: why`` or ``file:line: why``.
    """
    path = Path(path)
    magic = _magic(path)
    if magic == b"PAR1":
        return _parquet(path)
    if magic == b"PK\x03\x04":
        return _zip(path)
    if is_csv(path):
        return (PlacedRow(str(path), line, row) for line, row in csv_rows(path, texts))
    with open_input(path) as stream:
        head = stream.read(PEEK_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] in (b"[", b"{") and _is_one_value(head):
        return _array(path) if head.startswith(b"[") else _object(path)
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


def _is_one_value(head: bytes) -> bool:
    """Whether a file that starts like this is JSON over many lines, not JSON lines of which the first may be broken.

    A first line that stops making sense before it ends, or on which a new object follows that cannot stand there, is
    a broken row; JSON of many lines makes sense up to where the head is cut.
    """
    text = head.decode("utf-8", "replace")
    first, _, rest = text.partition("\n")
    if not rest.strip():
        return first.startswith("[")
    try:
        _, end = DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text.rstrip()) or not (
            error.pos <= len(first) or _begins_row(text, error.pos)
        )
    except (ValueError, RecursionError):
        return True  # for the reader to refuse
    if end > len(first):
        return True
    more = text[end:].lstrip(" \t\r,")
    return more.startswith("{") if first.startswith("{") else not more.strip()  # several objects on one line


def _begins_row(text: str, at: int) -> bool:
    """Whether a row of JSON lines begins at a place where JSON that was begun in the line before has gone wrong."""
    before = text[:at]
    alone = not before.rpartition("\n")[2].strip()
    return text[0] == text[at] == "{" and alone and before.count("\n") <= 2


def _array(path: Path) -> Iterator[PlacedRow]:
    """The objects of one JSON array, each with the line on which it starts."""
    with open_input(path) as stream:
        text = _Text(stream, path, MAX_LINE_BYTES)
        text.pass_over(_OPENING)
        while text.here() != "]":
            yield text.next_row()


def _object(path: Path) -> Iterator[PlacedRow]:
    """One JSON object over many lines; several, one after another, are several rows."""
    with open_input(path) as stream:
        text = _Text(stream, path, MAX_JSON_BYTES)
        while text.here():
            yield text.next_row()


class _Text:
    """The text of a file from a place on that moves: no more of it is held than the object that is being read."""

    def __init__(self, stream: IO[bytes], path: Path, most: int) -> None:
        self.stream, self.path, self.most = stream, path, most
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.text, self.at, self.line, self.ended = "", 0, 1, False

    def here(self) -> str:
        """The character behind blanks and commas; nothing at the end."""
        self.pass_over(_SPACE)
        return self.text[self.at : self.at + 1]

    def pass_over(self, pattern: re.Pattern[str]) -> None:
        """Go to where ``pattern`` ends."""
        while True:
            end = pattern.match(self.text, self.at).end()  # type: ignore[union-attr]
            self.line, self.at = self.line + self.text.count("\n", self.at, end), end
            if end < len(self.text) or self.ended:
                return
            self._more()

    def next_row(self) -> PlacedRow:
        """The JSON object that begins here.

        Raises:
            DataError: there is none, or it is out of bounds.
        """
        while True:
            place = f"{self.path}:{self.line}"
            try:
                value, end = DECODER.raw_decode(self.text, self.at)
                break
            except RecursionError as error:
                raise not_json(error, place) from error
            except ValueError as error:
                if self.ended:
                    raise not_json(error, place) from error
                self._more()
            check_values(self.text, place, MAX_JSON_VALUES)
            if len(self.text) > self.most:
                raise DataError(f"{place}: an object longer than {self.most:,} characters")
        if isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value):
            value = {"conversations": value}  # a row that is the turns of a chat
        if not isinstance(value, dict):
            raise DataError(f"{place}: expected an object {{...}}, found {type(value).__name__}")
        row = PlacedRow(str(self.path), self.line, value)
        self.line, self.at = self.line + self.text.count("\n", self.at, end), end
        return row

    def _more(self) -> None:
        """Let go of what is behind, and read as much again as is held."""
        piece = self.stream.read(max(BUFFER_BYTES, len(self.text) - self.at))
        self.ended = not piece
        try:
            self.text = self.text[self.at :] + self.decoder.decode(piece, final=self.ended)
        except UnicodeDecodeError as error:
            raise DataError(f"{self.path}: not UTF-8 (behind line {self.line})") from error
        self.at = 0


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
    """The samples of an Inspect log: every ``.json`` under ``samples/`` in a zip.

    Inspect puts ids into names as they are: a sample ``HumanEval/0`` lies in a folder of its own.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            members = [m for m in packed.infolist() if _is_sample(m.filename)]
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


def _is_sample(member: str) -> bool:
    return member.startswith("samples/") and member.endswith(".json")
