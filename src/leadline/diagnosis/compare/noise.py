"""How much the figure moves without any training: another seed, another dtype, the same weights."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.data.samples.counts import Counts
from leadline.diagnosis.compare.differences import pass_rows
from leadline.diagnosis.compare.pairing import pair_up
from leadline.stats import Interval

__all__ = ["USUAL_NOISE", "Noise", "measure_noise"]

USUAL_NOISE = 0.02
"""A change of pass@1 that another seed, dtype or batch size makes with the same weights (a convention: bf16
against fp32 made +1.4 points of one model)."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Changes of pass@1 up to ``size`` are called noise.

    ``repeat`` is the change between two sets of samples of the same weights, None where it was not measured;
    then ``size`` is the convention `USUAL_NOISE`, else the measured change, either way.
    """

    size: float = USUAL_NOISE
    repeat: Interval | None = None


def measure_noise(base: Counts, repeat: Counts | None, seed: int = 0) -> Noise:
    """The paired change of pass@1 from one set of base samples to another; the convention without another.

    Raises:
        DataError: the two share no problem, or have other problems under one id.
    """
    if repeat is None:
        return Noise()
    change = pass_rows(pair_up(base, repeat), (1,), seed)[0].difference
    return Noise(abs(change.value), change)
