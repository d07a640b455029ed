"""Sets on the line: unions, overlaps, and lines with points taken out."""

from __future__ import annotations

import math
import re

from leadline.grading.expressions.exact_form import approximate
from leadline.grading.expressions.leaf import Leaf, read_leaf
from leadline.grading.expressions.structure import Items, Named, NumberRange, Structure, Union

__all__ = [
    "INFINITY", "LINE", "as_range", "as_union", "intersection", "names_of", "range_end", "with_name", "without_points",
]  # fmt: skip

INFINITY = re.compile(r"^([+-]?)\s*\\infty$")
LINE = (Leaf(r"-\infty"), Leaf(r"\infty"), (False, False))


def as_union(items: list[Structure]) -> Structure:
    named = {item.name for item in items if isinstance(item, Named | NumberRange) and item.name}
    if len(named) > 1:
        return Items("list", tuple(items))  # they speak of several variables
    parts: list[Structure] = []
    for item in items:
        value = item.value if isinstance(item, Named) else item
        if isinstance(value, Union):
            parts.extend(value.parts)
        else:
            parts.append(Items("set", (value,)) if isinstance(value, Leaf) else value)
    if all(isinstance(part, Items) and part.kind == "set" for part in parts):
        return Items("set", tuple(item for part in parts if isinstance(part, Items) for item in part.items))
    return Union(tuple(parts))


def intersection(items: list[Structure]) -> Structure | None:
    """``x > 1`` and ``x \\le 3`` together; None where they do not overlap, or that cannot be seen."""
    items = [as_range(item) for item in items]
    ranges = [item for item in items if isinstance(item, NumberRange)]
    ends = [(_place(item.low), _place(item.high)) for item in ranges]
    if len(ranges) == len(items) and not any(None in pair for pair in ends):
        low = max(ranges, key=lambda item: (_place(item.low), not item.closed[0]))
        high = min(ranges, key=lambda item: (_place(item.high), item.closed[1]))
        if _place(low.low) < _place(high.high):  # type: ignore[operator]
            relation = all(item.relation for item in ranges)
            return NumberRange(low.low, high.high, (low.closed[0], high.closed[1]), relation, low.name)
        return None
    below = [item for item in items if isinstance(item, NumberRange) and is_infinite(item.high)]
    above = [item for item in items if isinstance(item, NumberRange) and is_infinite(item.low)]
    if len(below) != 1 or len(above) != 1:
        return None
    return NumberRange(below[0].low, above[0].high, (below[0].closed[0], above[0].closed[1]), True)


def as_range(item: Structure) -> Structure:
    """``(0, 1)`` as the open interval that it may be."""
    ends = item.items if isinstance(item, Items) and item.kind == "tuple" else ()
    if len(ends) == 2 and isinstance(ends[0], Leaf) and isinstance(ends[1], Leaf):
        return NumberRange(ends[0], ends[1], (False, False))
    return item


def with_name(value: NumberRange | Union, name: str) -> NumberRange | Union:
    """The set of all values that ``name`` may have."""
    if isinstance(value, NumberRange):
        return value._replace(name=name)
    return Union(
        tuple(part._replace(name=name) if isinstance(part, NumberRange) else part for part in value.parts)
    )


def names_of(value: NumberRange | Union) -> set[str]:
    """Of which variables a set says something."""
    parts = value.parts if isinstance(value, Union) else (value,)
    return {part.name for part in parts if isinstance(part, NumberRange) and part.name}


def range_end(text: str) -> Leaf:
    """What a line reaches to: a value, or infinity in one spelling."""
    match = INFINITY.match(text)
    if match is not None:
        return Leaf(r"-\infty" if match.group(1) == "-" else r"\infty")
    return read_leaf(text)


def is_infinite(leaf: Leaf) -> bool:
    return INFINITY.match(leaf.text) is not None


def without_points(pieces: list[NumberRange], points: list[Structure]) -> Structure | None:
    cuts: list[tuple[float, Leaf]] = []
    for point in points:
        place = _place(point) if isinstance(point, Leaf) else None
        if place is None or not isinstance(point, Leaf):
            return None
        cuts.append((place, point))
    for place, point in sorted(cuts, key=lambda cut: cut[0]):
        last = pieces[-1]
        low, high = _place(last.low), _place(last.high)
        if low is None or high is None or not low < place < high:
            return None
        left, right = (last.closed[0], False), (False, last.closed[1])
        pieces[-1:] = [last._replace(high=point, closed=left), last._replace(low=point, closed=right)]
    return Union(tuple(piece._replace(relation=False) for piece in pieces))


def _place(leaf: Leaf) -> float | None:
    """Where an end lies on the line."""
    if leaf.form is not None:
        return approximate(leaf.form)
    return {r"\infty": math.inf, r"-\infty": -math.inf}.get(leaf.text)
