"""Sample files: rows of completions, from here or from anywhere, streamed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from leadline.errors import DataError
from leadline.storage.jsonl import read_jsonl
from leadline.types import Completion

__all__ = ["Sample", "read_samples", "sample_row"]

SHOWN = 50


class Sample(NamedTuple):
    """One row of a sample file.

    Attributes:
        completion: the sampled text with its length.
        graded: whether the row says ``correct`` at all.
        correct: what it says; None for an unscorable row.
        place: ``file:line``.
    """

    completion: Completion
    graded: bool
    correct: bool | None
    place: str


def read_samples(
    path: str | Path, *, on_bad_row: Literal["refuse", "skip"] = "refuse", skipped: list[str] | None = None
) -> Iterator[Sample]:
    """Stream ``{"problem_id", "completion", "n_tokens", "finished", optional "correct", "logprob"}`` rows.

    Rows of counts (``{"problem_id", "n_correct", "n_samples"}``) hold no text: read those with
    :func:`leadline.data.samples.tally.read_counts`, which takes both kinds. Memory does not grow with the file; a
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
            yield _sample(row, place)
        except ValueError as error:
            refused += 1
            if skipped is not None or len(faults) < SHOWN:
                faults.append(f"{place}: {error}")
    if faults and on_bad_row == "refuse":
        more = refused - len(faults)
        raise DataError([*faults[:SHOWN], *([f"{path}: and {more} more rows"] if more > 0 else [])])


def _sample(row: Mapping[str, Any], place: str) -> Sample:
    name, text, length = row.get("problem_id"), row.get("completion"), row.get("n_tokens")
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise ValueError(
            "problem_id is missing" if name is None else "problem_id is neither text nor a number"
        )
    if not isinstance(text, str):
        counts = "n_samples" in row
        raise ValueError("a row of counts, where samples are needed" if counts else "completion is not text")
    if isinstance(length, bool) or not isinstance(length, int) or not 0 <= length < 2**53:
        raise ValueError("n_tokens is missing" if length is None else "n_tokens is not a count")
    finished = row.get("finished", True)
    if not isinstance(finished, bool):
        raise ValueError("finished is neither true nor false")
    correct = row.get("correct")
    if correct is not None and not isinstance(correct, bool):
        raise ValueError("correct is not true, false or null")
    logprob = row.get("logprob")
    if logprob is not None and (isinstance(logprob, bool) or not isinstance(logprob, int | float)):
        raise ValueError("logprob is not a number")
    known = float(logprob) if logprob is not None and math.isfinite(logprob) else None
    return Sample(Completion(str(name), text, length, finished, known), "correct" in row, correct, place)


def sample_row(completion: Completion) -> dict[str, Any]:
    """The row that :func:`read_samples` reads back as this completion.

    >>> sample_row(Completion("p", "7", 2))
    {'problem_id': 'p', 'completion': '7', 'n_tokens': 2, 'finished': True, 'logprob': None}
    """
    return {
        "problem_id": completion.problem_id,
        "completion": completion.text,
        "n_tokens": completion.n_tokens,
        "finished": completion.finished,
        "logprob": completion.logprob,
    }
