"""One sample as it is written for others: what was counted, in the types that it is written in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.data.samples.formats.base import gold_text, user_text
from leadline.types import finite_number

__all__ = ["exported_row"]

_TURNS = {"prompt": user_text, "gold": gold_text, "answer": gold_text}


def exported_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row that could be counted, as `SampleRow.from_row` takes it; what is not known is left out.

    Whoever counts is content with 0 and 1 for verdicts, with whole numbers that are floats for lengths, with null for
    what is not known, and does not look at what it does not count: all of these are rows that can be written.
    """
    plain = dict(row)
    verdict = row.get("correct")
    plain["correct"] = None if verdict is None else bool(verdict)
    if not isinstance(row.get("finished"), bool):
        plain.pop("finished", None)
    length = finite_number(row.get("n_tokens"))
    if length is None or not length.is_integer():  # 12.5 tokens are a mean of something, no length
        plain.pop("n_tokens", None)
    else:
        plain["n_tokens"] = int(length)
    plain["logprob"] = finite_number(row.get("logprob"))
    for name, as_text in _TURNS.items():
        if name in row and not isinstance(row[name], str):
            plain[name] = as_text(row[name])
    return plain
