"""Which versions of verl were tested, and what the plug-in needs of it."""

from __future__ import annotations

import importlib
import inspect
from importlib import metadata

from packaging.version import InvalidVersion, Version

__all__ = [
    "MANAGER",
    "NEEDED",
    "REJECTION",
    "TESTED_VERL",
    "VERL_HOOKS",
    "missing_verl_hooks",
    "untested",
    "version_fault",
]

MANAGER = ("pkg://leadline.integrations.verl.reward_manager", "LeadlineRewardManager")
"""``reward.reward_manager.module.path`` and ``.name``."""

TESTED_VERL = ("0.9.1",)
"""Releases of verl that ``make test-verl`` ran with, post and local ones of them included. Another one is taken with a
warning where every hook below is there: an estimator that reads rewards which mean something else would train on
nonsense without a word."""

VERL_HOOKS = {
    "verl.trainer.ppo.core_algos": ("register_adv_est", "ADV_ESTIMATOR_REGISTRY", "agg_loss", "kl_penalty"),
    "verl.trainer.ppo.reward": ("resolve_reward_manager_cls",),
    "verl.trainer.ppo.utils": ("need_critic", "need_reference_policy"),
    "verl.utils.config": ("validate_config",),
    "verl.experimental.reward_loop.reward_manager.base": ("RewardManagerBase",),
}
"""Module -> names that the plug-in, its reward manager and its self-check take from verl."""

REJECTION = (
    "it takes tokens out of the mask before advantages are computed, and lengths are counted by the mask; use "
    "rollout_is=token"
)
"""Why token-level rejection is refused. It stands here because the self-check must be able to say that the estimator
does not import."""

PASSED = ("token_level_rewards", "response_mask", "config", "index")
"""What the trainer must hand an estimator, looked for in the function that calls it."""

NEEDED = {
    "ray": "ray",
    "transfer_queue": "TransferQueue",
    "uvicorn": "uvicorn",
    "fastapi": "fastapi",
    "cachetools": "cachetools",
    "zmq": "pyzmq",
    "msgspec": "msgspec",
    "torchdata": "torchdata",
    "tensordict": "tensordict",
    "hydra": "hydra-core",
    "codetiming": "codetiming",
    "pylatexenc": "pylatexenc",
    "peft": "peft",
    "tensorboard": "tensorboard",
}
"""Module -> package that verl's default trainer imports, whether or not `pip install verl` brought it."""


def version_fault() -> str | None:
    """What keeps the verl that is installed from being looked at any further. Imports nothing."""
    try:
        metadata.version("verl")
    except metadata.PackageNotFoundError:
        return (
            "verl: not installed: pip install 'leadline[verl]' 'verl[vllm]' in the environment of the cluster"
        )
    return None


def untested() -> str | None:
    """A note where the verl that is installed is another release than the tested ones."""
    found = metadata.version("verl")
    try:
        release = Version(found).base_version if not Version(found).is_prerelease else found
    except InvalidVersion:
        release = found
    if release in TESTED_VERL:
        return None
    return f"verl {found} was not tested ({', '.join(TESTED_VERL)} was); every hook that is needed is there"


def missing_verl_hooks() -> list[str]:
    """What this verl lacks of what the plug-in needs; imports verl."""
    missing = []
    for module, names in VERL_HOOKS.items():
        try:
            loaded = importlib.import_module(module)
        except ImportError as error:
            missing.append(f"verl: {module} cannot be imported: {error}")
            continue
        missing += [f"verl: {module} has no {name}" for name in names if not hasattr(loaded, name)]
    if not missing:
        missing += _call_faults()
    return missing


def _call_faults() -> list[str]:
    utils = importlib.import_module("verl.trainer.ppo.ray_trainer")
    function = getattr(utils, "compute_advantage", None)
    if function is None:
        return [
            "verl: verl.trainer.ppo.ray_trainer has no compute_advantage, which hands rows to an estimator"
        ]
    source = inspect.getsource(function)
    return [f"verl: compute_advantage no longer hands over {name}" for name in PASSED if name not in source]
