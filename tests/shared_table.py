"""One table of completions that every trainer is given: the advantages of all of them are compared on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from leadline.grpo.config import AdvantageConfig
from leadline.integrations.verl.score_coding import encode

# one table for the local engine, TRL and verl: unequal groups, no-answer rows, an unscorable group, all right,
# all wrong
TABLE: dict[str, list[Any]] = {
    "correct": [1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0],
    "length": [9, 5, 4, 12, 3, 7, 8, 2, 6, 6, 1, 5, 4, 12, 11],
    "group": [4, 4, 4, 4, 9, 9, 9, 2, 2, 2, 7, 7, 5, 5, 5],
    "scorable": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1],
    "answered": [1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 1],
    "bonus": [0.5, 0.0, 0.25, -0.125, 0.0, 0.0, 0.25, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.375],
}
CONFIGS = {
    "grpo": AdvantageConfig.grpo(),
    "dr_grpo": AdvantageConfig.dr_grpo(),
    "rloo": AdvantageConfig.rloo(),
    "lead": AdvantageConfig.lead(),
    "released": AdvantageConfig.lead_released_code(length_grace_tokens=4),
    "batch": AdvantageConfig.lead(normalisation="batch"),
    "nominal": AdvantageConfig.lead(unanimous_groups="nominal", difficulty="mean_normalised"),
    "scale": AdvantageConfig.lead(difficulty="scale_only"),
    "shift": AdvantageConfig.lead(difficulty="shift_only"),
    "by_correct": AdvantageConfig.lead(difficulty_branch="by_correct"),
}


def table(turned: int = 0) -> dict[str, list[Any]]:
    """The rows; ``turned`` moves the lengths on against the verdicts: another batch of the same shape."""
    flags = ("correct", "scorable", "answered")
    rows = dict(TABLE)
    if turned:
        rows["length"] = TABLE["length"][turned:] + TABLE["length"][:turned]
    return {name: [bool(v) for v in values] if name in flags else values for name, values in rows.items()}


def verl_rows(
    order: list[int], padding: int, width: int = 16, rows: dict[str, list[Any]] | None = None
) -> dict[str, Any]:
    """The table as verl hands it over: coded rewards at the last token, masks, uids; then rows of padding."""
    rows = table() if rows is None else rows
    total = len(order) + padding
    rewards, mask = torch.zeros(total, width), torch.zeros(total, width, dtype=torch.int64)
    uid = []
    for place, row in enumerate(order):
        length = rows["length"][row]
        mask[place, :length] = 1
        said = rows["correct"][row] if rows["scorable"][row] else None
        rewards[place, length - 1] = encode(said, rows["answered"][row], rows["bonus"][row])
        uid.append(f"uid-{rows['group'][row]}")
    uid += ["padfeed"] * padding
    return {"token_level_rewards": rewards, "response_mask": mask, "index": np.array(uid, dtype=object)}
