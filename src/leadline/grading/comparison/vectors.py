r"""Vectors by their unit vectors: ``3i - 2j`` beside ``(3, -2)``."""

from __future__ import annotations

from leadline.grading.expressions.exact_form import Form, Power, canonical
from leadline.grading.expressions.leaf import Leaf
from leadline.grading.expressions.structure import Items

__all__ = ["by_components"]

_UNITS = ("i", "j", "k")


def by_components(leaf: Leaf, size: int) -> Items | None:
    r"""A sum of multiples of i, j and k as a tuple of ``size``; None for any other value (``3 + 4i`` is a number).

    >>> from leadline.grading.expressions.leaf import read_leaf
    >>> [part.text for part in by_components(read_leaf("3i-2k"), 3).items], by_components(read_leaf("3+4i"), 2)
    (['3', '0', '-2'], None)
    """
    if leaf.form is None or size not in (2, 3):
        return None
    parts: list[Form] = [{}, {}, {}]
    for term, value in leaf.form.items():
        found = [unit for unit in _UNITS if Power(unit, 1) in term.powers]
        if len(found) != 1:
            return None
        powers = tuple(power for power in term.powers if power.atom != found[0])
        parts[_UNITS.index(found[0])][term._replace(powers=powers)] = value
    if not any(parts[1:]) or (size == 2 and parts[2]):
        return None
    return Items("tuple", tuple(Leaf(canonical(form), form, decimal=leaf.decimal) for form in parts[:size]))
