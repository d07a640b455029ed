"""Which versions of verl were tested, and what the plug-in needs of it."""

from __future__ import annotations

from importlib import metadata

__all__ = ["MANAGER", "NEEDED", "TESTED_VERL", "version_fault"]

MANAGER = ("pkg://leadline.integrations.verl.reward_manager", "LeadlineRewardManager")
"""``reward.reward_manager.module.path`` and ``.name``."""

TESTED_VERL = ("0.9.1",)
"""Releases of verl that ``make test-verl`` ran with. Another one is refused: an estimator that reads
rewards which mean something else would train on nonsense without a word."""

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
    """What is wrong with the verl that is installed; None when it is a tested one. Imports nothing."""
    try:
        found = metadata.version("verl")
    except metadata.PackageNotFoundError:
        return (
            "verl: not installed: pip install 'leadline[verl]' 'verl[vllm]' in the environment of the cluster"
        )
    if found not in TESTED_VERL:
        return f"verl: {found} is installed, tested are {', '.join(TESTED_VERL)}"
    return None
