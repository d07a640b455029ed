r"""Reading the structure of an answer. One meaning has one structure, however it was written.

``x \ge 2``, ``[2, \infty)`` and ``\{x \mid x \ge 2\}`` are one interval.
"""

from __future__ import annotations

import re
from functools import lru_cache

from leadline.grading.expressions.assignments import assigned, in_order
from leadline.grading.expressions.brackets import matching, split_outside
from leadline.grading.expressions.chains import FALSE_EQUATION, approximated, chained
from leadline.grading.expressions.compound import read_compound
from leadline.grading.expressions.dates import read_date
from leadline.grading.expressions.leaf import Leaf, read_leaf
from leadline.grading.expressions.names import VALUE_NAME, is_name_tuple, point_name, tidy_name
from leadline.grading.expressions.qualifiers import without_qualifier
from leadline.grading.expressions.ratios import read_ratio
from leadline.grading.expressions.relations import ORDER, read_ordering, read_relation
from leadline.grading.expressions.sets import (
    INFINITY,
    LINE,
    as_range,
    as_union,
    common_members,
    intersection,
    names_of,
    on_one_line,
    range_end,
    remainder,
    with_name,
    without_points,
)
from leadline.grading.expressions.structure import Items, Named, NumberRange, Structure, Union
from leadline.grading.expressions.tables import read_matrix, read_pieces, read_transposed

__all__ = ["read_structure"]

MAX_ITEMS = 200
MAX_STRUCTURE_DEPTH = 12

_SEPARATORS = re.compile(r"\\land(?![a-zA-Z])|\\lor(?![a-zA-Z])|[,;]")
_OR = re.compile(r"\\lor(?![a-zA-Z])|;")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_COMMA_AND_UNIT = re.compile(r"(-?\d+),(\d+)(?![\d,])\s*(\\[a-z]+(?![a-z]).{0,40}|\w.{0,20})$")
_CONGRUENT = re.compile(
    r"^(?:(?P<name>[^=]{1,40}?)\s*(?:\\equiv(?![a-zA-Z])|=)\s*)?"
    r"(?P<residue>[^=]{1,60}?)\s*\\pmod\s*\{(?P<modulus>[^{}]+)\}$"
)
_CUP = re.compile(r"\\cup(?![a-zA-Z])")
_CAP = re.compile(r"\\cap(?![a-zA-Z])")
_EQUALS = re.compile(r"=")
_PRODUCT = re.compile(r"(?!max$|min$|sum$|gcd$|lcm$|avg$)[a-z]{2,3}")
_WORDS_COLON = re.compile(
    r"^(?:\\text\s*\{)?\s*([A-Z][A-Za-z ]{2,40}?)\s*(?:\}\s*:|:\s*\}|:)\s*(?=[-\d\\(\[$])"
)
_MEMBER = re.compile(r"^(?P<name>[a-zA-Z]|\\[a-z]+|\([a-zA-Z, ]+\))\s*\\in(?![a-zA-Z])\s*(?P<rest>.+)$")
_IN_SET = re.compile(
    r"^\s*([a-zA-Z])\s*(?:\\in\s*(?:\\mathbb\s*\{?\s*(?P<numbers>[RZNQC])\s*\}?|R)(?:\^\+|_\+)?)?\s*(?:\||:)\s*(.+)$",
    re.DOTALL,
)
_INDEXED_SET = re.compile(
    r"^\s*(?:[a-zA-Z]\s*(?:\||:)\s*[a-zA-Z]\s*=\s*)?([^|:]{1,200}?)\s*(?:\||:|,)\s*([a-zA-Z]\s*\\in(?![a-zA-Z])[^|:,]{1,60})$"
)
_REALS = re.compile(r"(?:\\mathbb\s*\{?\s*R\s*\}?|R)")
_SETMINUS = re.compile(r"\\setminus(?![a-zA-Z])|-(?=\s*\\\{)|\\(?=\s*\\\{)")
_UNEQUAL = re.compile(r"^([a-zA-Z]|\\[a-z]+)\s*\\ne(?![a-zA-Z])\s*(.+)$")
_PLUS_MINUS = re.compile(r"\\pm(?![a-zA-Z])|\\mp(?![a-zA-Z])")


