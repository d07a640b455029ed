"""How strong the length term is, step by step: the one thing about advantages that has a memory.

Along the policies pi * exp(-alpha z) accuracy changes at the rate -Cov(c, z), c the verdict, z the standardised length
(``theory.accuracy_slope``, docs/theory.md section 7). So Cov(c, z), measured on every batch, says what shortening costs
*here and now*: the dual update lowers alpha where longer completions are right more often, and raises it where they
are not.

    slope   <- memory * slope + (1 - memory) * mean over groups of Cov(c, z)
    alpha   <- clip(alpha + gain * (target - slope), 0, length_alpha)

The slope is delta sqrt(x (1 - x)) for a share x of short completions that are right delta less often: it fades as one
way dies out. The ``gap`` is delta itself, the regression of the verdict on being long, from running means of its
numerator and denominator; it does not fade, and is noisier.

Before that, for ``train_both_steps`` steps, there may be no choice between lengths at all: advantages are then centred
within the short and the long part of each group, so that either way is trained and neither is preferred.

The state is five numbers. They go into the checkpoint as JSON, which keeps a float to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from leadline.errors import CheckpointError
from leadline.grpo.config import AdvantageConfig
from leadline.grpo.groups import Bools, Floats, Groups
from leadline.grpo.length_strata import short_rows

__all__ = ["LengthController", "LengthState", "LengthTerm", "accuracy_slope", "long_covariance"]


@dataclass(frozen=True, slots=True)
class LengthTerm:
    """What the length term is in one batch.

    Attributes:
        alpha: its strength; 0 is none.
        within_strata: centre rewards within the short and the long part of each group.
    """

    alpha: float
    within_strata: bool = False


@dataclass(frozen=True, slots=True)
class LengthState:
    """Everything that a controller remembers.

    Attributes:
        batches: how many it has seen.
        alpha: the strength in the latest of them.
        slope: running mean of Cov(c, z), None before the first batch.
        apart: running mean over groups of Cov(c, long); None likewise.
        odds: running mean over groups of Var(long); None likewise.
    """

    batches: int
    alpha: float
    slope: float | None = None
    apart: float | None = None
    odds: float | None = None

    @property
    def gap(self) -> float | None:
        """Accuracy of long completions minus that of short ones; None where there are no two lengths."""
        if self.apart is None or not self.odds:
            return None
        return self.apart / self.odds


class LengthController:
    """One arm's controller: hand it every training batch once, in order.

    Attributes:
        config: of the arm; with ``length_control="fixed"`` the strength is ``length_alpha`` throughout.
        state: replaced, never changed, so that an earlier one can be gone back to.
    """

    def __init__(self, config: AdvantageConfig) -> None:
        self.config = config
        self.state = LengthState(0, config.length_alpha)

    def update(self, correct: Bools, tokens: Floats, groups: Groups) -> LengthTerm:
        """See one batch (scorable rows only) and say what its length term is."""
        before = self.state
        state = replace(
            before,
            batches=before.batches + 1,
            slope=self._remembered(before.slope, accuracy_slope(correct, tokens, groups)),
            apart=self._remembered(before.apart, long_covariance(correct, tokens, groups)),
            odds=self._remembered(before.odds, long_covariance(None, tokens, groups)),
        )
        train_both = before.batches < self.config.train_both_steps
        self.state = state if train_both else replace(state, alpha=self._strength(state))
        return LengthTerm(0.0, True) if train_both else LengthTerm(self.state.alpha)

    def _remembered(self, before: float | None, now: float | None) -> float | None:
        if now is None or before is None:  # nothing could be scored, or nothing was before
            return before if now is None else now
        return self.config.control_memory * before + (1 - self.config.control_memory) * now

    def _strength(self, state: LengthState) -> float:
        """The dual update."""
        config = self.config
        price = {"fixed": None, "slope": state.slope, "gap": state.gap}[config.length_control]
        if price is None:
            return state.alpha
        step = config.control_gain * (config.control_target - price)
        return min(max(state.alpha + step, 0.0), config.length_alpha)

    def saved(self) -> dict[str, Any]:
        """The state as JSON."""
        return asdict(self.state)

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from :meth:`saved`.

        Raises:
            CheckpointError: it is not such a state.
        """
        try:
            means = {
                name: None if saved[name] is None else float(saved[name])
                for name in ("slope", "apart", "odds")
            }
            state = LengthState(int(saved["batches"]), float(saved["alpha"]), **means)
        except (KeyError, TypeError, ValueError) as fault:
            raise CheckpointError(f"the length controller's state cannot be read: {fault!r}") from fault
        if state.batches < 0 or not 0 <= state.alpha <= self.config.length_alpha:
            raise CheckpointError(
                f"the length controller's state is of another arm: alpha {state.alpha:g}, "
                f"length_alpha {self.config.length_alpha:g}"
            )
        self.state = state


def accuracy_slope(correct: Bools, tokens: Floats, groups: Groups) -> float | None:
    """Mean over groups of Cov(c, z) within the group, z standardised over *all* its rows; None without a row.

    Positive where the longer completions are right more often. Counts and token sums are whole numbers, so that the
    result does not depend on the order of rows or groups: every trainer gets the same to the last bit.
    """
    size, right, total = groups.size, groups.total(correct), groups.total(tokens)
    together = size * groups.total(np.where(correct, tokens, 0.0)) - right * total
    spread = np.sqrt(np.maximum(size * groups.total(tokens**2) - total**2, 0.0))
    there = size > 0
    if not there.any():
        return None
    slopes = np.divide(together, size * spread, out=np.zeros(groups.n_groups), where=spread > 0)
    return math.fsum(slopes[there]) / int(there.sum())


def long_covariance(correct: Bools | None, tokens: Floats, groups: Groups) -> float | None:
    """Mean over groups of Cov(c, long) within the group, or of Var(long) where ``correct`` is None; None without a row.

    Long are the rows in the longer part of their group (:func:`~leadline.grpo.length_strata.short_rows`). Counts only,
    so that the order of rows and groups has no say.
    """
    long: Floats = (~short_rows(tokens, groups)).astype(np.float64)
    other: Floats = long if correct is None else correct.astype(np.float64)
    size, there = groups.size, groups.size > 0
    if not there.any():
        return None
    together = size * groups.total(long * other) - groups.total(long) * groups.total(other)
    covariances = np.divide(together, size**2, out=np.zeros(groups.n_groups), where=there)
    return math.fsum(covariances[there]) / int(there.sum())
