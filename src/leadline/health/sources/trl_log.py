"""TRL's names of what it logs, in ours: for an entry of ``trainer_state.json`` as for a callback."""

from __future__ import annotations

import re
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from leadline.health.observation import Observation
from leadline.storage.step_row import DRIFT_FIELDS
from leadline.types import finite_number

__all__ = ["evaluated_set", "observation_of_log", "over_sets"]

_NAMES = {
    "reward": "lead/reward",
    "pass@1": "lead/solve_rate",
    "live": "lead/live",
    "mixed": "lead/mixed",
    "unscorable": "lead/unscorable",
    **{name: f"lead/{name}" for name in (*DRIFT_FIELDS, "length_alpha")},
    "mean_tokens": "completions/mean_length",
    "truncated": "completions/clipped_ratio",
    "entropy": "entropy",
    "kl": "kl",
    "loss": "loss",
    "grad_norm": "grad_norm",
    "clip_share": "clip_ratio/region_mean",
    "logp_gap": "sampling/sampling_logp_difference/mean",
    "reward_sd": "reward_std",
    "seconds": "step_time",
}
"""Field of metrics.jsonl -> TRL's (and leadline's mixin's) name for it."""

_PART = re.compile(r"rewards/(.+)/mean")
_SET = re.compile(r"eval_(.+)_runtime")
_VERDICT = re.compile(r"eval_rewards/[^/]*(?:accuracy|correct)[^/]*/mean")


def observation_of_log(
    log: Mapping[str, Any], step: int, before: Mapping[str, Any] | None = None
) -> Observation | None:
    """An observation of one entry of the log; None of one that says nothing of a step.

    Args:
        log: the entry.
        step: its step.
        before: the entry before, with its ``step``, for what is counted since the start (``num_tokens``).
    """
    valid = finite_number(log.get("eval_lead/solve_rate"))
    if valid is None:
        valid = next((finite_number(value) for key, value in log.items() if _VERDICT.fullmatch(key)), None)
    if valid is not None:
        return Observation(step, {"valid": valid})
    if "loss" not in log or not any(name.startswith(("reward", "clip_ratio/")) for name in log):
        return None
    values = {
        ours: value
        for ours, theirs in _NAMES.items()
        if (value := finite_number(log.get(theirs))) is not None
    }
    if "reward" not in values and (reward := finite_number(log.get("reward"))) is not None:
        values["reward"] = reward
    dead = finite_number(log.get("frac_reward_zero_std"))
    if "live" not in values and dead is not None:
        values["live"] = 1 - dead
    tokens, earlier = (finite_number((entry or {}).get("num_tokens")) for entry in (log, before))
    if tokens is not None and earlier is not None and values.get("seconds"):
        since = finite_number((before or {}).get("step"))
        steps = 1 if since is None else max(1.0, step - since)  # step_time is a mean over them
        values["tokens_per_second"] = (tokens - earlier) / (values["seconds"] * steps)
    parts = {found[1]: finite_number(value) for key, value in log.items() if (found := _PART.fullmatch(key))}
    return Observation(step, values, parts)


def evaluated_set(log: Mapping[str, Any]) -> str:
    """Which of several evaluation sets an entry is of; empty where there is one. TRL names the set in some keys only.

    >>> evaluated_set({"eval_hard_runtime": 1.0, "eval_reward": 0.5}), evaluated_set({"eval_runtime": 1.0})
    ('hard', '')
    """
    return next((found[1] for key in log if (found := _SET.fullmatch(key))), "")


def over_sets(validations: Mapping[str, Observation]) -> Observation:
    """One validation of a step out of those of its sets: their mean, for a series of either in turn falls and rises."""
    values = [seen.values["valid"] for seen in validations.values()]
    return Observation(max(seen.step for seen in validations.values()), {"valid": fmean(values)})
