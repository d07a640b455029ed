"""What the first steps of a run will show, of models that learn nothing in them, slowly and fast."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from leadline.data.samples.counts import Counts
from leadline.diagnosis.probe import first_steps
from leadline.diagnosis.probe.first_steps import FIRST_STEPS, PACE, PACE_SPREAD, forecast_first_steps
from leadline.diagnosis.probe.live_groups import live_share
from leadline.stats import Interval, fit_mass_law, predicted_share

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks/results/first_steps_on_llm.json"
GROUP, BATCH = 8, 16


def counts_of(mass: np.ndarray, rng: np.random.Generator, samples: int = 8) -> Counts:
    return Counts.from_arrays(np.full(mass.size, float(samples)), rng.binomial(samples, mass).astype(float))


def seen_live(problems: np.ndarray, pace: float, rng: np.random.Generator) -> float:
    """Share of live groups of three steps whose policy's log-odds rise by ``pace`` with each of them."""
    live = 0
    for step in range(FIRST_STEPS):
        mass = special.expit(special.logit(rng.choice(problems, BATCH)) + pace * step)
        right = rng.binomial(GROUP, mass)
        live += int(((right > 0) & (right < GROUP)).sum())
    return live / (FIRST_STEPS * BATCH)


def held(a: float, b: float, paces: np.ndarray, seed: int) -> tuple[float, float]:
    """How often the forecast held, and how often that of a model that learns nothing would have."""
    rng = np.random.default_rng(seed)
    both = []
    for pace in paces:
        problems = np.clip(rng.beta(a, b, 4000), 1e-6, 1 - 1e-6)
        counts = counts_of(problems[:64], rng)
        law = fit_mass_law(counts.n, counts.c)
        found = forecast_first_steps(law, live_share(counts, GROUP, law=law).share, GROUP, BATCH)
        assert found is not None
        seen = seen_live(problems, pace, rng)
        both.append([i.lo - 1e-9 <= seen <= i.hi + 1e-9 for i in (found.live_groups, found.unchanged)])
    share = np.mean(both, axis=0)
    return float(share[0]), float(share[1])


@pytest.mark.parametrize(("a", "b"), [(0.4, 8.0), (0.5, 0.5), (2.0, 2.0), (4.0, 0.5)])
def test_it_holds_for_those_that_learn_nothing_and_for_those_that_learn_as_was_measured(
    a: float, b: float
) -> None:
    idle, _ = held(a, b, np.zeros(150), 1)
    measured, _ = held(a, b, PACE + PACE_SPREAD * np.random.default_rng(2).standard_normal(150), 3)
    assert min(idle, measured) >= 0.93


def test_a_forecast_without_a_pace_misses_those_that_learn_fast() -> None:
    fast, unchanged = held(0.4, 20.0, np.full(150, 0.6), 4)
    assert fast > 0.9 > 0.85 > unchanged


def test_the_odds_of_a_live_group_rise_as_those_of_the_law() -> None:
    mass = 0.03
    law = fit_mass_law([4000.0] * 50, [4000 * mass] * 50)
    live = Interval(*[1 - mass**GROUP - (1 - mass) ** GROUP] * 3)
    moved = first_steps._live_at(law, live, GROUP, 1.0)
    later = [special.expit(special.logit(mass) + step) for step in range(FIRST_STEPS)]
    assert moved.value == pytest.approx(np.mean([1 - q**GROUP - (1 - q) ** GROUP for q in later]), rel=0.02)
    assert first_steps._live_at(law, live, GROUP, 0.0) == pytest.approx(live)


def test_what_was_never_seen_may_rise_too_and_what_is_unknown_is_not_foretold() -> None:
    counts = Counts.from_arrays(np.full(40, 8.0), np.zeros(40))
    law = fit_mass_law(counts.n, counts.c)
    live = live_share(counts, GROUP, law=law).share
    found = forecast_first_steps(law, live, GROUP, BATCH)
    assert found is not None
    assert found.live_groups.lo == 0
    assert found.live_groups.hi >= found.unchanged.hi
    assert found.unchanged == predicted_share(live, FIRST_STEPS * BATCH)
    assert forecast_first_steps(law, Interval(math.nan, 0.0, 1.0), GROUP, BATCH) is None


def test_the_pace_is_the_measured_one() -> None:
    found = json.loads(RESULTS.read_text())
    assert (round(found["pace"], 2), round(found["spread"], 2)) == (PACE, PACE_SPREAD)
