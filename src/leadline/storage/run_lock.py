"""The lock of a run directory: held by the one process that writes it, and given back however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from leadline.errors import InputError, StorageError
from leadline.storage.outputs import refusals_as_storage_errors

__all__ = ["is_locked", "take_lock"]

_NAME = ".lock"
_TRIES = 5
_BETWEEN_SECONDS = 0.02


def take_lock(root: Path) -> int:
    """Lock the run for this process and return the handle, which gives the lock back when it is closed.

    Raises:
        InputError: another process has it.
        StorageError: the disk refused.
    """
    path = root / _NAME
    with refusals_as_storage_errors(path):
        root.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _lock(handle)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        owner = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
        os.close(handle)
        raise InputError(f"{root}: another process (pid {owner or 'unknown'}) is writing this run") from error
    except OSError as error:
        os.close(handle)
        raise StorageError(f"{path}: cannot lock: {error.strerror}") from error
    return handle


def _lock(handle: int) -> None:
    """Somebody who only looks (:func:`is_locked`) has it for microseconds, so that once refused is not refused."""
    for _ in range(_TRIES - 1):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(_BETWEEN_SECONDS)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_locked(root: Path) -> bool | None:
    """Whether a process is writing the run; None where that cannot be asked (no lock, or no permission)."""
    try:
        handle = os.open(root / _NAME, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(handle)
    return False
