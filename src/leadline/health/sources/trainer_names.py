"""What trainers call the metrics that they log, in our names, whoever kept them (wandb, a file, a console)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leadline.health.observation import Observation
from leadline.health.sources.trl_log import observation_of_log
from leadline.health.sources.verl_dump import observations_of_metrics
from leadline.types import finite_number

__all__ = ["known_names", "observations_of_steps", "step_of"]

_NAMES: Mapping[str, tuple[str, ...]] = {
    "reward": (
        *("rollout/raw_reward", "reward/avg_raw_reward", "reward/mean", "reward/all/mean", "reward/reward"),
        *("objective/scores", "scores", "reward"),
    ),
    "pass@1": ("objective/verifiable_correct_rate",),
    "mean_tokens": (
        *("rollout/response_len/mean", "rollout/response_lengths", "generate/avg_num_tokens"),
        *("mean_gen_tokens_per_sample", "val/sequence_lengths", "response_length", "completion_len/mean"),
        *("completion_length", "decode_len/mean"),
    ),
    "truncated": ("rollout/truncated_ratio", "truncation_rate", "is_truncated/mean"),
    "entropy": (
        "entropy_loss",
        "policy/policy_entropy",
        "approx_entropy",
        "policy/entropy_avg",
        "entropy/mean",
    ),
    "kl": ("kl_loss", "policy/policy_kl", "kl_penalty", "kl"),
    "loss": ("pg_loss", "policy/policy_loss", "loss/policy_avg", "policy_loss", "loss/mean", "loss"),
    "grad_norm": ("grad_norm", "policy/raw_grad_norm", "optim/grad_norm", "actor_grad_norm"),
    "clip_share": ("pg_clipfrac", "policy/ppo_clip_ratio", "policy/clipfrac_avg", "ppo_clip_ratio"),
    "logp_gap": ("train_rollout_logprob_abs_diff", "debug/vllm_vs_local_logprob_diff_mean"),
    "seconds": ("perf/step_time", "timing/step", "timing/train/total_step_time", "time/step"),
}
"""Field of metrics.jsonl -> names of slime, SkyRL, NeMo-RL, OpenRLHF, open-instruct and prime-rl, the first that is
there, ``train/`` in front of them left out. What means another thing in one of them is not here."""
_UNIFORM = (
    ("solve_none", "solve_all"),
    ("reward/solve_none", "reward/solve_all"),
    ("batch/solve_none", "batch/solve_all"),
)
_VALID = ("validation/accuracy", "eval/all/avg_score")
_STEPS = (
    *("step", "global_step", "train/global_step", "trainer/global_step", "training/global_step"),
    *("global_step/max_steps", "current_steps", "train/step", "rollout/step", "_step"),
)
_OF_VERL = ("critic/", "actor/")
_OF_TRL = ("completions/", "frac_reward_zero_std", "rewards/", "clip_ratio/", "reward_std")


def step_of(values: Mapping[str, Any]) -> int | None:
    """The step that a row of metrics says it is of (ms-swift: ``12/100``)."""
    for name in _STEPS:
        value = values.get(name)
        if isinstance(value, str):
            first = value.partition("/")[0].strip()
            value = int(first) if first.isdecimal() and len(first) < 13 else None
        number = finite_number(value)
        if number is not None and abs(number) < 10**12:
            return int(number)
    return None


def known_names(values: Mapping[str, Any]) -> set[str]:
    """Which of our fields a row of metrics tells of; of one that is no row of a run of reinforcement learning none."""
    plain = _plain(values)
    found = {
        field
        for field, names in _NAMES.items()
        if any(finite_number(plain.get(name)) is not None for name in names)
    }
    if any(name.startswith((*_OF_VERL, *_OF_TRL)) for name in plain):
        found |= {"reward", "mean_tokens"}
    return found if found & {"reward", "pass@1", "clip_share", "truncated"} else set()


def observations_of_steps(steps: Mapping[int, Mapping[str, Any]]) -> list[Observation]:
    """The observations of all steps, in the names of whichever trainer logged them."""
    names = {name for values in steps.values() for name in values}
    if any(name.startswith(_OF_VERL) for name in names):
        return observations_of_metrics(steps)
    plain = {step: _plain(values) for step, values in sorted(steps.items())}
    if any(name.startswith(_OF_TRL) for values in plain.values() for name in values):
        return list(_of_trl(plain))
    return [seen for step, values in plain.items() for seen in _of_others(step, values)]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).removeprefix("train/"): value for name, value in values.items()}


def _of_trl(steps: Mapping[int, Mapping[str, Any]]) -> Iterator[Observation]:
    """As TRL logs them, where trackers write ``eval/`` for ``eval_``; a step may be of training and of validation."""
    before: Mapping[str, Any] | None = None
    for step, values in steps.items():
        valid = {
            name.replace("eval/", "eval_", 1): value
            for name, value in values.items()
            if name.startswith("eval")
        }
        train = {name: value for name, value in values.items() if not name.startswith("eval")}
        seen = observation_of_log(train, step, before)
        if seen is not None:
            before = {**train, "step": step}
            yield seen
        seen = observation_of_log(valid, step) if valid else None
        if seen is not None:
            yield seen


def _of_others(step: int, values: Mapping[str, Any]) -> Iterator[Observation]:
    numbers = {name: number for name, value in values.items() if (number := finite_number(value)) is not None}
    said = {
        field: next(numbers[name] for name in names if name in numbers)
        for field, names in _NAMES.items()
        if any(name in numbers for name in names)
    }
    if "val/stop_rate" in numbers:
        said["truncated"] = 1 - numbers["val/stop_rate"]
    for none, every in _UNIFORM:
        if none in numbers and every in numbers:
            said["live"] = min(1.0, max(0.0, 1 - numbers[none] - numbers[every]))
    if "kl" in said:
        said["kl"] = abs(said["kl"])
    if said:
        yield Observation(step, said)
    valid = next((numbers[name] for name in _VALID if name in numbers), None)
    if valid is not None:
        yield Observation(step, {"valid": valid})
