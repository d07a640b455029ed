"""SkyRL's evaluations: one sample a line, its score a number or a list of the rewards of its tokens.

Source: NovaSky-AI/SkyRL, ``utils/trainer_utils.py``, ``dump_per_dataset_eval_results``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leadline.data.samples.formats.base import Layout, RawRow, Reading, first_of, own_row
from leadline.data.samples.formats.endings import finished_of

__all__ = ["SKYRL"]


def _read(row: RawRow, reading: Reading) -> Iterator[dict[str, Any]]:
    score = row["score"]
    if isinstance(score, list):
        score = sum(one for one in score if isinstance(one, int | float))
        reading.notes["the rewards of the tokens are added up"] = None
    yield own_row(
        reading,
        prompt=row["input_prompt"],
        completion=row["output_response"],
        gold=first_of(row, "env_extras.reward_spec.ground_truth", "env_extras.reward_model.ground_truth"),
        score=score,
        finished=finished_of(row),
    )


SKYRL = Layout("skyrl", ("input_prompt", "output_response", "score"), _read)
