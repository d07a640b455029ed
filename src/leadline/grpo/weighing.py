"""One arm's batches, one after another, to advantages: what the local engine, TRL and verl each keep one of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from leadline.grpo.advantages import Advantages, group_advantages
from leadline.grpo.config import AdvantageConfig
from leadline.grpo.length_controller import LengthController, LengthTerm
from leadline.grpo.length_drift import measured_length_drift
from leadline.grpo.rows import ScorableRows, as_numpy

__all__ = ["Weighed", "Weigher"]


class Weighed(NamedTuple):
    """What :class:`Weigher` makes of a batch.

    Attributes:
        advantages: of its rows.
        metrics: ``length_alpha``, ``length_slope`` and ``length_gap`` (running means, see
            :mod:`leadline.grpo.length_controller`) and the four parts of the length drift, ``drift_accuracy``,
            ``drift_bonus``, ``drift_length_mixed`` and ``drift_length_unanimous``; None where there is nothing to
            measure.
    """

    advantages: Advantages
    metrics: dict[str, float | None]


class Weigher:
    """Hand it the training batches of one arm, whole and in order, each once; others (``learn`` False) at any time."""

    def __init__(self, config: AdvantageConfig) -> None:
        self.config = config
        self.controller = LengthController(config)

    def __call__(
        self,
        correct: Tensor,
        length: Tensor,
        group: Tensor,
        *,
        scorable: Tensor | None = None,
        answered: Tensor | None = None,
        bonus: Tensor | None = None,
        learn: bool = True,
    ) -> Weighed:
        """Advantages of one batch, arguments as for :func:`~leadline.grpo.advantages.group_advantages`.

        With ``learn`` False, of a validation batch say, the controller's memory stays as it is.

        Raises:
            InputError: shapes, types or values that do not fit; the controller has then not moved.
        """
        parts = {"scorable": scorable, "answered": answered, "bonus": bonus}
        plain = group_advantages(correct, length, group, **parts, config=self.config, term=LengthTerm(0.0))
        rows = ScorableRows.of(correct, length, group, scorable)
        before = self.controller.state
        term = self.controller.update(rows.correct, rows.tokens, rows.groups)
        state = self.controller.state
        if not learn:
            self.controller.state = before
        out = plain
        if term != LengthTerm(0.0):
            out = group_advantages(correct, length, group, **parts, config=self.config, term=term)
        alone = plain
        if bonus is not None and bool((as_numpy(bonus)[rows.keep] != 0).any()):
            alone = group_advantages(
                correct, length, group, **parts | {"bonus": None}, config=self.config, term=LengthTerm(0.0)
            )
        ours, without, paid = (as_numpy(found.advantage)[rows.keep] for found in (out, plain, alone))
        drift = measured_length_drift(ours, without, paid, rows.correct, rows.tokens, rows.groups)
        metrics = {"length_alpha": term.alpha, "length_slope": state.slope, "length_gap": state.gap} | {
            f"drift_{name}": value for name, value in drift._asdict().items()
        }
        return Weighed(out, {name: _known(value) for name, value in metrics.items()})

    def saved(self) -> dict[str, Any]:
        """What a checkpoint needs to know of this arm, as JSON."""
        return self.controller.saved()

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from :meth:`saved`.

        Raises:
            CheckpointError: it is not such a state.
        """
        self.controller.restore(saved)


def _known(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(value)
