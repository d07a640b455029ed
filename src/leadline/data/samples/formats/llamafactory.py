"""LLaMA-Factory's ``generated_predictions.jsonl``: a filled template, what was generated, and the reference.

Source: hiyouga/LLaMA-Factory, ``train/sft/trainer.py``, ``save_predictions``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, own_row

__all__ = ["LLAMAFACTORY"]

_BOX = "\\boxed{"


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    label = row["label"]
    answer = label if "####" in label else _boxed(label) or label
    yield own_row(reading, prompt=row["prompt"], completion=row["predict"], gold=answer)


def _boxed(text: str) -> str | None:
    """What stands in the last box of a worked answer; None without one that is closed."""
    _, box, rest = text.rpartition(_BOX)
    depth = 1
    for at, mark in enumerate(rest if box else ""):
        depth += (mark == "{") - (mark == "}")
        if depth == 0:
            return rest[:at]
    return None


def _fits(row: RawRow) -> bool:
    return all(isinstance(row[name], str) for name in ("predict", "label"))


LLAMAFACTORY = Layout("llamafactory", ("prompt", "predict", "label"), _read, _fits)
