"""Structures against structures, in three values: yes, no, and not without algebra."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

from leadline.grading.comparison.leaves import same_leaf
from leadline.grading.comparison.vectors import by_components
from leadline.grading.expressions.assignments import by_name, in_order
from leadline.grading.expressions.leaf import Leaf
from leadline.grading.expressions.structure import Items, Named, NumberRange, Structure, Union, to_latex
from leadline.grading.expressions.structure_reader import read_structure
from leadline.grading.verdict import Strictness

__all__ = ["LeafTest", "same", "same_cheaply"]

LeafTest: TypeAlias = Callable[[Leaf, Leaf], bool | None]


def same_cheaply(gold: Structure, answer: Structure, comparison: Strictness) -> bool | None:
    """Whether two answers are equal, as far as exact arithmetic and spelling tell; None leaves it to algebra."""
    return same(gold, answer, lambda g, a: same_leaf(g, a, comparison), comparison)


def same(gold: Structure, answer: Structure, leaves: LeafTest, comparison: Strictness) -> bool | None:
    """Whether two structures are equal, given a test of their leaves."""
    if isinstance(gold, Named) and isinstance(answer, Named):
        verdict = same(gold.value, _renamed(answer, gold), leaves, comparison)
        if comparison.strict and not _names_agree(gold.name, answer.name):
            return False
        return verdict if verdict is not True or _names_agree(gold.name, answer.name) else None
    gold = gold.value if isinstance(gold, Named) else gold
    answer = answer.value if isinstance(answer, Named) else answer
    if isinstance(gold, Leaf) and isinstance(answer, Leaf):
        return leaves(gold, answer)
    if isinstance(gold, NumberRange) and isinstance(answer, NumberRange):
        if answer.relation and not gold.relation and not comparison.allow_set_relation_comp:
            return None
        return _intervals(gold, answer, leaves, comparison)
    if isinstance(gold, Union) and isinstance(answer, Union):
        return _unordered(gold.parts, answer.parts, leaves, comparison)
    if isinstance(gold, Items) and isinstance(answer, Items):
        return _items(gold, answer, leaves, comparison)
    return _mixed(gold, answer, leaves, comparison)


def _names_agree(gold: str, answer: str) -> bool:
    """``x = 1`` is no answer to ``y = 1``, but words may say what a letter stands for, and arguments are bound."""
    ours, theirs = gold.lower().removeprefix("angle"), answer.lower().removeprefix("angle")
    if ours == theirs:
        return True
    if _exclude_each_other(gold, answer):
        return False
    if "(" in ours and "(" in theirs:
        return ours.split("(")[0] == theirs.split("(")[0]
    if "=" in ours or "=" in theirs:
        return set(ours.split("=")) <= set(theirs.split("=")) or set(theirs.split("=")) <= set(
            ours.split("=")
        )
    return "(" in ours + theirs or any(len(name) > 1 and name.isalpha() for name in (ours, theirs))


_POINTS = re.compile(r"[A-Z]{2,4}")
_OF_SOMETHING = re.compile(r"\w+\((?![a-z]\)).*\)")
_ANYTHING = re.compile(r"answer|ans|result|total|value|solution|final|number|amount|probability|sum|ways")


def _exclude_each_other(gold: str, answer: str) -> bool:
    """Whether two names are those of different things: ``AB`` and ``CD``, ``P(A)`` and ``P(B)``, area and perimeter."""
    if _POINTS.fullmatch(gold) and _POINTS.fullmatch(answer):
        return sorted(gold) != sorted(answer)
    if _OF_SOMETHING.fullmatch(gold) and _OF_SOMETHING.fullmatch(answer):
        return gold.split("(")[1:] != answer.split("(")[1:]
    ours, theirs = gold.lower(), answer.lower()
    if (
        not all(name.isalpha() and len(name) > 2 for name in (ours, theirs))
        or ours in theirs
        or theirs in ours
    ):
        return False
    return not (_ANYTHING.search(ours) or _ANYTHING.search(theirs))


_FUNCTION = re.compile(r"\w+'*\(([a-z])\)")


def _renamed(answer: Named, gold: Named) -> Structure:
    """The value of ``f(m) = 2m`` in the variable of ``f(n) = 2n``."""
    theirs, ours = _FUNCTION.fullmatch(answer.name), _FUNCTION.fullmatch(gold.name)
    if theirs is None or ours is None or theirs.group(1) == ours.group(1):
        return answer.value
    exchanged = {ours.group(1): theirs.group(1), theirs.group(1): ours.group(1)}
    letters = re.compile(rf"\\[a-zA-Z]+|[{ours.group(1)}{theirs.group(1)}]")
    return read_structure(letters.sub(lambda m: exchanged.get(m.group(), m.group()), to_latex(answer.value)))


def _all(verdicts: Sequence[bool | None]) -> bool | None:
    """Kleene's conjunction: one no is a no, all yes is a yes."""
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _intervals(
    gold: NumberRange, answer: NumberRange, leaves: LeafTest, comparison: Strictness
) -> bool | None:
    if comparison.strict and gold.name and answer.name and not _names_agree(gold.name, answer.name):
        return False
    ends = _all([_ends(gold.low, answer.low, leaves), _ends(gold.high, answer.high, leaves)])
    return ends if gold.closed == answer.closed else False if ends is not None else None


