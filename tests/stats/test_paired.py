"""The difference of two sides over the same problems: never more certain than few problems allow."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.stats import Interval, never_certain, paired_counts


def shares(samples: np.ndarray, hits: np.ndarray) -> np.ndarray:
    return hits / samples


def test_no_change_anywhere_is_not_certainty() -> None:
    interval = never_certain(Interval(0.0, 0.0, 0.0), np.zeros(50))
    assert interval.hi == pytest.approx(1 - 0.025 ** (1 / 50))
    assert interval.lo == -interval.hi
    values = np.array([0.0, 0.1])
    assert never_certain(Interval(0.05, 0.0, 0.1), values) == (0.05, 0.0, 0.1)


def test_paired_counts_by_hand() -> None:
    four = np.full(3, 4.0)
    before, after, change = paired_counts(
        (four, np.array([0.0, 2.0, 4.0])), (four, np.array([0.0, 4.0, 4.0])), [shares]
    )[0]
    assert (before.value, after.value) == (0.5, pytest.approx(2 / 3))
    assert change.value == pytest.approx(0.5 / 3)
    assert change.lo < 0 < change.hi
    assert paired_counts((four, four), (four, four), []) == []


@pytest.mark.parametrize("sides", [(3, 2), (0, 0)])
def test_sides_of_other_problems_and_of_none_are_refused(sides: tuple[int, int]) -> None:
    base, tuned = ((np.ones(size), np.ones(size)) for size in sides)
    with pytest.raises(ValueError, match="problem"):
        paired_counts(base, tuned, [shares])
