"""Sample files: rows of completions, from here or from anywhere, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from leadline.errors import FAULTS_SHOWN, DataError
from leadline.storage.jsonl import read_jsonl
from leadline.types import SampleRow

__all__ = ["read_samples"]


def read_samples(
    path: str | Path, *, on_bad_row: Literal["refuse", "skip"] = "refuse", skipped: list[str] | None = None
) -> Iterator[SampleRow]:
    """Stream ``{"problem_id", "completion", "n_tokens", "finished", optional "correct", "logprob"}`` rows.

    Rows of counts (``{"problem_id", "n_correct", "n_samples"}``) hold no text: read those with
    :func:`leadline.data.samples.sources.load_counts`, which takes both kinds. Memory does not grow with the file; a
    bad row is noticed when it is met, and the refusal comes at the end of the file, naming all of them (up to
    50).

    Args:
        path: JSON lines, plain or gzip.
        on_bad_row: refuse at the end of the file, or pass over bad rows.
        skipped: receives ``file:line: why`` of each row passed over.

    Raises:
        DataError: the file cannot be read or holds bad rows.
    """
    faults: list[str] = [] if skipped is None else skipped
    refused = 0
    for line, row in read_jsonl(path, faults=faults):
        place = f"{path}:{line}"
        try:
            yield SampleRow.from_row(row, place)
        except ValueError as error:
            refused += 1
            if skipped is not None or len(faults) < FAULTS_SHOWN:
                faults.append(f"{place}: {error}")
    if faults and on_bad_row == "refuse":
        more = refused - len(faults)
        raise DataError([*faults[:FAULTS_SHOWN], *([f"{path}: and {more} more rows"] if more > 0 else [])])
