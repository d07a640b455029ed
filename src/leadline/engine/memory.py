"""What a large model's step has freed goes back to the system, not only to the C library."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

from leadline.model import Decoder

__all__ = ["release_freed"]

_LARGE = 50_000_000
"""Parameters from which on it is worth it: below, all that a step frees is less than what the interpreter takes."""


def release_freed(model: Decoder) -> None:
    """After a step of a large model on the CPU: without it a process keeps what its largest step took.

    The activations of SmolLM2-135M (2 GB) stayed with the process, in pieces too small for the next step's.
    """
    trim = _malloc_trim()
    if trim is not None and model.device.type == "cpu" and _parameters(model) >= _LARGE:
        trim(0)


def _parameters(model: Decoder) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    """glibc's ``malloc_trim``; None with other C libraries."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
