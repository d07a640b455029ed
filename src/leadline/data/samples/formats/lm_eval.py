"""lm-evaluation-harness: ``samples_*.jsonl``, one document and filter a line, with all of its responses.

Source: EleutherAI/lm-evaluation-harness, ``lm_eval/evaluator.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row
from leadline.data.samples.formats.named_score import named_score, said_choice
from leadline.errors import DataError
from leadline.storage.jsonl import parse_object

__all__ = ["LM_EVAL"]

_METRICS = ("exact_match", "acc", "math_verify", "pass@1", "acc_norm")

_MAX_NOTES, _SHOWN = 20, 80


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """Every document comes once a filter: one filter is read, or samples would double."""
    name = row.get("filter")
    if reading.choice is None and isinstance(name, str):
        reading.choice = name
    if isinstance(name, str) and _left_out(name, reading):
        return
    texts = _texts(row)
    metrics = (*_METRICS, *(row["metrics"] if isinstance(row.get("metrics"), list) else ()))
    chosen = reading.columns.get("correct")
    there = list(dict.fromkeys(m for m in metrics if m in row))
    score = named_score(chosen, row) if chosen else row[there[0]] if there else ...
    about = {"problem": row["doc_id"], "prompt": _prompt(row), "gold": first_of(row, "target", "doc.target")}
    if len(texts) == 1 or not all(isinstance(text, str) for text in texts):
        # The metric is of one answer: of a choice among likelihoods there is no text.
        text = texts[0] if texts and isinstance(texts[0], str) else None
        if len(there) > 1:
            reading.notes[said_choice("metric", chosen or there[0], there)] = None
        yield own_row(reading, **about, completion=text, score=score)
        return
    if chosen:
        reading.notes[f"{chosen!r} is one number of several responses: each of them was graded here"] = None
    for text in texts:  # of several responses the metric says something about one: they are graded here
        yield own_row(reading, **about, completion=text)


def _left_out(name: str, reading: Reading) -> bool:
    """Whether a row is of another filter than the one that is read; which were left out is said, each by its name.

    Where the user's filter is none of the file's, these notes are what there is to choose from.
    """
    if name == reading.choice:
        if name != "none":  # as lm-eval calls it where there is only one
            reading.notes[f"filter {name[:_SHOWN]!r} was read"] = None
        return False
    if len(reading.notes) < _MAX_NOTES:
        reading.notes[f"filter {name[:_SHOWN]!r} was left out (--format lm_eval:NAME chooses)"] = None
    return True


def _texts(row: RawRow) -> list[Any]:
    """The responses; of files that were thinned out, the answers that a filter took from them."""
    found = row["resps"] if isinstance(row.get("resps"), list) else row["filtered_resps"]
    return found[0] if found and isinstance(found[0], list) else list(found)


def _prompt(row: RawRow) -> Any:
    """The question of the document, else what the model was given: a text, or messages written as JSON."""
    asked = first_of(
        row, "doc.question", "doc.Question", "doc.problem", "doc.query", "doc.prompt", "doc.input"
    )
    if asked is not None:
        return asked
    given = first_of(row, "arguments.gen_args_0.arg_0", "arguments.0.0")
    given = given[0] if isinstance(given, list) and len(given) == 1 else given
    if isinstance(given, str) and given.startswith("[{"):
        with suppress(DataError):
            return parse_object(b'{"messages":' + given.encode() + b"}", "arguments")["messages"]
    return given


def _fits(row: RawRow) -> bool:
    return any(isinstance(row.get(name), list) for name in ("resps", "filtered_resps"))


LM_EVAL = Layout("lm_eval", ("doc_id",), _read, _fits)