def _ends(gold: Leaf, answer: Leaf, leaves: LeafTest) -> bool | None:
    if "infty" in gold.text or "infty" in answer.text:
        return gold.text == answer.text
    return leaves(gold, answer)


def _items(gold: Items, answer: Items, leaves: LeafTest, comparison: Strictness) -> bool | None:
    if "assignment" in (gold.kind, answer.kind):
        return _assignments(gold, answer, leaves, comparison)
    if "mod" in (gold.kind, answer.kind):
        return _congruences(gold, answer, leaves, comparison)
    if (gold.kind == "either") != (answer.kind == "either"):
        return False  # A or B is not A and B
    if "ratio" in (gold.kind, answer.kind):
        return _in_order(gold.items, answer.items, leaves, comparison) if gold.kind == answer.kind else False
    flat_gold, flat_answer = _as_vector(gold), _as_vector(answer)
    if flat_gold is not None and flat_answer is not None:
        gold, answer = flat_gold, flat_answer
    if gold.kind == "matrix" and answer.kind == "matrix":
        return _in_order(gold.items, answer.items, leaves, comparison)
    if "matrix" in (gold.kind, answer.kind):
        return None
    kinds = {gold.kind, answer.kind}
    if kinds in ({"tuple"}, {"row"}, {"tuple", "list"}):
        return _in_order(gold.items, answer.items, leaves, comparison)
    if kinds == {"tuple", "set"}:
        for one, other in ((gold, answer), (answer, gold)):
            if one.kind == "set" and len(one.items) == 1 and isinstance(one.items[0], Items):
                return same(one.items[0], other, leaves, comparison)
        return None
    if kinds == {"set"} and _nested(gold) != _nested(answer):
        return False  # a set of sets
    return _unordered(gold.items, answer.items, leaves, comparison)


def _nested(items: Items) -> bool:
    return any(isinstance(item, Items) and item.kind == "set" for item in items.items)


def _assignments(gold: Items, answer: Items, leaves: LeafTest, comparison: Strictness) -> bool | None:
    """Values with names are matched by name; against a tuple or a list, in order."""
    if gold.kind == answer.kind:
        ours, theirs = by_name(gold), by_name(answer)
        if ours.keys() != theirs.keys():
            return False
        return _all([same(ours[name], theirs[name], leaves, comparison) for name in ours])
    if gold.kind == "list" and all(len(name) > 1 and name.isalpha() for name in by_name(answer)):
        # The gold does not say whose value is which; words are no variables with an order.
        return _unordered(gold.items, tuple(by_name(answer).values()), leaves, comparison)
    if any(
        side.kind != "assignment" and any(isinstance(i, Named) for i in side.items) for side in (gold, answer)
    ):
        return False  # all of one name on one side, of several on the other
    sides = [in_order(side) if side.kind == "assignment" else _sequence(side) for side in (gold, answer)]
    ours_, theirs_ = sides
    if ours_ is None or theirs_ is None or len(ours_) != len(theirs_):
        return False
    return _in_order(ours_, theirs_, leaves, comparison)


def _sequence(items: Items) -> tuple[Structure, ...] | None:
    """The items of what has an order; a list of one tuple is that tuple."""
    if len(items.items) == 1 and isinstance(items.items[0], Items):
        return _sequence(items.items[0])
    vector = _as_vector(items)
    if vector is not None:
        return vector.items
    return items.items if items.kind == "list" else None


def _congruences(gold: Items, answer: Items, leaves: LeafTest, comparison: Strictness) -> bool | None:
    if gold.kind != answer.kind:
        return False
    (g, modulus), (a, other) = gold.items, answer.items
    numbers = [leaf.number if isinstance(leaf, Leaf) else None for leaf in (g, a, modulus)]
    if None not in numbers and numbers[2] and (numbers[0] - numbers[1]) % numbers[2] == 0:  # type: ignore[operator]
        return same(modulus, other, leaves, comparison)
    return _in_order(gold.items, answer.items, leaves, comparison)


