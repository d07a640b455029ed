"""EvalPlus' ``eval_results.json``: the samples of each task with their status on the base and the added tests.

Source: evalplus/evalplus, ``evalplus/evaluate.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, own_row

__all__ = ["EVALPLUS"]

_BOTH = ("base_status", "plus_status")


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """Right is what passes all tests, those of ``plus`` where they were run; ``base_status`` can be named alone."""
    chosen = reading.columns.get("correct")
    for task, samples in row["eval"].items():
        for one in samples:
            run = [chosen] if chosen else [name for name in _BOTH if one.get(name) is not None]
            if not run or chosen not in (None, *_BOTH):
                raise ValueError(f"no score {chosen!r}; there are: {', '.join(_BOTH)}")
            reading.notes[f"right is what passes by {' and '.join(run)}"] = None
            passed = all(one[name] == "pass" for name in run)
            yield own_row(reading, problem=task, completion=one.get("solution"), score=passed)


def _fits(row: RawRow) -> bool:
    first = next(iter(row["eval"].values()), None) if isinstance(row["eval"], dict) else None
    return (
        isinstance(first, list) and bool(first) and isinstance(first[0], dict) and "base_status" in first[0]
    )


EVALPLUS = Layout("evalplus", ("eval",), _read, _fits)
