"""Closed forms of when and how much GRPO helps, on plain numbers and numpy arrays.

Notation throughout: ``q`` is the base model's correct mass Q on a problem, ``p`` the success after
training, ``a`` the tilt strength Delta / beta (reward gap over KL coefficient), ``g`` the group size G.
``docs/theory.md`` tells the story.
"""

from __future__ import annotations

from leadline.theory.flow import (
    critical_beta,
    critical_beta_from_base,
    forward_kl_success,
    mirror_success,
    normalised_flow_success,
    normalised_flow_time,
    normalised_kl_success,
)
from leadline.theory.gain import (
    best_mass,
    effective_k,
    gain,
    max_gain,
    pinsker_gain,
    success_bound,
)
from leadline.theory.lead import (
    lead_push,
    lead_push_ratio,
    lead_scale,
    lead_shift,
    lead_weight,
    length_term_spread,
)
from leadline.theory.length import (
    DriftParts,
    accuracy_slope_along_length,
    largest_gap_overturned,
    length_drift,
    length_drift_first_order,
    nominal_price,
)
from leadline.theory.mass import (
    ImportanceEstimate,
    importance_mass,
    mass_lower_bound,
    repeated_success,
)
from leadline.theory.signal import (
    binary_advantages,
    expected_push,
    groups_to_signal,
    live_group_probability,
    live_group_probability_beta,
    mean_only_push,
    q_seen,
    rare_push,
    unseen_probability,
)
from leadline.theory.tilt import (
    KLSplit,
    bernoulli_kl,
    kl_split,
    log_partition,
    objective,
    tilt_kl,
    tilt_strength,
    tilted_policy,
    tilted_success,
)

__all__ = [
    "DriftParts",
    "ImportanceEstimate",
    "KLSplit",
    "accuracy_slope_along_length",
    "bernoulli_kl",
    "best_mass",
    "binary_advantages",
    "critical_beta",
    "critical_beta_from_base",
    "effective_k",
    "expected_push",
    "forward_kl_success",
    "gain",
    "groups_to_signal",
    "importance_mass",
    "kl_split",
    "largest_gap_overturned",
    "lead_push",
    "lead_push_ratio",
    "lead_scale",
    "lead_shift",
    "lead_weight",
    "length_drift",
    "length_drift_first_order",
    "length_term_spread",
    "live_group_probability",
    "live_group_probability_beta",
    "log_partition",
    "mass_lower_bound",
    "max_gain",
    "mean_only_push",
    "mirror_success",
    "nominal_price",
    "normalised_flow_success",
    "normalised_flow_time",
    "normalised_kl_success",
    "objective",
    "pinsker_gain",
    "q_seen",
    "rare_push",
    "repeated_success",
    "success_bound",
    "tilt_kl",
    "tilt_strength",
    "tilted_policy",
    "tilted_success",
    "unseen_probability",
]
