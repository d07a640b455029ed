"""Structures against structures, in three values: yes, no, and not without algebra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

from leadline.grading.comparison.leaves import same_leaf
from leadline.grading.comparison.value_names import in_variable_of, names_agree
from leadline.grading.comparison.vectors import by_components
from leadline.grading.expressions.assignments import by_name, in_order
from leadline.grading.expressions.leaf import Leaf
from leadline.grading.expressions.structure import Items, Named, NumberRange, Structure, Union
from leadline.grading.verdict import Strictness

__all__ = ["LeafTest", "StructureTest", "same_cheaply"]

LeafTest: TypeAlias = Callable[[Leaf, Leaf, Strictness], bool | None]


def same_cheaply(gold: Structure, answer: Structure, comparison: Strictness) -> bool | None:
    """Whether two answers are equal, as far as exact arithmetic and spelling tell; None leaves it to algebra."""
    return StructureTest(same_leaf, comparison).same(gold, answer)


class StructureTest:
    """Whether structures are equal, in three values, given a test of their leaves."""

    def __init__(self, leaf_test: LeafTest, comparison: Strictness) -> None:
        self.leaf_test, self.comparison = leaf_test, comparison

    def _same_leaf(self, gold: Leaf, answer: Leaf) -> bool | None:
        return self.leaf_test(gold, answer, self.comparison)

    def same(self, gold: Structure, answer: Structure) -> bool | None:
        """Whether they are equal; a name on one side alone says nothing."""
        if isinstance(gold, Named) and isinstance(answer, Named):
            verdict = self.same(gold.value, in_variable_of(answer, gold))
            if self.comparison.strict and not names_agree(gold.name, answer.name):
                return False
            return verdict if verdict is not True or names_agree(gold.name, answer.name) else None
        gold = gold.value if isinstance(gold, Named) else gold
        answer = answer.value if isinstance(answer, Named) else answer
        if isinstance(gold, Leaf) and isinstance(answer, Leaf):
            return self._same_leaf(gold, answer)
        if isinstance(gold, NumberRange) and isinstance(answer, NumberRange):
            if answer.relation and not gold.relation and not self.comparison.allow_set_relation_comp:
                return None
            return self._intervals(gold, answer)
        if isinstance(gold, Union) and isinstance(answer, Union):
            return self._unordered(gold.parts, answer.parts)
        if isinstance(gold, Items) and isinstance(answer, Items):
            return self._items(gold, answer)
        return self._mixed(gold, answer)

    def _intervals(self, gold: NumberRange, answer: NumberRange) -> bool | None:
        if self.comparison.strict and gold.name and answer.name and not names_agree(gold.name, answer.name):
            return False
        ends = _all([self._ends(gold.low, answer.low), self._ends(gold.high, answer.high)])
        return ends if gold.closed == answer.closed else False if ends is not None else None

    def _ends(self, gold: Leaf, answer: Leaf) -> bool | None:
        if "infty" in gold.text or "infty" in answer.text:
            return gold.text == answer.text
        return self._same_leaf(gold, answer)

    def _items(self, gold: Items, answer: Items) -> bool | None:
        if "assignment" in (gold.kind, answer.kind):
            return self._assignments(gold, answer)
        if "mod" in (gold.kind, answer.kind):
            return self._congruences(gold, answer)
        if (gold.kind == "either") != (answer.kind == "either"):
            return False  # A or B is not A and B
        if "ratio" in (gold.kind, answer.kind):
            return self._in_order(gold.items, answer.items) if gold.kind == answer.kind else False
        flat_gold, flat_answer = _as_vector(gold), _as_vector(answer)
        if flat_gold is not None and flat_answer is not None:
            gold, answer = flat_gold, flat_answer
        if gold.kind == "matrix" and answer.kind == "matrix":
            return self._in_order(gold.items, answer.items)
        if "matrix" in (gold.kind, answer.kind):
            return None
        kinds = {gold.kind, answer.kind}
        if kinds in ({"tuple"}, {"row"}, {"tuple", "list"}):
            return self._in_order(gold.items, answer.items)
        if kinds == {"tuple", "set"}:
            for one, other in ((gold, answer), (answer, gold)):
                if one.kind == "set" and len(one.items) == 1 and isinstance(one.items[0], Items):
                    return self.same(one.items[0], other)
            return None
        if kinds == {"set"} and _nested(gold) != _nested(answer):
            return False  # a set of sets
        return self._unordered(gold.items, answer.items)

    def _assignments(self, gold: Items, answer: Items) -> bool | None:
        """Values with names are matched by name; against a tuple or a list, in order."""
        if gold.kind == answer.kind:
            ours, theirs = by_name(gold), by_name(answer)
            if ours.keys() != theirs.keys():
                return False
            return _all([self.same(ours[name], theirs[name]) for name in ours])
        if gold.kind == "list" and all(len(name) > 1 and name.isalpha() for name in by_name(answer)):
            # The gold does not say whose value is which; words are no variables with an order.
            return self._unordered(gold.items, tuple(by_name(answer).values()))
        if any(
            side.kind != "assignment" and any(isinstance(i, Named) for i in side.items)
            for side in (gold, answer)
        ):
            return False  # all of one name on one side, of several on the other
        first, second = (
            in_order(side) if side.kind == "assignment" else _sequence(side) for side in (gold, answer)
        )
        if first is None or second is None or len(first) != len(second):
            return False
        return self._in_order(first, second)

    def _congruences(self, gold: Items, answer: Items) -> bool | None:
        if gold.kind != answer.kind:
            return False
        (g, modulus), (a, other) = gold.items, answer.items
        numbers = [leaf.number if isinstance(leaf, Leaf) else None for leaf in (g, a, modulus)]
        if None not in numbers and numbers[2] and (numbers[0] - numbers[1]) % numbers[2] == 0:  # type: ignore[operator]
            return self.same(modulus, other)
        return self._in_order(gold.items, answer.items)

    def _in_order(self, gold: Sequence[Structure], answer: Sequence[Structure]) -> bool | None:
        if len(gold) != len(answer):
            return None
        return _all([self.same(g, a) for g, a in zip(gold, answer, strict=True)])

    def _unordered(self, gold: Sequence[Structure], answer: Sequence[Structure]) -> bool | None:
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
            verdicts = [self.same(g, a) for a in left]
            if True in verdicts:
                del left[verdicts.index(True)]
            elif None in verdicts:
                unsure = True
            else:
                return False
        return None if unsure else True

    def _mixed(self, gold: Structure, answer: Structure) -> bool | None:
        """Structures of two sorts."""
        relations = self.comparison.allow_set_relation_comp
        if isinstance(answer, NumberRange) and answer.relation and not relations:
            return None
        if isinstance(gold, Items) and isinstance(answer, NumberRange) and gold.kind == "tuple":
            gold, answer = answer, gold
        if isinstance(gold, NumberRange) and isinstance(answer, Items):
            return self._interval_and_items(gold, answer)
        for one, many in ((gold, answer), (answer, gold)):
            if isinstance(one, Leaf) and isinstance(many, Items):
                return self._leaf_and_items(one, many, leaf_first=one is gold)
            if isinstance(one, Union) and isinstance(many, Items):
                return False if any(isinstance(item, NumberRange) for item in many.items) else None
        return None

    def _interval_and_items(self, interval: NumberRange, items: Items) -> bool | None:
        """``(0, 1)`` may be a pair or an open interval."""
        if interval.closed != (False, False) or items.kind not in ("tuple", "list") or len(items.items) != 2:
            return None
        pairs = zip((interval.low, interval.high), items.items, strict=True)
        ends = [self._ends(end, item) for end, item in pairs if isinstance(item, Leaf)]
        return _all(ends) if len(ends) == 2 else None

    def _leaf_and_items(self, one: Leaf, many: Items, *, leaf_first: bool) -> bool | None:
        """A vector by its components; a number with a decimal comma; one value said several times over."""
        vector = _as_vector(many)
        components = by_components(one, len(vector.items)) if vector is not None else None
        if vector is not None and components is not None:
            sides = (components.items, vector.items)
            return self._in_order(*(sides if leaf_first else sides[::-1]))
        if many.kind not in ("list", "set") or not many.items:
            return None
        if many.comma and one.number is not None and (one.decimal or one.number.denominator > 1):
            return _decimal_comma(many) == one.number or None
        if many.kind == "set" and many.items == (Leaf(r"\emptyset"),):
            return False  # it has one member
        found = [self.same(one, item) for item in many.items]
        return _all(found) if many.kind == "list" or len(found) == 1 else None


def _all(verdicts: Sequence[bool | None]) -> bool | None:
    """Kleene's conjunction: one no is a no, all yes is a yes."""
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _nested(items: Items) -> bool:
    return any(isinstance(item, Items) and item.kind == "set" for item in items.items)


def _sequence(items: Items) -> tuple[Structure, ...] | None:
    """The items of what has an order; a list of one tuple is that tuple."""
    if len(items.items) == 1 and isinstance(items.items[0], Items):
        return _sequence(items.items[0])
    vector = _as_vector(items)
    if vector is not None:
        return vector.items
    return items.items if items.kind == "list" else None


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
