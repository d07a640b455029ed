"""``leadline doctor``: what is installed, what is missing, which versions were tested; ten lines, no guesses."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass

from leadline.runs.backends.trl.checks import trl_environment_faults as trl_faults
from leadline.runs.backends.verl.checks import environment_report as verl_report
from leadline.storage.installed import installed

__all__ = ["DoctorLine", "diagnose"]

_CORE = ("torch", "transformers", "datasets", "math-verify", "peft")
_OPTIONAL = ("trl", "accelerate", "verl", "ray", "vllm", "reasoning-gym")


@dataclass(frozen=True)
class DoctorLine:
    """One line: ``ok`` None for what is only said, False for what does not work."""

    text: str
    ok: bool | None = None


def diagnose(subject: str | None = None) -> list[DoctorLine]:
    """What there is to know of this machine, of ``verl`` or of ``trl``.

    Slow for the last two: they are imported, because only that shows that they can be.
    """
    if subject == "verl":
        return _verl()
    if subject == "trl":
        return _trl()
    return _machine()


def _machine() -> list[DoctorLine]:
    import torch

    from leadline import __version__

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    linux = sys.platform.startswith("linux")
    lines = [
        DoctorLine(
            f"leadline {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
        ),
        DoctorLine(
            f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, GPUs: {', '.join(gpus) or 'none'}"
        ),
        DoctorLine("installed: " + _versions(_CORE), ok=None),
    ]
    there = installed(*_CORE)
    missing = [package for package in _CORE if package not in there]
    if missing:
        lines.append(DoctorLine(f"missing: {', '.join(missing)}: pip install leadline again", ok=False))
    lines.append(DoctorLine("optional: " + (_versions(_OPTIONAL) or "none of " + ", ".join(_OPTIONAL))))
    grader = (
        "the grader's limits hold (Linux)" if linux else "the grader cannot limit its workers' memory here"
    )
    lines.append(DoctorLine(grader, ok=linux))
    free = shutil.disk_usage(".").free / 1e9
    lines.append(DoctorLine(f"{free:.0f} GB free on this disk", ok=free > 1))
    lines.append(DoctorLine("more: leadline doctor trl, leadline doctor verl"))
    return lines


def _trl() -> list[DoctorLine]:
    from leadline.integrations.trl.guard import TESTED_TRL

    lines = [
        DoctorLine(
            "installed: "
            + (_versions(("trl", "accelerate", "transformers", "peft", "vllm", "deepspeed")) or "-")
        ),
        DoctorLine(f"tested: trl {', '.join(TESTED_TRL)}"),
    ]
    faults = trl_faults()
    found = installed("trl").get("trl")
    if not faults and found not in TESTED_TRL:
        lines.append(DoctorLine(f"trl {found} was not tested; every hook that is needed is there"))
    lines += [DoctorLine(fault, ok=False) for fault in faults]
    return lines if faults else [*lines, DoctorLine("LeadGRPOTrainer can be used", ok=True)]


def _verl() -> list[DoctorLine]:
    from leadline.integrations.verl.guard import TESTED_VERL

    answer = verl_report()
    versions = ", ".join(f"{name} {version}" for name, version in answer["versions"].items())
    lines = [
        DoctorLine(f"installed: {versions or '-'}"),
        DoctorLine(f"tested: verl {', '.join(TESTED_VERL)}"),
    ]
    lines += [DoctorLine(fault, ok=False) for fault in answer["faults"]]
    if not answer["faults"]:
        lines.append(DoctorLine("verl loads the plug-in: the estimator `leadline` is registered", ok=True))
        engines = [name for name in ("vllm", "sglang") if name in answer["versions"]]
        lines.append(
            DoctorLine(
                f"rollout engines: {', '.join(engines) or 'none here (the nodes need vllm or sglang)'}"
            )
        )
    return lines


def _versions(packages: tuple[str, ...]) -> str:
    return ", ".join(f"{package} {version}" for package, version in installed(*packages).items())
