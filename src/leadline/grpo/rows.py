"""The rows of a batch that count: its columns as NumPy arrays, without those that cannot be scored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from leadline.grpo.groups import Bools, Floats, Groups

__all__ = ["ScorableRows", "as_numpy"]


@dataclass(frozen=True)
class ScorableRows:
    """The N scorable rows of B, and the way back.

    Attributes:
        keep: [B], which rows those are.
        group: [B] the group number, 0 .. n_groups - 1, of every row, scorable or not.
        groups: the N rows by group.
        correct, answered, tokens: [N].
    """

    keep: Bools
    group: npt.NDArray[np.int64]
    groups: Groups
    correct: Bools
    answered: Bools
    tokens: Floats

    @classmethod
    def of(
        cls,
        correct: Tensor,
        length: Tensor,
        group: Tensor,
        scorable: Tensor | None = None,
        answered: Tensor | None = None,
    ) -> Self:
        """Those of a batch, columns as :func:`leadline.grpo.advantages.group_advantages` takes them."""
        keep: Bools = np.ones(len(correct), dtype=bool) if scorable is None else as_numpy(scorable)
        ids, number = np.unique(as_numpy(group), return_inverse=True)
        groups = Groups(number[keep], len(ids))
        said = np.ones(groups.rows, dtype=bool) if answered is None else as_numpy(answered)[keep]
        tokens = as_numpy(length)[keep].astype(np.float64)
        return cls(keep, number, groups, as_numpy(correct)[keep], said, tokens)

    @cached_property
    def solve_rate(self) -> Floats:
        """[n_groups] share of the correct rows."""
        return self.groups.mean(self.correct.astype(np.float64))

    def back(self, values: Floats, fill: float) -> Tensor:
        """[N] -> float32 [B], with ``fill`` in the rows that do not count."""
        whole = np.full(len(self.keep), fill, dtype=np.float32)
        whole[self.keep] = values
        return torch.from_numpy(whole)

    def spread(self, values: npt.NDArray[Any]) -> Tensor:
        """[n_groups] -> [B], in every row of the group."""
        return torch.from_numpy(values[self.group])


def as_numpy(values: Tensor) -> npt.NDArray[Any]:
    """On the CPU, floats in float64."""
    values = values.detach().cpu()
    return (values.double() if values.is_floating_point() else values).numpy()
