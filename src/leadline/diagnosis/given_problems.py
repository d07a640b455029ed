"""The problem set that is handed to a probe or a comparison beside its samples."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from leadline.data import load_problems
from leadline.types import Problem

__all__ = ["given_problems"]


def given_problems(
    data: str | Path | Iterable[Problem] | None, on_bad_row: Literal["refuse", "skip"]
) -> list[Problem]:
    """A problem file or data set by name, problems as they are, or none.

    Raises:
        InputError, DataError: it cannot be used.
    """
    if isinstance(data, str | Path):
        return list(load_problems(data, on_bad_row=on_bad_row))
    return list(data or ())
