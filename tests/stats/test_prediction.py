"""What a share with limits foretells of a count to come."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.stats import Interval, clopper_pearson, predicted_mixture, predicted_share


@pytest.mark.parametrize(("q", "first", "second"), [(0.02, 96, 48), (0.25, 96, 48), (0.6, 40, 96)])
def test_what_was_foretold_comes(q: float, first: int, second: int) -> None:
    """A share measured on some trials, then other trials: the count lies within in 95% or more of 2,000 pairs."""
    rng = np.random.default_rng(5)
    held = []
    for seen, came in zip(rng.binomial(first, q, 2000), rng.binomial(second, q, 2000), strict=True):
        lo, hi = clopper_pearson(seen, first)
        foretold = predicted_share(Interval(seen / first, float(lo), float(hi)), second)
        held.append(foretold.lo - 1e-12 <= came / second <= foretold.hi + 1e-12)
    assert np.mean(held) >= 0.93


def test_a_share_that_is_known_leaves_the_scatter_of_the_trials() -> None:
    """Binomial(100, 1/2): 40 to 60 holds 96.5%, 41 to 59 only 94.3%."""
    assert predicted_share(Interval(0.5, 0.5, 0.5), 100) == pytest.approx((0.5, 0.4, 0.6))


def test_wider_knowledge_foretells_less() -> None:
    narrow, wide = (predicted_share(Interval(0.3, 0.3 - w, 0.3 + w), 50) for w in (0.02, 0.2))
    assert wide.lo < narrow.lo
    assert wide.hi > narrow.hi


@pytest.mark.parametrize(("share", "trials"), [(0.5, 0), (float("nan"), 10), (1.2, 10)])
def test_what_cannot_be_foretold_is_refused(share: float, trials: int) -> None:
    with pytest.raises(ValueError, match="cannot be foretold"):
        predicted_share(Interval(share, 0.0, 1.0), trials)


def test_a_mixture_reaches_as_far_as_its_parts() -> None:
    low, high = Interval(0.1, 0.05, 0.2), Interval(0.6, 0.5, 0.7)
    both = predicted_mixture([low, high], 60)
    assert both.value == pytest.approx(0.35)
    assert predicted_share(low, 60).lo <= both.lo < 0.1
    assert 0.6 < both.hi <= predicted_share(high, 60).hi
    assert predicted_mixture([low], 60) == predicted_share(low, 60)
    with pytest.raises(ValueError, match="nothing is known"):
        predicted_mixture([], 60)


def test_a_run_of_any_size_is_foretold_in_bounded_memory() -> None:
    known = Interval(0.3, 0.28, 0.32)
    many, most = predicted_share(known, 20_000), predicted_share(known, 30_000_000)
    assert most == pytest.approx(many, abs=1e-6)
    assert most.lo == pytest.approx(0.28, abs=0.005)
