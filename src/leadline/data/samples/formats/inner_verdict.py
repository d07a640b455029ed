"""The verdict of a row that has it in an object: ``metrics.exact_match``, ``score.value``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from leadline.data.samples.formats.base import RawRow, Reading, reach
from leadline.data.samples.formats.verdict_columns import called_verdict, is_flag

__all__ = ["SCORES", "inner_verdicts", "is_inner_score", "with_inner_verdict"]

SCORES = ("score", "reward")
"""Of the names of a verdict those that may hold the sum of several rewards."""

_CLEAR = ("correct", "is_correct", "accuracy", "acc", "passed")
"""Names of a verdict that are nothing else."""
_VALUES = ("value", "score")
_OF_GRADING = re.compile(
    r"(^|[^a-z])(metric|score|reward|stats|statistic|eval|judg|grad(e|ing)|result|verdict|verif|feedback)"
)
"""Objects that hold what a grader said; others are of another attempt, another model or a part of the form."""


def with_inner_verdict(row: RawRow, reading: Reading) -> RawRow:
    """The row; without a verdict of its own, with the one that stands in an object of it (``metrics.exact_match``)."""
    if "correct" in reading.columns or any(str(name).lower() in _CLEAR for name in row):
        return row
    known = reading.settled.get("correct")
    inner = inner_verdicts(row)
    if known is not None:
        inner = {known: reach(row, known)} if "." in known else {}
    elif len(inner) != 1 or any(called_verdict(str(name)) and is_flag(value) for name, value in row.items()):
        return row
    if not inner:
        return row
    plain = {
        name: value for name, value in row.items() if not isinstance(value, Mapping) or name not in SCORES
    }
    return {**plain, **inner}


def inner_verdicts(row: RawRow) -> dict[str, Any]:
    """What may be verdicts in the objects of a row that a grader filled, by their paths."""
    inner = {
        f"{name}.{part}": value
        for name, place in row.items()
        if isinstance(place, Mapping) and _OF_GRADING.search(str(name).lower())
        for part, value in place.items()
        if is_flag(value) and (called_verdict(str(part)) or is_inner_score(f"{name}.{part}"))
    }
    return {path: value for path, value in inner.items() if called_verdict(path)} or inner


def is_inner_score(path: str) -> bool:
    """Whether it is the number of a score that is an object (``score.value``)."""
    name, _, part = path.partition(".")
    return name in SCORES and part in _VALUES
