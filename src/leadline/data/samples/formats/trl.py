"""TRL's completions: Parquet files and the wandb table of `GRPOTrainer.log`, one row a completion.

Source: huggingface/trl, ``trl/trainer/grpo_trainer.py``, ``log``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, own_row
from leadline.data.samples.formats.named_score import named_score
from leadline.data.samples.formats.own import ALIASES

__all__ = ["TRL", "WANDB_TABLE"]

_NO_REWARD = {"step", "advantage", "prompt", "completion", *ALIASES["gold"], "solution"}


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    name = reading.columns.get("correct") or _reward(row, reading)
    score = named_score(name, row)
    formats = [k for k in row if "format" in k.lower() and isinstance(row[k], int | float) and k != name]
    reading.notes[f"right or wrong by the column {name!r}"] = None
    yield own_row(
        reading,
        prompt=row["prompt"],
        completion=row["completion"],
        score=score,
        gold=row.get(reading.columns.get("gold", "answer")),
        # What a format is worth at most is each trainer's own choice (0.5, 0.25 a tag): nothing is a miss, no less.
        parts={"format": float(row[formats[0]] > 0)} if len(formats) == 1 else None,
    )


def _reward(row: RawRow, reading: Reading) -> str:
    """The reward that says right or wrong: the only one, or the one that is called so; one for the whole file.

    A reward function may return None: a column that is empty here may be the one that is looked for.
    """
    if "correct" in reading.settled:
        return reading.settled["correct"]
    rewards = [k for k, v in row.items() if k not in _NO_REWARD and isinstance(v, bool | int | float | None)]
    named = [k for k in rewards if any(word in k.lower() for word in ("acc", "correct", "solve"))]
    one = named if len(named) == 1 else rewards
    if len(one) != 1:
        choice = ", ".join(one) or "none"
        raise ValueError(f"which reward says right or wrong? --columns correct=NAME, of: {choice}")
    reading.settled["correct"] = one[0]
    return one[0]


def _table(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    """A wandb table holds all rows in one object: names once, then lists of values."""
    for values in row["data"]:
        one = dict(zip(row["columns"], values, strict=True))
        reading.meet(one)
        yield from _read(one, reading)


TRL = Layout("trl", ("prompt", "completion", "step"), _read)
WANDB_TABLE = Layout(
    "wandb",
    ("columns", "data"),
    _table,
    lambda row: (
        isinstance(row["columns"], list) and {"prompt", "completion"} <= set(map(str, row["columns"]))
    ),
)
