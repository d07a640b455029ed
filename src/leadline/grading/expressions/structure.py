r"""What an answer is made of: lists, tuples, intervals, unions, matrices, named values; leaves at the bottom."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from leadline.grading.expressions.leaf import Leaf

__all__ = ["Items", "Named", "NumberRange", "Structure", "Union", "canonical_text", "leaves_of", "to_latex"]


class Items(NamedTuple):
    """Several things, of one of these kinds.

    A ``tuple`` (order counts), a ``set`` or bare ``list`` (it does not), a ``matrix`` of rows, an ``assignment`` of
    values to names, a ``ratio`` of three or more, or ``mod``: a residue and its modulus. ``comma`` is set where a list
    of two is written like a number with a decimal comma.
    """

    kind: str
    items: tuple[Structure, ...]
    comma: bool = False


class NumberRange(NamedTuple):
    """Everything between two ends.

    ``closed`` says of each end whether it belongs, ``relation`` that it was written as an inequality.
    """

    low: Leaf
    high: Leaf
    closed: tuple[bool, bool]
    relation: bool = False
    name: str = ""


class Union(NamedTuple):
    """Several sets together."""

    parts: tuple[Structure, ...]


class Named(NamedTuple):
    """A value with its name: ``x = 5``, ``f(x) = 2x``, ``Maximum: 7``."""

    name: str
    value: Structure


Structure: TypeAlias = Leaf | Items | NumberRange | Union | Named


def canonical_text(structure: Structure) -> str:
    """One text for equal structures, as far as their leaves could be read: the ballot of a vote."""
    if isinstance(structure, Leaf):
        return structure.canonical
    if isinstance(structure, Named):
        return canonical_text(structure.value)
    if isinstance(structure, NumberRange):
        left, right = ("[" if structure.closed[0] else "("), ("]" if structure.closed[1] else ")")
        return f"{left}{structure.low.canonical},{structure.high.canonical}{right}"
    if isinstance(structure, Union):
        return "|".join(sorted(canonical_text(part) for part in structure.parts))
    texts = [canonical_text(item) for item in structure.items]
    if structure.kind == "mod":
        return " mod ".join(texts)
    if structure.kind == "ratio":
        return ":".join(texts)
    if structure.kind == "either":
        return " or ".join(sorted(texts))
    if structure.kind in ("tuple", "row", "assignment"):
        return "(" + ",".join(texts) + ")"
    if structure.kind == "matrix":
        return "[" + ",".join(texts) + "]"
    return "{" + ",".join(sorted(texts)) + "}"


def leaves_of(structure: Structure) -> list[Leaf]:
    """All leaves, left to right."""
    if isinstance(structure, Leaf):
        return [structure]
    if isinstance(structure, Named):
        return leaves_of(structure.value)
    if isinstance(structure, NumberRange):
        return [structure.low, structure.high]
    parts = structure.parts if isinstance(structure, Union) else structure.items
    return [leaf for part in parts for leaf in leaves_of(part)]


def to_latex(structure: Structure) -> str:
    """The structure spelt for a LaTeX parser."""
    if isinstance(structure, Leaf):
        return structure.text + (r"\%" if structure.unit == "%" else "")
    if isinstance(structure, Named):
        return to_latex(structure.value)
    if isinstance(structure, NumberRange):
        left, right = ("[" if structure.closed[0] else "("), ("]" if structure.closed[1] else ")")
        return f"{left}{structure.low.text}, {structure.high.text}{right}"
    if isinstance(structure, Union):
        return r" \cup ".join(to_latex(part) for part in structure.parts)
    if structure.kind == "matrix":
        rows = (
            r" & ".join(to_latex(cell) for cell in row.items)
            for row in structure.items
            if isinstance(row, Items)
        )
        return r"\begin{pmatrix}" + r" \\ ".join(rows) + r"\end{pmatrix}"
    inside = ", ".join(to_latex(item) for item in structure.items)
    return {"tuple": f"({inside})", "set": rf"\{{{inside}\}}"}.get(structure.kind, inside)
