"""One line of ``metrics.jsonl``: which numbers there are and in which order, whoever trains.

docs/formats.md says what each of them means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

__all__ = ["DRIFT_FIELDS", "GAVE_UP", "STEP_FIELDS", "reward_parts", "step_row"]

_TIMES = ("tokens_per_second", "seconds", "sampling_seconds")

DRIFT_FIELDS = ("drift_accuracy", "drift_bonus", "drift_length_mixed", "drift_length_unanimous")
"""Parts of the push towards short answers; they add up to it."""

STEP_FIELDS: Mapping[str, tuple[str, ...]] = {
    "sft": ("loss", "grad_norm", "skipped_steps", *_TIMES[:2]),
    "rl": (
        *("reward", "pass@1", "mean_tokens", "mean_tokens_correct", "truncated", "no_answer"),
        *("live", "mixed", "live_per_ktoken", "retired", "weight", "entropy"),
        *("completions", "groups", "unscorable", "reward_sd", "mean_tokens_wrong", "wrong_to_right"),
        *("inverted", "inverted_base", "outranked"),
        *("loops", "ran_on", "repeated", "batch", "logp_gap", "logp_agreement", "ratio_length"),
        *("length_alpha", "length_slope", "length_gap"),
        *DRIFT_FIELDS,
        *("loss", "grad_norm", "clip_share", "kl", "computed", "imitated", "skipped_steps"),
        *_TIMES,
    ),
    "valid": ("pass@1", "mean_tokens"),
}
"""Stage -> the fields of its lines, besides ``arm``, ``stage`` and ``step``."""

GAVE_UP = ("timeout", "memory", "crashed")
"""Reasons for which the grader gives up on an answer; a line counts those that occurred."""

_KNOWN = frozenset(STEP_FIELDS["rl"]) | {*GAVE_UP, "arm", "stage", "step"}


def reward_parts(row: Mapping[str, Any]) -> list[str]:
    """Names of the parts of the reward that a line of stage ``rl`` holds means of."""
    return [name for name in row if name not in _KNOWN]


def step_row(
    arm: str,
    stage: Literal["sft", "rl", "valid"],
    step: int,
    numbers: Mapping[str, Any],
    *,
    parts: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """The line of one step.

    Args:
        arm: the model that is trained.
        stage: ``sft``, ``rl`` or ``valid``.
        step: steps done, this one included.
        numbers: those of the stage's :data:`STEP_FIELDS` that are known; the others are left out.
        parts: means of the reward's parts, and counts of :data:`GAVE_UP`.

    Raises:
        ValueError: a number that no field is named after.
    """
    unknown = sorted(numbers.keys() - set(STEP_FIELDS[stage]))
    if unknown:
        raise ValueError(f"metrics.jsonl: no field {unknown[0]!r} in a line of stage {stage!r}")
    known = {name: numbers[name] for name in STEP_FIELDS[stage] if name in numbers}
    times = {name: known.pop(name) for name in _TIMES if name in known}
    return {"arm": arm, "stage": stage, "step": step, **known, **(parts or {}), **times}
