"""The axes, one a file, by name; ``module:function`` names one of a user's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from leadline.errors import InputError
from leadline.studies.axes.composition import composition
from leadline.studies.axes.depth import depth
from leadline.studies.axes.length import length
from leadline.studies.axes.tokens import tokens
from leadline.studies.cell import Axis

__all__ = ["AXES", "find_axis"]

AXES: Mapping[str, Callable[[], Axis]] = {
    "depth": depth,
    "length": length,
    "tokens": tokens,
    "composition": composition,
}


def find_axis(name: str) -> Axis:
    """The axis of that name, or what ``module:function`` returns.

    Raises:
        InputError: there is none.
    """
    if name in AXES:
        return AXES[name]()
    module, colon, attribute = name.partition(":")
    if not colon:
        raise InputError(f"axis {name!r}: not one of {', '.join(AXES)}, nor module:function")
    try:
        make = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as fault:
        raise InputError(f"axis {name!r}: {fault}") from fault
    axis = make() if callable(make) else make
    if not isinstance(axis, Axis):
        raise InputError(f"axis {name!r}: gave a {type(axis).__name__}, not an Axis")
    return axis
