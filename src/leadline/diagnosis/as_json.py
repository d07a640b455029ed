"""The parts of a diagnosis as JSON values: field by field, an interval as [value, lo, hi]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

__all__ = ["as_json"]


def as_json(value: Any) -> Any:
    """Data classes become objects of their fields, tuples (intervals among them) lists; numbers and text stay.

    >>> from leadline.stats import Interval
    >>> as_json({"rate": Interval(0.5, 0.4, 0.6), "ids": ("a",)})
    {'rate': [0.5, 0.4, 0.6], 'ids': ['a']}
    """
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: as_json(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(inner) for inner in value]
    return value
