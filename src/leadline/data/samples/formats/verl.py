"""verl's rollouts: ``{step}.jsonl`` with one generation a line, grouped by their input.

Source: volcengine/verl, ``verl/trainer/ppo/ray_trainer.py``, ``_dump_generations``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, own_row
from leadline.data.samples.formats.filled_template import asked_in

__all__ = ["VERL_ROLLOUT"]


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    asked = row["input"]
    verdict = row["acc"] if isinstance(row.get("acc"), bool | int | float) else row.get("score")
    yield own_row(
        reading,
        prompt=asked_in(asked, bare=True) if isinstance(asked, str) else asked,
        completion=row["output"],
        gold=row.get("gts"),
        score=verdict,
    )


VERL_ROLLOUT = Layout("verl", ("input", "output", "score"), _read)
