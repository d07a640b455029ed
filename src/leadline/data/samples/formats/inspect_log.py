"""Inspect's logs: ``.eval`` (a zip with one JSON a sample) or one ``.json`` with all samples.

Source: UKGovernmentBEIS/inspect_ai, ``inspect_ai/log/_log.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row, turns_text
from leadline.data.samples.formats.named_score import named_score, said_choice

__all__ = ["INSPECT", "INSPECT_SAMPLE"]


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    for one in row["samples"]:
        yield from _sample(one, reading)


def _sample(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """One sample: an epoch of a problem. Scores are C, I, P (partial), N (no answer), or numbers.

    A sample that ended in an error was never scored: it says nothing of the model, and Inspect's own numbers leave
    it out as well.
    """
    if row.get("error") and not row.get("scores"):
        reading.count("samples with an error and without scores were left out")
        return
    output = row.get("output") or {}
    choices = output.get("choices") or [{}]
    text = first_of(output, "completion") or turns_text([choices[0].get("message") or {}])
    stop = choices[0].get("stop_reason")
    yield own_row(
        reading,
        problem=row["id"],
        prompt=row["input"],
        gold=row.get("target"),
        completion=text,
        score=_score(row.get("scores") or {}, reading),
        n_tokens=first_of(output, "usage.output_tokens"),
        finished=None if stop in (None, "unknown") else stop not in ("max_tokens", "model_length"),
    )


def _score(scores: RawRow, reading: Reading) -> Any:
    chosen = reading.columns.get("correct")
    if not scores and not chosen:
        return ...
    name = chosen or next(iter(scores))
    score = named_score(name, {k: v if isinstance(v, dict) else {"value": v} for k, v in scores.items()})
    if len(scores) > 1:
        reading.notes[said_choice("scorer", name, scores)] = None
    value = score.get("value") if isinstance(score, dict) else score
    return 0.5 if value == "P" else value


INSPECT = Layout("inspect", ("eval", "samples"), _read, lambda row: isinstance(row["samples"], list))
INSPECT_SAMPLE = Layout("inspect_sample", ("id", "epoch", "input", "output"), _sample)
