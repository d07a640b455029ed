r"""Values with names: ``x=1, y=2``, ``(x,y)=(1,2)``, several solutions of a system."""

from __future__ import annotations

import itertools
import re

from leadline.grading.expressions.structure import Items, Named, Structure

__all__ = ["assigned", "by_name", "in_order"]

_SUBSCRIPT = re.compile(r"([A-Za-z]+)_?(\d+)")


def assigned(items: list[Structure]) -> list[Structure]:
    """Named values in a row, as one assignment, or as several of the same names; anything else as it is."""
    names = [item.name for item in items if isinstance(item, Named)]
    distinct = list(dict.fromkeys(names))
    size = len(distinct)
    if len(names) < len(items) or size < 2 or len(items) % size:
        return items
    if any(name != distinct[i % size] for i, name in enumerate(names)):
        return items
    groups = [Items("assignment", tuple(items[i : i + size])) for i in range(0, len(items), size)]
    return list(groups)


def by_name(items: Items) -> dict[str, Structure]:
    """The values of an assignment by their names, without what only says what sort of thing is named."""
    return {item.name.removeprefix("angle"): item.value for item in items.items if isinstance(item, Named)}


def in_order(items: Items) -> tuple[Structure, ...]:
    """The values of an assignment as a tuple means them: by the alphabet where the names are a run of it.

    ``y=2, x=1`` is ``(1, 2)``; ``length=3, width=2``, as written, is ``(3, 2)``.
    """
    values = by_name(items)
    names = list(values)
    if len({len(name) for name in names}) == 1 and all(len(name) == 1 and name.isalpha() for name in names):
        ordered = sorted(names)
        if all(ord(b) - ord(a) == 1 for a, b in itertools.pairwise(ordered)):
            names = ordered
    subscripts = [_SUBSCRIPT.fullmatch(name) for name in names]
    if all(subscripts) and len({match.group(1) for match in subscripts if match}) == 1:
        names = sorted(names, key=lambda name: int(_SUBSCRIPT.fullmatch(name).group(2)))  # type: ignore[union-attr]
    return tuple(values[name] for name in names)