def _as_vector(items: Items) -> Items | None:
    """A matrix of one row or one column, or a tuple, as a tuple."""
    if items.kind == "tuple":
        return items
    if items.kind != "matrix":
        return None
    rows = [row for row in items.items if isinstance(row, Items)]
    if len(rows) == 1:
        return Items("tuple", rows[0].items)
    if all(len(row.items) == 1 for row in rows):
        return Items("tuple", tuple(row.items[0] for row in rows))
    return None


def _in_order(
    gold: Sequence[Structure], answer: Sequence[Structure], leaves: LeafTest, comparison: Strictness
) -> bool | None:
    if len(gold) != len(answer):
        return None
    return _all([same(g, a, leaves, comparison) for g, a in zip(gold, answer, strict=True)])


def _unordered(
    gold: Sequence[Structure], answer: Sequence[Structure], leaves: LeafTest, comparison: Strictness
) -> bool | None:
    """Every item of each side has its own partner on the other; said twice, it has two, or says nothing new."""
    if len(gold) != len(answer):
        gold, answer = _distinct(gold), _distinct(answer)
    if len(gold) != len(answer):
        return None
    ours, theirs = _counted(gold), _counted(answer)
    if any(theirs[noun] != ours[noun] for noun in ours.keys() & theirs.keys()):
        return False
    left = list(answer)
    unsure = False
    for g in gold:
        verdicts = [same(g, a, leaves, comparison) for a in left]
        if True in verdicts:
            del left[verdicts.index(True)]
        elif None in verdicts:
            unsure = True
        else:
            return False
    return None if unsure else True


def _counted(items: Sequence[Structure]) -> dict[str, Fraction | None]:
    """How many there are of each thing that is counted."""
    leaves = [
        item for item in items if isinstance(item, Leaf) and item.measure is not None and item.measure.noun
    ]
    return {leaf.measure.noun: leaf.number for leaf in leaves if leaf.measure is not None}


def _distinct(items: Sequence[Structure]) -> list[Structure]:
    kept: list[Structure] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept


def _mixed(gold: Structure, answer: Structure, leaves: LeafTest, comparison: Strictness) -> bool | None:
    """Structures of two sorts."""
    if isinstance(answer, NumberRange) and answer.relation and not comparison.allow_set_relation_comp:
        return None
    if isinstance(gold, Items) and isinstance(answer, NumberRange) and gold.kind == "tuple":
        gold, answer = answer, gold
    if isinstance(gold, NumberRange) and gold.closed == (False, False) and isinstance(answer, Items):
        # (0, 1) may be a pair or an open interval.
        ends = answer.items if answer.kind in ("tuple", "list") and len(answer.items) == 2 else ()
        pairs = [(g, a) for g, a in zip((gold.low, gold.high), ends, strict=False) if isinstance(a, Leaf)]
        if len(pairs) == 2:
            return _all([_ends(g, a, leaves) for g, a in pairs])
    for one, many in ((gold, answer), (answer, gold)):
        vector = _as_vector(many) if isinstance(many, Items) and isinstance(one, Leaf) else None
        components = (
            by_components(one, len(vector.items)) if vector is not None and isinstance(one, Leaf) else None
        )
        if vector is not None and components is not None:
            sides = (components.items, vector.items) if one is gold else (vector.items, components.items)
            return _in_order(*sides, leaves, comparison)
        if (
            isinstance(one, Union)
            and isinstance(many, Items)
            and any(isinstance(i, NumberRange) for i in many.items)
        ):
            return False
        if isinstance(many, Items) and isinstance(one, Leaf) and many.kind in ("list", "set") and many.items:
            if many.comma and one.number is not None and (one.decimal or one.number.denominator > 1):
                return _decimal_comma(many) == one.number or None
            # One value said several times over: "1/2 or 0.5".
            if many.kind == "set" and many.items == (Leaf(r"\emptyset"),):
                return False  # it has one member
            found = [same(one, item, leaves, comparison) for item in many.items]
            if many.kind == "list" or len(found) == 1:
                return False if False in found else _all(found)
    return None


def _decimal_comma(items: Items) -> Fraction | None:
    """The number that ``1,22`` is where the comma is the decimal sign."""
    if items.kind != "list" or len(items.items) != 2:
        return None
    whole, part = items.items
    if not (isinstance(whole, Leaf) and isinstance(part, Leaf) and part.text.isdecimal()):
        return None
    number = whole.number
    if number is None or not whole.text.lstrip("-").isdecimal():
        return None
    sign = -1 if whole.text.startswith("-") else 1
    return number + sign * Fraction(int(part.text), 10 ** len(part.text))
