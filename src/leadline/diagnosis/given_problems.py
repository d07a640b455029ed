"""The problem set that is handed to a probe or a comparison beside its samples."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from leadline.data import load_problems
from leadline.data.samples.foreign import SampleReading
from leadline.errors import InputError
from leadline.types import Problem

__all__ = ["given_problems"]


def given_problems(
    data: str | Path | Iterable[Problem] | None,
    on_bad_row: Literal["refuse", "skip"] = "refuse",
    reading: SampleReading | None = None,
) -> list[Problem]:
    """A problem file or data set by name, problems as they are, or none.

    Args:
        data: the problem set.
        on_bad_row: of its file.
        reading: how the samples beside it are read, and what columns of the problem set mean.

    Raises:
        InputError, DataError: it cannot be used.
    """
    columns = {} if reading is None else reading.of_problems
    if isinstance(data, str | Path):
        return list(load_problems(data, on_bad_row=on_bad_row, columns=columns))
    if columns:
        raise InputError(
            f"--columns {next(iter(columns))}=: names a column of the problem set, which is --data"
        )
    return list(data or ())
