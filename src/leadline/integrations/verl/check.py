"""The self-check: ``python -m leadline.integrations.verl.check [KEY=VALUE ...]``, where verl is to run.

Says what would go wrong later, and later without a word: a plug-in that verl failed to load (it logs that at
DEBUG), a verl without what is needed of it, keys that verl parses and ignores, a reward manager that cannot be
resolved. The last line of its output is JSON: ``{"faults": [...], "notes": [...], "versions": {...}}``. Exit code 2
when there is a fault.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata, util
from typing import Any

from leadline.errors import InputError
from leadline.integrations.verl.guard import NEEDED, REJECTION, missing_verl_hooks, untested, version_fault
from leadline.integrations.verl.ignored_keys import ignored_faults
from leadline.integrations.verl.scoring import SIGNAL, check_bonus
from leadline.integrations.verl.settings import advantage_settings, reward_settings

__all__ = ["check", "main"]

_SHOWN = ("leadline", "verl", "ray", "torch", "transformers", "vllm", "sglang")


def check(overrides: Sequence[str] = ()) -> list[str]:
    """Every fault of this environment, and of these arguments of ``main_ppo`` if there are any.

    Imports verl (many seconds) where it is installed with what its trainer needs.
    """
    fault = version_fault()
    if fault is not None:
        return [fault]
    faults = [
        f"verl: its default trainer imports {module!r}, which is missing: pip install {package}"
        for module, package in NEEDED.items()
        if util.find_spec(module) is None
    ]
    faults = faults or _plugin_faults() or missing_verl_hooks()
    return faults or (_argument_faults(overrides) if overrides else [])


def _plugin_faults() -> list[str]:
    """Whether importing verl, as its workers do, registers the estimator."""
    entries = [
        entry.value for entry in metadata.entry_points(group="verl.plugins") if entry.name == "leadline"
    ]
    if not entries:
        return [
            "leadline: its entry point in the group verl.plugins is missing: install leadline here with pip"
        ]
    policy = os.environ.get("VERL_USE_EXTERNAL_PLUGINS", "auto").strip().lower()
    if policy != "auto" and "leadline" not in policy.split(","):
        return [f"VERL_USE_EXTERNAL_PLUGINS={policy}: keeps leadline out: unset it, or add leadline"]
    try:
        importlib.import_module("verl")
        registry = importlib.import_module("verl.trainer.ppo.core_algos").ADV_ESTIMATOR_REGISTRY
    except Exception as error:  # whatever an import in somebody's environment raises is the finding
        return [f"verl: cannot be imported: {type(error).__name__}: {error}"]
    if "leadline" in registry:
        return []
    try:
        importlib.import_module(entries[0])
    except Exception as error:
        return [f"leadline: verl could not load the plug-in {entries[0]}: {type(error).__name__}: {error}"]
    return [f"leadline: verl loaded the plug-in {entries[0]}, but the estimator `leadline` is not registered"]


def _argument_faults(overrides: Sequence[str]) -> list[str]:
    """What is wrong with the arguments, by verl's own schema and checks and by ours."""
    from hydra import compose, initialize_config_module

    with initialize_config_module("verl.trainer.config", version_base=None):
        base = compose("ppo_trainer")
        try:
            config = compose("ppo_trainer", overrides=list(overrides))
        except Exception as error:  # hydra has a dozen kinds
            return [f"verl: {' '.join(str(error).split())}"]
    faults = ignored_faults(overrides, base, config)
    faults += _config_faults(config)
    return (faults or _own_faults(config)) + _attention_faults(config.actor_rollout_ref.model)


def _config_faults(config: Any) -> list[str]:
    faults = []
    if config.algorithm.adv_estimator != "leadline":
        faults.append(f"algorithm.adv_estimator: is {config.algorithm.adv_estimator!r}, must be leadline")
    if config.algorithm.use_kl_in_reward:
        faults.append("algorithm.use_kl_in_reward: must be False: it would overwrite the coded scores")
    if not config.trainer.use_v1:
        faults.append("trainer.use_v1: the legacy trainer of verl was not tested: must be True")
    rejected = (config.algorithm.get("rollout_correction") or {}).get("rollout_rs")
    if rejected:
        faults.append(f"algorithm.rollout_correction.rollout_rs: {rejected!r}: {REJECTION}")
    rollout = config.actor_rollout_ref.rollout
    if rollout.multi_turn.enable or rollout.agent.default_agent_loop != "single_turn_agent":
        faults.append(
            "actor_rollout_ref.rollout.multi_turn, agent: verl's reward manager is not told which tokens the model "
            "wrote, so that a tool's words and length would be graded as the model's: single_turn_agent only"
        )
    sampling = config.algorithm.filter_groups
    if sampling and sampling.enable and sampling.metric != SIGNAL:
        faults.append(
            f"algorithm.filter_groups.metric: {sampling.metric!r} evicts groups that are all correct, which carry the "
            f"length signal: use {SIGNAL}"
        )
    for read, section in ((advantage_settings, config.algorithm), (reward_settings, config.reward)):
        try:
            read(section)
        except InputError as error:
            faults += error.problems
    try:
        check_bonus(reward_settings(config.reward))
    except InputError as error:
        faults += [line for line in error.problems if line not in faults]
    return faults


def _attention_faults(model: Any) -> list[str]:
    """verl's training engine asks transformers for flash-attn, which none of verl's other extras brings."""
    asked = (model.get("override_config") or {}).get("attn_implementation", "flash_attention_2")
    if asked != "flash_attention_2" or any(util.find_spec(name) for name in ("flash_attn", "kernels")):
        return []
    return [
        "actor_rollout_ref.model: verl trains with flash_attention_2, and flash-attn is not installed: pip install "
        "flash-attn --no-build-isolation"
    ]


def _own_faults(config: Any) -> list[str]:
    """What verl's own code says to this configuration: its reward manager's class, its ``validate_config``."""
    from verl.trainer.ppo.reward import resolve_reward_manager_cls
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    faults = []
    try:
        resolve_reward_manager_cls(config)
    except Exception as error:  # ImportError, ValueError, AttributeError, AssertionError, ...
        faults.append(f"reward.reward_manager: cannot be resolved: {type(error).__name__}: {error}")
    try:
        validate_config(config, need_reference_policy(config), need_critic(config))
    except Exception as error:
        faults.append(
            f"verl: refuses this configuration: {type(error).__name__}: {' '.join(str(error).split())}"
        )
    return faults


@contextlib.contextmanager
def _stdout_kept() -> Iterator[None]:
    """What verl and ray print while they are asked goes to stderr: stdout is for the answer."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def main(arguments: Sequence[str]) -> int:
    """Print the answer; returns the exit code."""
    with _stdout_kept():
        faults = check(arguments)
    versions = {}
    for package in _SHOWN:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    note = untested() if "verl" in versions and not faults else None
    print(json.dumps({"faults": faults, "notes": [note] if note else [], "versions": versions}))
    return 2 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
