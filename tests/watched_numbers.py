"""A run in numbers: healthy ones, and what the checks say once some of them are not."""

from __future__ import annotations

from typing import Any

from leadline.health import Observation, Watchdog

__all__ = ["HEALTHY", "watched"]

HEALTHY: dict[str, Any] = {
    "arm": "a", "stage": "rl", "reward": 0.5, "pass@1": 0.5, "mean_tokens": 40.0, "mean_tokens_correct": 38.0,
    "mean_tokens_wrong": 44.0, "wrong_to_right": 1.1, "truncated": 0.02, "no_answer": 0.01, "live": 0.7, "mixed": 0.7,
    "completions": 256, "groups": 32, "unscorable": 0.0, "reward_sd": 0.5, "inverted": 0.0, "inverted_base": 0.0,
    "loops": 0.0, "ran_on": 0.0, "repeated": 0.0, "logp_gap": 1e-7, "logp_agreement": 1.0, "entropy": 0.3,
    "loss": -0.05, "grad_norm": 0.1, "clip_share": 0.0, "kl": 0.01, "skipped_steps": 0, "tokens_per_second": 9000.0,
}  # fmt: skip


def watched(sick: dict[str, Any], *, healthy: int = 6, steps: int = 10) -> Watchdog:
    dog = Watchdog()
    for step in range(1, healthy + steps + 1):
        row = {**HEALTHY, "step": step, "batch": f"batch {step}"} | (sick if step > healthy else {})
        dog.see(Observation.of_row(row))
    return dog