@lru_cache(maxsize=4_096)
def read_structure(text: str) -> Structure:
    """The structure of a cleaned text. Never raises; what has no structure is a leaf."""
    return _read(text, 0)


def _read(text: str, depth: int) -> Structure:
    text = text.strip(" ,;:")
    if depth > MAX_STRUCTURE_DEPTH or len(text) > 4_000:
        return Leaf(text)
    if len(text) < 2 or text.isdigit():
        return read_leaf(text)
    for read in (read_matrix, read_pieces, read_transposed):
        if (table := read(text, depth + 1, _read)) is not None:
            return table
    for reader in (
        _dated,
        _qualified,
        _congruence,
        _list,
        _approximated,
        _named,
        _point,
        _member,
        _union,
        _difference,
        _related,
        _bracketed,
        _plus_minus,
    ):
        found = reader(text, depth + 1)
        if found is not None:
            return found
    return read_leaf(text)


def _dated(text: str, _: int) -> Structure | None:
    """A date has commas, and "1 hour, 5 minutes" has one, but either is one thing."""
    return read_leaf(text) if read_date(text) is not None else read_compound(text) or read_ratio(text)


def _qualified(text: str, depth: int) -> Structure | None:
    """Drops ``for all real x`` and the like behind a statement."""
    shorter = without_qualifier(text)
    return None if shorter is None else _read(shorter, depth)


def _congruence(text: str, depth: int) -> Structure | None:
    match = _CONGRUENT.match(text) if r"\pmod" in text else None
    if match is None:
        return None
    found = Items("mod", (_read(match.group("residue"), depth), _read(match.group("modulus"), depth)))
    name = match.group("name")
    return found if name is None else Named(tidy_name(name), found)


def _list(text: str, depth: int) -> Structure | None:
    parts, found = split_outside(text, _SEPARATORS)
    if not found:
        return None
    if (leaf := read_leaf(text)).number is not None:
        return leaf  # 1,000 is a number; 1, 000 and (1,000) are not
    if (number := _COMMA_AND_UNIT.match(text)) is not None:
        measured = read_leaf(f"{number.group(1)}.{number.group(2)} {number.group(3)}")
        if measured.unit == "%" or (measured.measure is not None and not measured.measure.noun):
            return measured  # 7,25 cm
    parts = [part for part in parts if part.strip()]
    if len(parts) > MAX_ITEMS:
        return Leaf(text)
    if r"\lor" in found or ";" in found:
        solutions = [_read(part, depth) for part in split_outside(text, _OR)[0] if part.strip()]
        if any(isinstance(item, Items) and item.kind == "assignment" for item in solutions):
            return Items("list", _flat(solutions, "list"))
    if not parts:
        return Leaf(text)
    items = assigned(_shared_name([_read(part, depth) for part in parts]))
    if isinstance(items[0], Named) and len(items) > 1 and all(_is_plain(item) for item in items[1:]):
        return Named(items[0].name, Items("list", (items[0].value, *items[1:])))  # n = 1, 2, 3
    if any(isinstance(item, NumberRange | Union) for item in items) and r"\lor" in found:
        return as_union(items)
    if len(items) > 1 and (line := on_one_line(items, all(sign == r"\land" for sign in found))) is not None:
        return line
    if len(items) == 1:
        return items[0]
    if r"\lor" in found and all(
        isinstance(item, Leaf) and item.unit in ("choice", "words") for item in items
    ):
        return Items("either", tuple(items))
    return Items("list", _flat(items, "list"), _DECIMAL_COMMA.fullmatch(text) is not None)


def _is_plain(item: Structure) -> bool:
    return isinstance(item, Leaf) and item.unit != "words"


def _shared_name(items: list[Structure]) -> list[Structure]:
    """In ``(x,y) = (1,2), (3,4)`` the names belong to all."""
    first = items[0]
    tuples = all(isinstance(item, Items) and item.kind == "tuple" for item in items[1:])
    if isinstance(first, Items) and first.kind == "assignment" and len(items) > 1 and tuples:
        return [Items("tuple", in_order(first)), *items[1:]]
    return items


