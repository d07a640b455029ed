"""A score in one float32, and back without loss (decision "One float32 per score").

==================  ===========  =================
completion          reward       on the number line
==================  ===========  =================
correct             4 + b        (0, 8)
unscorable          0            0
wrong               -(4 + b)     (-8, 0)
no answer           -(12 + b)    (-16, -8)
==================  ===========  =================

b is the bonus, -4 < b < 4, rounded to the grid of 2^-20: half of that is the step of float32 between 8 and 16,
where the coarsest codes lie, so every code is exact in float32, and a bonus is off by less than 5e-7.
verl keeps the reward in one token of a float32 row of zeros: the row's sum is the code itself.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import ConfigError, InputError

__all__ = ["BONUS_GRID", "LIMIT", "Coded", "decode", "encode"]

BONUS_GRID = 2.0**-20
"""Distance between two bonuses that can be told apart."""

LIMIT = 4.0
"""The size that a bonus must stay below."""

_ANSWERED, _SILENT = 4.0, 12.0


class Coded(NamedTuple):
    """What a row of rewards says: arrays of one length.

    Attributes:
        correct: bool; False in unscorable rows.
        answered: bool; True in unscorable rows.
        scorable: bool; False where the reference answer cannot be used, and in the rows that verl pads a batch with.
        bonus: float64; 0 in unscorable rows.
    """

    correct: NDArray[np.bool_]
    answered: NDArray[np.bool_]
    scorable: NDArray[np.bool_]
    bonus: NDArray[np.float64]


def encode(correct: bool | None, answered: bool, bonus: float) -> float:
    """The reward that stands for one score; ``correct`` None = unscorable. Exact in float32.

    Raises:
        ConfigError: the bonus is not finite, or too large to be coded.

    >>> encode(True, True, 0.5), encode(False, True, 0.5), encode(False, False, 0.5), encode(None, True, 0.5)
    (4.5, -4.5, -12.5, 0.0)
    """
    if correct is None:
        return 0.0
    rounded = round(bonus / BONUS_GRID) * BONUS_GRID if math.isfinite(bonus) else math.inf
    if abs(rounded) >= LIMIT:
        raise ConfigError(
            f"rewards: a bonus of {bonus:g} cannot be handed to verl: it must stay below {LIMIT:g}"
        )
    if correct:
        return _ANSWERED + rounded
    return -((_ANSWERED if answered else _SILENT) + rounded)


def decode(rewards: ArrayLike) -> Coded:
    """What :func:`encode` was given, row by row.

    Raises:
        InputError: a reward that :func:`encode` never gives, so that it is not its own (KL in the reward, say).

    >>> decode([4.5, -12.5, 0.0]).bonus
    array([0.5, 0.5, 0. ])
    """
    code = np.asarray(rewards, dtype=np.float64)
    size = np.abs(code)
    scorable = code != 0  # NaN among them: its bonus is strange
    silent = scorable & (code < 0) & (size > _ANSWERED + LIMIT)
    bonus = np.where(scorable, size - np.where(silent, _SILENT, _ANSWERED), 0.0)
    strange = ~(np.abs(bonus) < LIMIT) | (np.round(bonus / BONUS_GRID) * BONUS_GRID != bonus)
    if strange.any():
        row = int(np.flatnonzero(strange)[0])
        raise InputError(
            f"row {row}: a reward of {code.flat[row]!r} is no score of leadline's. The estimator `leadline` needs "
            "its reward manager or compute_score, and algorithm.use_kl_in_reward=False"
        )
    return Coded(scorable & (code > 0), ~silent, scorable, bonus)
