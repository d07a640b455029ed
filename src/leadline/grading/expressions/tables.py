r"""Rows and columns: matrices, functions given piece by piece, and columns that are written as transposed rows."""

from __future__ import annotations

import re
from collections.abc import Callable

from leadline.grading.expressions.brackets import matching, split_outside
from leadline.grading.expressions.structure import Items, NumberRange, Structure

__all__ = ["read_matrix", "read_pieces", "read_transposed"]

MAX_CELLS = 200

_CASES = re.compile(r"^\\begin\s*\{d?cases\}(.*)\\end\s*\{d?cases\}$", re.DOTALL)
_CONDITION = re.compile(r"^[\s,]*(?:\\text\s*\{\s*)?(?:if|for|when|where)\b\s*\}?\s*")
_MATRIX = re.compile(
    r"^[\[(]?\s*\\begin\s*\{([pbBvV]?)matrix\}(.*)\\end\s*\{[pbBvV]?matrix\}\s*[\])]?$", re.DOTALL
)
_ROW = re.compile(r"\\\\|\\cr")
_NESTED = re.compile(r"^\[\s*\[.*\]\s*\]$", re.DOTALL)
_COMMA = re.compile(r",")
_TRANSPOSED = re.compile(
    r"^([(\[].*[)\]])\s*\^\s*\{?\s*(?:T|\\top|\\intercal|\\(?:mathrm|text|mathsf)\s*\{\s*T\s*\})\s*\}?$"
)

_Reader = Callable[[str, int], Structure]


def read_matrix(text: str, depth: int, read: _Reader) -> Structure | None:
    r"""A matrix of LaTeX, or one in the brackets of Python: ``[[1, 2], [3, 4]]``."""
    match = _MATRIX.match(text)
    if match is not None and match.group(1) not in ("v", "V") and r"\begin" not in match.group(2):
        rows = [row.split("&") for row in _ROW.split(match.group(2)) if row.strip()]
    elif _NESTED.match(text) and matching(text) == len(text) - 1:
        listed = [row.strip() for row in split_outside(text[1:-1], _COMMA)[0]]
        if len(listed) < 2 or not all(row[:1] == "[" and matching(row) == len(row) - 1 for row in listed):
            return None
        rows = [split_outside(row[1:-1], _COMMA)[0] for row in listed]
    else:
        return None
    if not rows or sum(map(len, rows)) > MAX_CELLS or len({len(row) for row in rows}) > 1:
        return None
    return Items("matrix", tuple(Items("row", tuple(read(cell, depth) for cell in row)) for row in rows))


def read_pieces(text: str, depth: int, read: _Reader) -> Structure | None:
    """A function given piece by piece: values with the conditions under which they hold, in any order."""
    match = _CASES.match(text)
    if match is None:
        return None
    rows = [row.split("&") for row in _ROW.split(match.group(1)) if row.strip()]
    if not rows or len(rows) > MAX_CELLS or {len(row) for row in rows} != {2}:
        return None
    pieces = ((value.rstrip(" ,;"), _CONDITION.sub("", condition)) for value, condition in rows)
    return Items("set", tuple(Items("tuple", (read(v, depth), read(c, depth))) for v, c in pieces))


def read_transposed(text: str, depth: int, read: _Reader) -> Structure | None:
    """``(2, -1)^T`` is the column, which is a tuple here."""
    match = _TRANSPOSED.match(text)
    if match is None or matching(match.group(1)) != len(match.group(1)) - 1:
        return None
    parts = split_outside(match.group(1)[1:-1], _COMMA)[0]
    if len(parts) < 2 or len(parts) > MAX_CELLS:
        return None
    items = tuple(read(part, depth) for part in parts)
    return None if any(isinstance(item, Items | NumberRange) for item in items) else Items("tuple", items)
