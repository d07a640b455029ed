"""How much a completion counts after the correction for the sampler (vLLM), by its length.

TRL weighs what another engine sampled by the ratio of the two probabilities. A weight for the whole completion is a
product over its tokens: it shrinks with the length, so that a reward for short answers and the weights act alike.
One weight a token does not. The table says which it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["weight_by_length"]

_TENTHS = 10


def weight_by_length(output: Mapping[str, Any], gather: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """Mean weight of the completions in each tenth of the lengths, shortest first; empty without such weights.

    Args:
        output: of TRL's ``_generate_and_score_completions``; ``importance_sampling_ratio`` is [B, T] or [B, 1].
        gather: joins the rows of all processes.
    """
    ratio = output.get("importance_sampling_ratio")
    if ratio is None:
        return {}
    mask = output["completion_mask"] * output.get("tool_mask", 1)
    length = mask.sum(1)
    weight = (ratio * mask).sum(1) / length.clamp(min=1)
    length, weight = gather(length), gather(weight)
    kept = length > 0
    order = length[kept].argsort(stable=True)
    tenths = torch.tensor_split(weight[kept][order], _TENTHS)
    return {f"sampler_weight/{i + 1}": float(tenth.mean()) for i, tenth in enumerate(tenths) if len(tenth)}