def _flat(items: list[Structure], kind: str) -> tuple[Structure, ...]:
    flat: list[Structure] = []
    for item in items:
        flat.extend(item.items if isinstance(item, Items) and item.kind == kind else [item])
    return tuple(flat)


def _approximated(text: str, _: int) -> Structure | None:
    return approximated(text)


def _named(text: str, depth: int) -> Structure | None:
    match = _WORDS_COLON.match(text)
    if match is not None:
        return Named(match.group(1).strip(), _read(text[match.end() :], depth))
    parts, found = split_outside(text, _EQUALS)
    if not found or any(not part.strip() for part in parts):
        return None
    if r"\begin" not in parts[1][:8] and (ORDER.search(text) or r"\ne" in text):
        return None
    number = chained(parts)
    if number is not None:
        return number
    name, value = parts[0].strip(), parts[-1]
    if _PRODUCT.fullmatch(name):
        return None  # xy = 6 is an equation
    value = re.split(r"\\approx(?![a-zA-Z])", value)[0]
    if is_name_tuple(name):
        names = [tidy_name(part) for part in split_outside(name[1:-1], _SEPARATORS)[0]]
        if len(set(names)) < len(names):
            return FALSE_EQUATION
        return _named_tuple(name, _read(value, depth))
    # x = y = z = 5 names one value; 2x + y = 3 is an equation, and stays a leaf.
    if len(parts) > 2 and all(VALUE_NAME.match(part.strip()) for part in parts[:-1]):
        names = sorted(tidy_name(part.strip()) for part in parts[:-1])
        return (
            Named("=".join(names), _read(value, depth)) if len(set(names)) == len(names) else FALSE_EQUATION
        )
    if VALUE_NAME.match(name):
        return Named(tidy_name(name), _read(value, depth))
    if len(parts) == 2 and VALUE_NAME.match(value.strip()) and not _PRODUCT.fullmatch(value.strip()):
        return Named(tidy_name(value.strip()), _read(name, depth))
    if len(parts) == 2 and all(VALUE_NAME.match(part.strip()) for part in re.split(r"\\land|,", name)):
        return Named(name.replace(" ", ""), _read(value, depth))
    return None


def _point(text: str, depth: int) -> Structure | None:
    """``P(3, 4)`` is a point with its name."""
    name, place = point_name(text)
    if not name or matching(place) != len(place) - 1 or not split_outside(place[1:-1], _SEPARATORS)[1]:
        return None
    return Named(name, _read(place, depth))


def _named_tuple(name: str, value: Structure) -> Structure:
    """``(x,y)=(1,2)`` gives each its value."""
    names = [tidy_name(part) for part in split_outside(name[1:-1], _SEPARATORS)[0]]
    if (
        isinstance(value, Items)
        and value.kind == "tuple"
        and len(value.items) == len(names) == len(set(names)) > 1
    ):
        return Items("assignment", tuple(Named(*pair) for pair in zip(names, value.items, strict=True)))
    return Named(tidy_name(name), value)


def _member(text: str, depth: int) -> Structure | None:
    match = _MEMBER.match(text)
    if match is None:
        return None
    value = _read(match.group("rest"), depth)
    value = value if match.group("name").startswith("(") else as_range(value)
    if isinstance(value, NumberRange | Union):
        return with_name(value, tidy_name(match.group("name")))
    return value if isinstance(value, Items) and value.kind == "set" else None


def _union(text: str, depth: int) -> Structure | None:
    parts, found = split_outside(text, _CUP)
    if not found:
        parts, found = split_outside(text, _CAP)
        if not found:
            return None
        items = [_read(part, depth) for part in parts]
        return common_members(items) or intersection(items)
    return as_union([_read(part, depth) for part in parts if part.strip()])


