"""Sets on the line: unions, overlaps, and lines with points taken out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from leadline.grading.expressions.exact_form import approximate
from leadline.grading.expressions.leaf import Leaf, read_leaf
from leadline.grading.expressions.structure import Items, Named, NumberRange, Structure, Union

__all__ = [
    "INFINITY",
    "LINE",
    "as_range",
    "as_union",
    "common_members",
    "intersection",
    "names_of",
    "on_one_line",
    "range_end",
    "remainder",
    "with_name",
    "without_points",
]  # fmt: skip

INFINITY = re.compile(r"^([+-]?)\s*\\infty$")
MAX_PIECES = 50
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
    sets = [_pieces(item) for item in items]
    if all(
        0 < len(pieces) <= MAX_PIECES and all(None not in _ends(piece) for piece in pieces) for pieces in sets
    ):
        common = sets[0]
        for pieces in sets[1:]:
            met = [_met(one, other) for one in common for other in pieces]
            common = [piece for piece in met if piece is not None]
            if not common or len(common) > MAX_PIECES:
                return None
        return common[0] if len(common) == 1 else Union(tuple(p._replace(relation=False) for p in common))
    below = [item for item in items if isinstance(item, NumberRange) and is_infinite(item.high)]
    above = [item for item in items if isinstance(item, NumberRange) and is_infinite(item.low)]
    if len(items) != 2 or len(below) != 1 or len(above) != 1:
        return None
    return NumberRange(
        below[0].low, above[0].high, (below[0].closed[0], above[0].closed[1]), True, below[0].name
    )


def on_one_line(items: list[Structure], joined: bool) -> Structure | None:
    """What several statements about one variable leave of its line; None unless all are such statements.

    ``joined`` are those with "and" between them: all of them hold. Behind commas, ``x < -2, x > 2`` cannot hold
    together, so one of them does, and ``x \\ge 0, x \\ne 1`` takes a point away. Of other commas nothing is said.
    """
    if not all(isinstance(item, NumberRange | Union) for item in items):
        return None
    names = {name for item in items if isinstance(item, NumberRange | Union) for name in names_of(item)}
    if joined:
        return intersection(items) if len(names) < 2 else None
    if len(names) != 1 or not all(
        isinstance(item, Union) or (isinstance(item, NumberRange) and item.name) for item in items
    ):
        return None
    if any(isinstance(item, Union) for item in items):
        return intersection(items)
    ranges = [item for item in items if isinstance(item, NumberRange)][: MAX_PIECES + 1]
    if len(ranges) > MAX_PIECES:
        return None
    apart = all(_met(one, other) is None for i, one in enumerate(ranges) for other in ranges[:i])
    known = not any(None in _ends(item) for item in ranges)
    return as_union(list(ranges)) if known and apart else None


def common_members(items: list[Structure]) -> Items | None:
    """What finite sets of values have in common."""
    if not all(isinstance(item, Items) and item.kind == "set" for item in items):
        return None
    kept = list(items[0].items) if isinstance(items[0], Items) else []
    for item in items[1:]:
        if not isinstance(item, Items) or not (_valued(kept) and _valued(item.items)):
            return None
        kept = [one for one in kept if _in(one, item.items)]
    return Items("set", tuple(kept))


def remainder(whole: Items, taken: Structure) -> Items | None:
    """A finite set without the members of another one."""
    if (
        not isinstance(taken, Items)
        or taken.kind != "set"
        or not (_valued(whole.items) and _valued(taken.items))
    ):
        return None
    return Items("set", tuple(one for one in whole.items if not _in(one, taken.items)))


def _valued(items: Iterable[Structure]) -> bool:
    return all(isinstance(item, Leaf) and item.form is not None for item in items)


def _in(one: Structure, items: Iterable[Structure]) -> bool:
    return any(isinstance(one, Leaf) and isinstance(item, Leaf) and one.form == item.form for item in items)


def _pieces(item: Structure) -> list[NumberRange]:
    """The intervals of a set on the line; none where it is not made of intervals alone."""
    parts = item.parts if isinstance(item, Union) else (item,)
    pieces = [part for part in parts if isinstance(part, NumberRange)]
    return pieces if len(pieces) == len(parts) else []


def _ends(item: NumberRange) -> tuple[float | None, float | None]:
    return _place(item.low), _place(item.high)


def _met(one: NumberRange, other: NumberRange) -> NumberRange | None:
    """Where two intervals overlap."""
    if None in _ends(one) or None in _ends(other):
        return None
    low = max(one, other, key=lambda item: (_place(item.low), not item.closed[0]))
    high = min(one, other, key=lambda item: (_place(item.high), item.closed[1]))
    if not _place(low.low) < _place(high.high):  # type: ignore[operator]
        return None
    relation = one.relation and other.relation
    return NumberRange(low.low, high.high, (low.closed[0], high.closed[1]), relation, one.name or other.name)


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
