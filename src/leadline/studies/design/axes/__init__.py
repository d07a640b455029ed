"""The axes, one a file, by name; ``module:function`` names one of a user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from leadline.errors import InputError
from leadline.rewards.user_functions import guarded, resolve
from leadline.studies.design.axes.composition import composition
from leadline.studies.design.axes.depth import depth
from leadline.studies.design.axes.length import length
from leadline.studies.design.axes.tokens import tokens
from leadline.studies.design.cell import Axis

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
    if ":" not in name:
        raise InputError(f"axis {name!r}: not one of {', '.join(AXES)}, nor module:function")
    axis = guarded(resolve(name, what="axis"), f"axis {name!r}")()
    if not isinstance(axis, Axis):
        raise InputError(f"axis {name!r}: gave a {type(axis).__name__}, not an Axis")
    return axis
