"""Estimators and intervals: pass@k, cons@k, cover@tau, exact binomial limits, bootstraps.

Needs numpy and scipy only.
"""

from __future__ import annotations

from leadline.stats.bootstrap import (
    bootstrap_mean,
    bootstrap_means,
    bootstrap_t_means,
    paired_bootstrap,
    resample_weights,
)
from leadline.stats.counted import beta_law, count_mean
from leadline.stats.interval import (
    Interval,
    Moments,
    bounded_mean,
    clopper_pearson,
    pooled_zero_bound,
    rule_of_three,
)
from leadline.stats.mass_law import MassLaw, fit_mass_law
from leadline.stats.paired import never_certain, paired_counts
from leadline.stats.passk import cons_at_k, cover_at, mixed_at, pass_at_k, plug_in_pass_at_k, tilted_at
from leadline.stats.poisson_binomial import poisson_binomial_pmf, poisson_binomial_tail
from leadline.stats.prediction import predicted_mixture, predicted_share
from leadline.stats.seeds import paired_seeds, seed_mean
from leadline.stats.smooth import bootstrap_ratio, paired_bootstrap_ratio, smooth_intervals

__all__ = [
    "Interval",
    "MassLaw",
    "Moments",
    "beta_law",
    "bootstrap_mean",
    "bootstrap_means",
    "bootstrap_ratio",
    "bootstrap_t_means",
    "bounded_mean",
    "clopper_pearson",
    "cons_at_k",
    "count_mean",
    "cover_at",
    "fit_mass_law",
    "mixed_at",
    "never_certain",
    "paired_bootstrap",
    "paired_bootstrap_ratio",
    "paired_counts",
    "paired_seeds",
    "pass_at_k",
    "plug_in_pass_at_k",
    "poisson_binomial_pmf",
    "poisson_binomial_tail",
    "pooled_zero_bound",
    "predicted_mixture",
    "predicted_share",
    "resample_weights",
    "rule_of_three",
    "seed_mean",
    "smooth_intervals",
    "tilted_at",
]
