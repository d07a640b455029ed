"""What a worker is asked to do. Runs in workers only."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from leadline.grading.comparison.algebraic import cleaned_gold_fault, same_by_algebra
from leadline.grading.verdict import Strictness

__all__ = ["handle"]


def handle(
    gold: str, answer: str | None, options: list[Any], *, progress: Callable[[], object]
) -> dict[str, Any]:
    """Compare a cleaned answer with a cleaned gold; with no answer, only tell whether the gold can be used.

    ``progress`` is called once the gold has been dealt with: what goes wrong later is the fault of the answer.
    """
    fault = _gold_fault(gold)
    progress()
    if answer is None:
        return {"verdict": "match" if fault is None else "unparsable_gold", "fault": fault}
    if fault is not None:
        return {"verdict": "unparsable_gold", "fault": fault}
    same = same_by_algebra(gold, answer, Strictness(*options))
    return {"verdict": "match" if same else "mismatch"}


@lru_cache(maxsize=2_048)
def _gold_fault(gold: str) -> str | None:
    return cleaned_gold_fault(gold)
