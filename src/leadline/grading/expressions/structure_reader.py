r"""Reading the structure of an answer. One meaning has one structure, however it was written.

``x \ge 2``, ``[2, \infty)`` and ``\{x \mid x \ge 2\}`` are one interval.
"""

from __future__ import annotations

import re
from functools import lru_cache

from leadline.grading.expressions.leaf import Leaf, read_leaf
from leadline.grading.expressions.sets import INFINITY, LINE, as_union, intersection, without_points
from leadline.grading.expressions.structure import Items, Named, NumberRange, Structure, Union

__all__ = ["read_structure"]

MAX_ITEMS = 200
MAX_STRUCTURE_DEPTH = 12


_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_SEPARATORS = re.compile(r"\\land(?![a-zA-Z])|\\lor(?![a-zA-Z])|[,;]")
_ORDER = re.compile(r"\\le(?![a-zA-Z])|\\ge(?![a-zA-Z])|<|>")
_CUP = re.compile(r"\\cup(?![a-zA-Z])")
_EQUALS = re.compile(r"=")
_MATRIX = re.compile(
    r"^[\[(]?\s*\\begin\s*\{([pbBvV]?)matrix\}(.*)\\end\s*\{[pbBvV]?matrix\}\s*[\])]?$", re.DOTALL
)
_NAME = re.compile(
    r"^(?:[A-Za-z]+|\\[a-zA-Z]+|\\text\s*\{[^{}]*\})(?:\s*_\s*(?:\{[^{}]*\}|\w))?'*(?:\s*\([^()=<>]{1,20}\))?$"
)
_PRODUCT = re.compile(r"(?!max$|min$|sum$|gcd$|lcm$|avg$)[a-z]{2,3}")
_WORDS_COLON = re.compile(r"^(?:\\text\s*\{)?\s*([A-Z][A-Za-z ]{2,40}?)\s*\}?\s*:\s*(?=[-\d\\(\[$])")
_MEMBER = re.compile(r"^(?P<name>[a-zA-Z]|\\[a-z]+|\([a-zA-Z, ]+\))\s*\\in(?![a-zA-Z])\s*(?P<rest>.+)$")
_QUALIFIER = re.compile(
    r"[\s,(]*(?:\\text\s*\{\s*)?[\s,(]*\b(?:for (?:all|any|every|each|some)|where|with|(?:is|are) (?:an? )?(?:any )?"
    r"(?:arbitrary|real|integer|constant))\b(?:(?!\\land|\\lor|;).)*",
    re.DOTALL,
)
_IN_SET = re.compile(
    r"^\s*([a-zA-Z])\s*(?:\\in\s*(?:\\mathbb\s*\{?\s*[RZNQC]\s*\}?|R)(?:\^\+|_\+)?)?\s*(?:\||:)\s*(.+)$",
    re.DOTALL,
)
_REALS = re.compile(r"(?:\\mathbb\s*\{?\s*R\s*\}?|R)")
_SETMINUS = re.compile(r"\\setminus(?![a-zA-Z])|-(?=\s*\\\{)|\\(?=\s*\\\{)")
_UNEQUAL = re.compile(r"^(?:[a-zA-Z]|\\[a-z]+)\s*\\ne(?![a-zA-Z])\s*(.+)$")
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
    for reader in (
        _qualified,
        _matrix,
        _list,
        _named,
        _member,
        _union,
        _difference,
        _relation,
        _bracketed,
        _plus_minus,
    ):
        found = reader(text, depth + 1)
        if found is not None:
            return found
    return read_leaf(text)


