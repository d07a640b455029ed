"""NeMo-RL's logged samples: ``content`` holds the texts of the turns, or the turns; ``idx`` numbers the lines.

Source: NVIDIA-NeMo/RL, ``algorithms/grpo.py`` (``train_data_step*.jsonl``, ``val_data_step*.jsonl``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, own_row

__all__ = ["NEMO_RL"]


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    turns = row["content"]
    texts = all(isinstance(turn, str) for turn in turns)
    yield own_row(
        reading,
        prompt=turns[0] if texts else turns,
        completion="\n".join(turns[1:]) if texts else turns,
        score=row["rewards"],
    )


def _fits(row: RawRow) -> bool:
    turns = row["content"]
    return isinstance(turns, list) and len(turns) > 1 and isinstance(row["rewards"], int | float)


NEMO_RL = Layout("nemo_rl", ("content", "rewards"), _read, _fits)
