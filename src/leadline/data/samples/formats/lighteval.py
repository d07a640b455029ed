"""lighteval's details: Parquet, one document a row with all of its predictions.

Source: huggingface/lighteval, ``logging/info_loggers.py`` (``DetailsLogger``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, few_names, first_of, own_row
from leadline.data.samples.formats.named_score import named_score

__all__ = ["LIGHTEVAL", "LIGHTEVAL_OLD"]


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    doc = row["doc"]
    gold = doc.get("gold_index")
    index = gold[0] if isinstance(gold, list) and gold else gold
    choices = doc.get("choices") or []
    answer = choices[index] if isinstance(index, int) and index < len(choices) else None
    texts = first_of(row["model_response"], "text", "final_text") or []
    yield from _samples(
        reading, first_of(doc, "id", "specific.id"), doc.get("query"), answer, texts, row.get("metric")
    )


def _read_old(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    texts = row["predictions"] if isinstance(row["predictions"], list) else [row["predictions"]]
    yield from _samples(
        reading, None, first_of(row, "example", "full_prompt"), row.get("gold"), texts, row.get("metrics")
    )


def _samples(
    reading: Reading, name: Any, prompt: Any, gold: Any, texts: list[Any], metrics: Any
) -> Iterator[dict[str, Any]]:
    values = metrics if isinstance(metrics, dict) else {}
    chosen = reading.columns.get("correct")
    score = (
        named_score(chosen, values) if chosen else next(iter(values.values())) if len(values) == 1 else ...
    )
    if chosen and len(texts) > 1:
        reading.notes[f"{chosen!r} is one number of several predictions: each of them was graded here"] = None
    if not chosen and len(values) > 1:
        several = f"graded here, as there are several metrics: {few_names(values)} (--columns correct=NAME takes one)"
        reading.notes[several] = None
    for text in texts:
        about = {"problem": name, "prompt": prompt, "gold": gold, "completion": text}
        yield own_row(reading, **about, score=score if len(texts) == 1 else ...)


LIGHTEVAL = Layout("lighteval", ("doc", "model_response"), _read, lambda row: isinstance(row["doc"], dict))
LIGHTEVAL_OLD = Layout("lighteval_old", ("predictions", "gold", "metrics"), _read_old)