def _difference(text: str, depth: int) -> Structure | None:
    r"""``A \setminus \{1, 2\}`` and ``x \ne 1``: the pieces of a line with points taken out."""
    unequal = _UNEQUAL.match(text)
    if unequal is not None:
        left = without_points([NumberRange(*LINE)], [_read(unequal.group(2), depth)])
        return with_name(left, tidy_name(unequal.group(1))) if isinstance(left, Union) else left
    parts, found = split_outside(text, _SETMINUS)
    if len(found) != 1:
        return None
    whole, points = _read(parts[0], depth), _read(parts[1], depth)
    if isinstance(whole, Items) and whole.kind == "set":
        return remainder(whole, points)
    pieces: list[Structure] = list(whole.parts) if isinstance(whole, Union) else [whole]
    if isinstance(whole, Leaf) and _REALS.fullmatch(whole.text):
        pieces = [NumberRange(*LINE)]
    intervals = [piece for piece in pieces if isinstance(piece, NumberRange)]
    if not isinstance(points, Items) or len(intervals) < len(pieces):
        return None
    return without_points(intervals, list(points.items))


def _related(text: str, depth: int) -> Structure | None:
    found = read_relation(text)
    ordering = read_ordering(text) if found is None else None
    if ordering is None:
        return found
    parts, signs = ordering
    return Items(
        "tuple", (*(_read(part, depth) for part in parts), *(Leaf(sign, unit="words") for sign in signs))
    )


def _bracketed(text: str, depth: int) -> Structure | None:
    if text.startswith(r"\{") and text.endswith(r"\}"):
        return _set(text[2:-2], depth)
    if text[0] not in "([" or text[-1] not in ")]" or matching(text) != len(text) - 1:
        return None
    parts, found = split_outside(text[1:-1], _SEPARATORS)
    parts = [part.strip(" .") for part in parts]
    if not found:
        return _read(text[1:-1], depth) if text[0] == "(" and text[-1] == ")" else None
    if any(not part for part in parts) or len(parts) > MAX_ITEMS:
        return None
    if len(_PLUS_MINUS.findall(text)) == 1:
        return _plus_minus(text, depth)  # (\pm 1, 0) is two points
    square = (text[0] == "[", text[-1] == "]")
    if len(parts) == 2 and (any(square) or any(INFINITY.match(part) for part in parts)):
        return NumberRange(range_end(parts[0]), range_end(parts[1]), square)
    if any(square) and not all(square):
        return None
    return Items("tuple", tuple(_read(part, depth) for part in parts))


def _set(inside: str, depth: int) -> Structure | None:
    indexed = _INDEXED_SET.match(inside)
    family = without_qualifier(f"{indexed.group(1)}, {indexed.group(2)}") if indexed is not None else None
    if family is not None:
        return _read(family, depth)  # {2k : k in Z} says what "2k, k in Z" says
    match = _IN_SET.match(inside)
    if match is not None:
        condition = _read(match.group(3), depth)
        if isinstance(condition, Items) and condition.kind == "list":
            condition = intersection(list(condition.items)) or condition
        if not isinstance(condition, NumberRange | Union) or not names_of(condition) <= {match.group(1)}:
            return None
        numbers = match.group("numbers") or "R"
        line = with_name(condition, "")
        return line if numbers == "R" else Items("tuple", (Leaf(numbers, unit="words"), line))  # no interval
    if (
        r"\}" in inside
        and matching("(" + inside.replace(r"\{", "(").replace(r"\}", ")") + ")") < len(inside) // 2
    ):
        return None
    parts, _ = split_outside(inside, _SEPARATORS)
    items = [_read(part, depth) for part in parts if part.strip()]
    return Items("set", _flat(items, "list")) if len(items) <= MAX_ITEMS else None


def _plus_minus(text: str, depth: int) -> Structure | None:
    if not _PLUS_MINUS.search(text) or len(_PLUS_MINUS.findall(text)) > 3:
        return None
    upper = _PLUS_MINUS.sub(lambda m: "+" if m.group() == r"\pm" else "-", text)
    lower = _PLUS_MINUS.sub(lambda m: "-" if m.group() == r"\pm" else "+", text)
    items = (_read(upper.lstrip(" +"), depth), _read(lower.lstrip(" +"), depth))
    return Items("list", items)
