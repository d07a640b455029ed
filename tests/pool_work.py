"""Work for the tests of process pools, in a module that imports next to nothing: every new process reads it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from leadline.errors import InputError


def slow_square(number: int, folder: str) -> int:
    """Note this process, wait until one of them has been killed, answer."""
    Path(folder, f"{number}-{os.getpid()}").touch()
    while not Path(f"{folder}.killed").exists():
        time.sleep(0.01)
    return number * number


def linger(folder: str) -> None:
    """Note this process and stay, far longer than any test."""
    Path(folder, f"pid-{os.getpid()}").touch()
    time.sleep(600)


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(_: int) -> None:
    raise InputError("not like this")
