"""Whether the fused kernels can run: they need an NVIDIA GPU and Triton, which comes with torch's CUDA builds.

``LEADLINE_FUSED=0`` in the environment turns them off, for a machine whose Triton does not work (no C compiler, say).
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

import torch

__all__ = ["fused_kernels"]


@cache
def _has_triton() -> bool:
    return os.environ.get("LEADLINE_FUSED") != "0" and find_spec("triton") is not None


def fused_kernels(device: torch.device) -> bool:
    """True on a CUDA device where Triton is installed."""
    return device.type == "cuda" and _has_triton()
