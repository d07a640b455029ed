"""A user's own reward or grader, named in a recipe as ``module:function``."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from leadline.errors import ConfigError

__all__ = ["resolve"]


def resolve(name: str, *, what: str = "function") -> Callable[..., Any]:
    """The function that ``module:function`` names, for instance ``my_rewards:brevity``.

    The module is looked for where Python looks, then in the working directory. Signatures::

        def my_reward(completion: Completion, problem: Problem) -> float: ...
        def my_grader(response: str, gold: str) -> bool | None | Grade: ...  # None: the gold is at fault

    Args:
        name: ``module:function``; the function may be an attribute path (``module:Class.method``).
        what: what it is for, named in errors.

    Raises:
        ConfigError: not of that form, no such module or function, not callable, or its import fails.

    >>> resolve("math:sqrt")(9.0)
    3.0
    """
    module_name, colon, path = name.partition(":")
    if not (colon and module_name and path):
        raise ConfigError(f"{what} {name!r}: expected 'module:function'")
    found: Any = _module(module_name, f"{what} {name!r}")
    for part in path.split("."):
        if not hasattr(found, part):
            raise ConfigError(f"{what} {name!r}: module {module_name!r} has no {path!r}")
        found = getattr(found, part)
    if not callable(found):
        raise ConfigError(f"{what} {name!r}: is a {type(found).__name__}, not a function")
    return found  # type: ignore[no-any-return]


def _module(name: str, place: str) -> Any:
    here = os.getcwd()
    added = here not in sys.path and "" not in sys.path
    if added:
        sys.path.append(here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{place}: no module named {error.name!r} (looked in {here} too)") from error
    except Exception as error:  # whatever a user's module raises
        raise ConfigError(f"{place}: importing {name!r} failed: {type(error).__name__}: {error}") from error
    finally:
        if added:
            sys.path.remove(here)
