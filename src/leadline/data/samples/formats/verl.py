"""verl's rollouts: ``{step}.jsonl`` with one generation a line, grouped by their input.

Source: volcengine/verl, ``verl/trainer/ppo/ray_trainer.py``, ``_dump_generations``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, own_row

__all__ = ["VERL_ROLLOUT"]

# The chat template without its special tokens, as the decoded prompt has it; the last user turn is the problem.
_USER = re.compile(
    r"(?:^|\n)(?:<\|im_start\|>)?user\n(.*?)(?:<\|im_end\|>)?\n+(?:<\|im_start\|>)?assistant\n*$", re.S
)


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    asked = row["input"]
    match = _USER.search(asked) if isinstance(asked, str) else None
    verdict = row["acc"] if isinstance(row.get("acc"), bool | int | float) else row.get("score")
    yield own_row(
        reading,
        prompt=match[1].strip() if match else asked,
        completion=row["output"],
        gold=row.get("gts"),
        score=verdict,
    )


VERL_ROLLOUT = Layout("verl", ("input", "output", "score"), _read)
