"""Tables as text, CSV and TSV: rows with the names of their columns, numbers where numbers are meant."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from leadline.data.column_roles import WORDS
from leadline.errors import DataError
from leadline.storage.jsonl import MAX_LINE_BYTES
from leadline.storage.reading import open_input

__all__ = ["csv_rows", "is_csv"]

_SUFFIXES = (".csv", ".tsv")
_TEXT_NAME = re.compile(
    r"(in)?correct[ _]answer[ _]?\d*|(.*\.)?ground_truth|(choice|option)[ _]?\w{0,3}", re.I
)
_WITH_GAPS = re.compile(r"\d{1,15}\.0")
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,14})")
_NUMBER = re.compile(r"-?\d{1,15}\.\d{0,17}(e[+-]?\d{1,3})?|-?\d{1,15}e-\d{1,3}", re.I)


def is_csv(path: Path) -> bool:
    """Whether a file is such a table, by its name; packed with gzip or not."""
    return path.name.lower().removesuffix(".gz").endswith(_SUFFIXES)


def csv_rows(path: Path, texts: Collection[str] = ()) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of a table with a head, each with its line.

    Cells of ids, prompts, answers and completions, known by the names of their columns or given as ``texts``, are
    kept as they are; in others numbers and true/false are read as such. Nothing is None.

    Raises:
        DataError: the file cannot be read, or is no table; ``file:line: why``.
    """
    tabs = path.name.lower().removesuffix(".gz").endswith(".tsv")
    with open_input(path) as stream:
        text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
        lines = _Lines(text, path)
        # The module's own limit of 131,072 characters is shorter than long completions; rows are bounded by _Lines.
        csv.field_size_limit(MAX_LINE_BYTES)
        reader = csv.DictReader(lines, delimiter="\t" if tabs else ",", strict=True)
        try:
            readers = dict.fromkeys(_head(reader, path), _cell)
            readers |= {name: _text for name in readers if name in texts or _holds_text(name)}
            for row in reader:
                if None in row:
                    raise DataError(f"{path}:{reader.line_num}: more fields than the head names")
                yield reader.line_num, {name: readers[name](cell) for name, cell in row.items()}
                lines.taken = 0
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not UTF-8 (byte {error.start})") from error
        except csv.Error as error:
            if "end of data" in str(error):
                error = csv.Error("a quote is opened behind this line and never closed")
            raise DataError(f"{path}:{reader.line_num}: {error}") from error
        finally:
            text.detach()


class _Lines:
    """Lines of a text, refused where those of one row come to more than a line may: quotes reach over many."""

    def __init__(self, text: io.TextIOWrapper, path: Path) -> None:
        self.text, self.path = text, path
        self.taken = self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.text.readline(MAX_LINE_BYTES + 1)
        if not line:
            raise StopIteration
        self.taken, self.number = self.taken + len(line), self.number + 1
        if self.taken > MAX_LINE_BYTES:
            raise DataError(f"{self.path}:{self.number}: a row longer than {MAX_LINE_BYTES:,} characters")
        return line


def _head(reader: csv.DictReader[str], path: Path) -> list[str]:
    names = list(reader.fieldnames or ())
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        raise DataError(
            f"{path}:1: one column, {names[0][:60]!r}: separate the columns with commas, or tabs in .tsv"
        )
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DataError(f"{path}:1: {', '.join(map(repr, twice[:5]))}: more than one column of that name")
    return names


def _holds_text(name: str) -> bool:
    plain = name.strip().lower()
    return plain in WORDS or _TEXT_NAME.fullmatch(plain) is not None


def _text(cell: str | None) -> Any:
    """The cell as it stands; a whole number with ``.0``, as pandas writes a column of them with gaps, as the number."""
    if cell and _WITH_GAPS.fullmatch(cell):
        return cell.removesuffix(".0")
    return cell or None


def _cell(cell: str | None) -> Any:
    if cell is None or cell == "":
        return None
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if _WHOLE.fullmatch(cell):
        return int(cell)
    if _NUMBER.fullmatch(cell) and math.isfinite(float(cell)):
        return float(cell)
    return cell
