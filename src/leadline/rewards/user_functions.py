"""A user's own reward or grader, named in a recipe as ``module:function``."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from leadline.errors import ConfigError, LeadlineError

__all__ = ["check_name", "guarded", "named_grader", "resolve"]


def resolve(name: str, *, what: str = "function") -> Callable[..., Any]:
    """The function that ``module:function`` names, for instance ``my_rewards:brevity``.

    The module is looked for where Python looks, then in the working directory. Signatures::

        def my_reward(completion: Completion, problem: Problem) -> float: ...
        def my_grader(response: str, gold: str) -> bool | None | Grade: ...  # None: the reference answer cannot be used

    Args:
        name: ``module:function``; the function may be an attribute path (``module:Class.method``).
        what: what it is for, named in errors.

    Raises:
        ConfigError: not of that form, no such module or function, not callable, or its import fails.

    >>> resolve("math:sqrt")(9.0)
    3.0
    """
    module_name, path = _parts(name, what)
    found: Any = _module(module_name, f"{what} {name!r}")
    for part in path.split("."):
        if not hasattr(found, part):
            raise ConfigError(f"{what} {name!r}: module {module_name!r} has no {path!r}")
        found = getattr(found, part)
    if not callable(found):
        raise ConfigError(f"{what} {name!r}: is a {type(found).__name__}, not a function")
    return found  # type: ignore[no-any-return]


def check_name(name: str, *, what: str = "function") -> None:
    """Look whether there is such a module, without running any of it: for plans, which run nobody's code.

    Raises:
        ConfigError: not of the form ``module:function``, or no such module.
    """
    module_name, _ = _parts(name, what)
    top = module_name.partition(".")[0]
    with _working_directory() as here:
        try:
            there = (
                importlib.util.find_spec(top) is not None
            )  # of a top-level name: nothing is imported for it
        except (ImportError, ValueError):
            there = False
    if not there:
        raise ConfigError(f"{what} {name!r}: no module named {top!r} (looked in {here} too)")


def guarded(function: Callable[..., Any], place: str) -> Callable[..., Any]:
    """A user's function that cannot end, or speak for, the command that calls it.

    What it prints goes to standard error; what it raises, ``sys.exit`` among it, becomes one line with its place.

    Raises:
        ConfigError: by the function returned, in the place of anything that the user's one raises.
    """

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                return function(*arguments, **options)
        except LeadlineError:
            raise
        except (Exception, SystemExit) as error:
            raise ConfigError(f"{place}: {_said(error)}") from error

    return call


def named_grader(name: str) -> Callable[..., Any]:
    """The grader that a recipe or an option names, guarded.

    Raises:
        ConfigError: as :func:`resolve`.
    """
    return guarded(resolve(name, what="grader"), f"grader {name!r}")


def _said(error: BaseException) -> str:
    """What a user's code raised and where, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    message = " ".join(str(error).split())[:200]
    return f"raised {type(error).__name__}{f': {message}' if message else ''}{where}"


def _parts(name: str, what: str) -> tuple[str, str]:
    module_name, colon, path = name.partition(":")
    if not (colon and module_name and path) or module_name.startswith("."):
        raise ConfigError(f"{what} {name!r}: expected 'module:function'")
    return module_name, path


@contextlib.contextmanager
def _working_directory() -> Iterator[str]:
    """The working directory on Python's path, behind everything else."""
    here = os.getcwd()
    added = here not in sys.path and "" not in sys.path
    if added:
        sys.path.append(here)
    try:
        yield here
    finally:
        if added:
            sys.path.remove(here)


def _module(name: str, place: str) -> Any:
    with _working_directory() as here, contextlib.redirect_stdout(sys.stderr):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ConfigError(f"{place}: no module named {error.name!r} (looked in {here} too)") from error
        except (Exception, SystemExit) as error:  # whatever a user's module raises
            raise ConfigError(f"{place}: importing {name!r} {_said(error)}") from error