def split_outside(text: str, pattern: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """``text`` split where ``pattern`` matches outside all brackets, and the separators found."""
    parts, found, depth, start, at = [], [], 0, 0, 0
    while at < len(text):
        char = text[at]
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
        elif depth == 0:
            match = pattern.match(text, at)
            if match is not None:
                parts.append(text[start:at])
                found.append(match.group())
                start = at = match.end()
                continue
        if char == "\\" and at + 1 < len(text) and text[at + 1] not in "{}":
            at += 1
        at += 1
    parts.append(text[start:])
    return parts, found


def _qualified(text: str, depth: int) -> Structure | None:
    """Drops ``for all real x`` and the like behind a statement."""
    if "for" not in text and "where" not in text and "with" not in text and "arbitrary" not in text:
        return None
    shorter = _QUALIFIER.sub("", text)
    return (
        _read(shorter, depth)
        if shorter.strip() and shorter != text and re.search(r"[\d=]", shorter)
        else None
    )


def _matrix(text: str, depth: int) -> Structure | None:
    match = _MATRIX.match(text)
    if match is None or match.group(1) in ("v", "V") or r"\begin" in match.group(2):
        return None
    rows = [row.split("&") for row in re.split(r"\\\\|\\cr", match.group(2)) if row.strip()]
    if not rows or sum(map(len, rows)) > MAX_ITEMS or len({len(row) for row in rows}) > 1:
        return None
    return Items("matrix", tuple(Items("row", tuple(_read(cell, depth) for cell in row)) for row in rows))


def _list(text: str, depth: int) -> Structure | None:
    parts, found = split_outside(text, _SEPARATORS)
    if not found:
        return None
    # 1,000 is a number; 1, 000 and (1,000) are not.
    leaf = read_leaf(text)
    if leaf.number is not None:
        return leaf
    parts = [part for part in parts if part.strip()]
    if len(parts) > MAX_ITEMS:
        return Leaf(text)
    items = _shared_name([_read(part, depth) for part in parts])
    if any(isinstance(item, NumberRange | Union) for item in items) and r"\lor" in found:
        return as_union(items)
    if len(items) == 2 and found == [r"\land"] and all(isinstance(item, NumberRange) for item in items):
        return intersection(items)
    return Items("list", _flat(items, "list")) if len(items) > 1 else items[0]


def _shared_name(items: list[Structure]) -> list[Structure]:
    """In ``n = 1, 2, 3`` the name belongs to all."""
    first = items[0]
    if isinstance(first, Named) and len(items) > 1 and all(isinstance(item, Leaf) for item in items[1:]):
        return [first.value, *items[1:]]
    return items


def _flat(items: list[Structure], kind: str) -> tuple[Structure, ...]:
    flat: list[Structure] = []
    for item in items:
        flat.extend(item.items if isinstance(item, Items) and item.kind == kind else [item])
    return tuple(flat)


def _named(text: str, depth: int) -> Structure | None:
    match = _WORDS_COLON.match(text)
    if match is not None:
        return Named(match.group(1).strip(), _read(text[match.end() :], depth))
    parts, found = split_outside(text, _EQUALS)
    if not found or any(not part.strip() for part in parts):
        return None
    if _ORDER.search(text) or r"\ne" in text:
        return None
    name, value = parts[0].strip(), parts[-1]
    if _PRODUCT.fullmatch(name):
        return None  # xy = 6 is an equation
    value = re.split(r"\\approx(?![a-zA-Z])", value)[0]
    if _NAME.match(name) or _is_name_tuple(name):
        return Named(_tidy_name(name), _read(value, depth))
    if len(parts) == 2 and all(_NAME.match(part.strip()) for part in re.split(r"\\land|,", name)):
        return Named(name.replace(" ", ""), _read(value, depth))
    # x = y = z = 5 names one value; 2x + y = 3 is an equation, and stays a leaf.
    if len(parts) > 2 and all(_NAME.match(part.strip()) for part in parts[:-1]):
        return Named(_tidy_name(parts[0].strip()), _read(value, depth))
    return None


def _tidy_name(name: str) -> str:
    return re.sub(r"\\text\s*|[{}\s\\]", "", name)


def _is_name_tuple(name: str) -> bool:
    if not (name.startswith("(") and name.endswith(")")):
        return False
    return all(_NAME.match(part.strip()) for part in split_outside(name[1:-1], _SEPARATORS)[0])


def _member(text: str, depth: int) -> Structure | None:
    match = _MEMBER.match(text)
    if match is None:
        return None
    value = _read(match.group("rest"), depth)
    return (
        value
        if isinstance(value, NumberRange | Union) or (isinstance(value, Items) and value.kind == "set")
        else None
    )


def _union(text: str, depth: int) -> Structure | None:
    parts, found = split_outside(text, _CUP)
    if not found:
        return None
    return as_union([_read(part, depth) for part in parts if part.strip()])


def _difference(text: str, depth: int) -> Structure | None:
    r"""``A \setminus \{1, 2\}`` and ``x \ne 1``: the pieces of a line with points taken out."""
    unequal = _UNEQUAL.match(text)
    if unequal is not None:
        return without_points([NumberRange(*LINE)], [_read(unequal.group(1), depth)])
    parts, found = split_outside(text, _SETMINUS)
    if len(found) != 1:
        return None
    whole, points = _read(parts[0], depth), _read(parts[1], depth)
    pieces: list[Structure] = list(whole.parts) if isinstance(whole, Union) else [whole]
    if isinstance(whole, Leaf) and _REALS.fullmatch(whole.text):
        pieces = [NumberRange(*LINE)]
    intervals = [piece for piece in pieces if isinstance(piece, NumberRange)]
    if not isinstance(points, Items) or len(intervals) < len(pieces):
        return None
    return without_points(intervals, list(points.items))


def _relation(text: str, depth: int) -> Structure | None:
    r"""``x < 2``, ``-1 \le x < 3``: an interval, when one side or the middle is a name."""
    parts, signs = split_outside(text, _ORDER)
    parts = [part.strip() for part in parts]
    if not signs or any(not part for part in parts) or "=" in text:
        return None
    if len(parts) == 2:
        if _NAME.match(parts[0]) and not _NAME.match(parts[1]):
            return _half_line(parts[1], signs[0])
        if _NAME.match(parts[1]) and not _NAME.match(parts[0]):
            return _half_line(parts[0], _flipped(signs[0]))
        return None
    if len(parts) != 3 or not _NAME.match(parts[1]):
        return None
    upward = [sign in ("<", r"\le") for sign in signs]
    if upward[0] != upward[1]:
        return None
    low, high = (parts[0], parts[2]) if upward[0] else (parts[2], parts[0])
    closed = (signs[0].startswith("\\"), signs[1].startswith("\\"))
    return NumberRange(read_leaf(low), read_leaf(high), closed if upward[0] else closed[::-1], True)


def _flipped(sign: str) -> str:
    return {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}[sign]


def _half_line(bound: str, sign: str) -> NumberRange | None:
    if "|" in bound:
        return None
    closed = sign.startswith("\\")
    if sign in ("<", r"\le"):
        return NumberRange(Leaf(r"-\infty"), read_leaf(bound), (False, closed), True)
    return NumberRange(read_leaf(bound), Leaf(r"\infty"), (closed, False), True)


def _bracketed(text: str, depth: int) -> Structure | None:
    if text.startswith(r"\{") and text.endswith(r"\}"):
        return _set(text[2:-2], depth)
    if text[0] not in "([" or text[-1] not in ")]" or _matching(text) != len(text) - 1:
        return None
    parts, found = split_outside(text[1:-1], _SEPARATORS)
    parts = [part.strip(" .") for part in parts]
    if not found:
        return _read(text[1:-1], depth) if text[0] == "(" and text[-1] == ")" else None
    if any(not part for part in parts) or len(parts) > MAX_ITEMS:
        return None
    square = (text[0] == "[", text[-1] == "]")
    if len(parts) == 2 and (any(square) or any(INFINITY.match(part) for part in parts)):
        return NumberRange(_end(parts[0]), _end(parts[1]), square)
    if any(square) and not all(square):
        return None
    return Items("tuple", tuple(_read(part, depth) for part in parts))


def _end(text: str) -> Leaf:
    match = INFINITY.match(text)
    if match is not None:
        return Leaf(r"-\infty" if match.group(1) == "-" else r"\infty")
    return read_leaf(text)


def _matching(text: str) -> int:
    depth = 0
    for at, char in enumerate(text):
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
            if depth == 0:
                return at
    return -1


def _set(inside: str, depth: int) -> Structure | None:
    match = _IN_SET.match(inside)
    if match is not None:
        condition = _read(match.group(2), depth)
        return condition if isinstance(condition, NumberRange | Union) else None
    if (
        r"\}" in inside
        and _matching("(" + inside.replace(r"\{", "(").replace(r"\}", ")") + ")") < len(inside) // 2
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
