"""The machines that come with leadline, by name; ``module:attribute`` names one of a user's own."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType

from leadline.errors import InputError
from leadline.tasks.arithmetic import arithmetic_machine
from leadline.tasks.machine import Machine
from leadline.tasks.strings import string_machine
from leadline.tasks.walks import walk_machine

__all__ = ["find_machine", "machine_names"]

_MAKERS: Mapping[str, Callable[[], Machine]] = {
    "strings": lambda: string_machine(6, "strings"),
    "strings4": lambda: string_machine(4, "strings4"),
    "arithmetic": arithmetic_machine,
    "walks": walk_machine,
}


def machine_names() -> list[str]:
    """Names that :func:`find_machine` knows without importing anything."""
    return list(_MAKERS)


@cache
def find_machine(name: str) -> Machine:
    """The machine of that name.

    Raises:
        InputError: no such machine, or ``module:attribute`` names none.
    """
    if name in _MAKERS:
        return _MAKERS[name]()
    module, colon, attribute = name.partition(":")
    if not colon:
        raise InputError(f"machine {name!r}: not one of {', '.join(_MAKERS)}, nor module:attribute")
    try:
        found = getattr(_module(module), attribute)
    except (ImportError, AttributeError) as fault:
        raise InputError(f"machine {name!r}: {fault}") from fault
    if not isinstance(found, Machine):
        raise InputError(f"machine {name!r}: a {type(found).__name__}, not a Machine")
    return found


def _module(name: str) -> ModuleType:
    """Looked for where Python looks, then in the working directory (which a console script does not look in)."""
    here = os.getcwd()
    sys.path.append(here)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(here)
