"""promptfoo's results: a row a test and prompt and repetition; ``testIdx`` names the test.

Source: promptfoo/promptfoo, ``src/types/index.ts`` (``EvaluateResult``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row
from leadline.data.samples.formats.named_score import named_score

__all__ = ["PROMPTFOO"]


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """``success`` says whether a test was passed; a ``score`` is a share of its assertions."""
    model = first_of(row, "provider.id", "provider")
    reading.origins.meet({"model": model})
    if row.get("error") and first_of(row, "response.output") is None:
        reading.count("tests that ended in an error, without an output, were left out")
        return
    name = reading.columns.get("correct", "success")
    objects = [row[key] for key in ("namedScores", "gradingResult") if isinstance(row.get(key), dict)]
    yield own_row(
        reading,
        problem=row["testIdx"],
        prompt=first_of(row, "prompt.raw"),
        completion=first_of(row, "response.output"),
        score=named_score(name, row, *objects),
    )


PROMPTFOO = Layout("promptfoo", ("testIdx", "vars", "success"), _read)
