"""Rows that one object encloses: a list under a key, objects by their ids, or columns as lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from leadline.data.row_files import PlacedRow
from leadline.data.samples.formats import ALIASES
from leadline.data.samples.formats.base import TURNS, RawRow, is_conversation

__all__ = ["Enclosed", "enclosed_rows", "opened"]

_FEWEST = 2  # objects of which the names of their keys may be ids
_ID = "id"  # what a key is called as a column
_TELLING = ("completion", "correct", "n_correct", "gold")
_GENERIC = ("nested", "verdict_lists", "columns")


class Enclosed(NamedTuple):
    """Rows of an object, and where in it they are, in words."""

    where: str
    rows: Sequence[RawRow]


def enclosed_rows(row: PlacedRow, layout: str | None) -> tuple[str, list[PlacedRow]] | None:
    """The rows that an object of no known layout encloses, each with its place, and where they are; None: it is a row.

    Objects of a layout that is known by more than common names are left alone, as are problems with their samples.
    """
    if layout is not None and layout not in _GENERIC:
        return None
    found = _columns(row.values) or _listed(row.values, layout) or _by_key(row.values)
    if found is None:
        return None
    placed = [
        PlacedRow(row.source, f"{row.at}, {i + 1} of {found.where}", one) for i, one in enumerate(found.rows)
    ]
    return found.where, placed


def opened(rows: Iterator[PlacedRow]) -> Iterator[PlacedRow]:
    """The rows of a problem file, or those that its objects enclose."""
    for row in rows:
        asks = any(
            isinstance(value, str)
            for name, value in row.values.items()
            if str(name).lower() in ALIASES["prompt"]
        )
        found = None if asks else enclosed_rows(row, None)
        yield from [row] if found is None else found[1]


def _columns(values: RawRow) -> Enclosed | None:
    """A table: names once and lists of values (pandas' ``split``, wandb), or a list or object of values a name."""
    names, data = values.get("columns"), values.get("data")
    if isinstance(names, list) and isinstance(data, list) and data and all(isinstance(x, list) for x in data):
        rows = [dict(zip(map(str, names), one, strict=False)) for one in data if len(one) == len(names)]
        return Enclosed("'data'", rows) if len(rows) == len(data) else None
    kinds = {type(value) for value in values.values()}
    sizes = {len(value) for value in values.values() if isinstance(value, list | dict)}
    if len(values) < _FEWEST or len(sizes) != 1 or not _names_problem(values):
        return None
    if kinds == {list}:
        lists = list(values.values())
        plain = any(isinstance(one, str) for one in lists[0])
        rows = [dict(zip(values, one, strict=True)) for one in zip(*lists, strict=True)] if plain else []
        return Enclosed("the values of its columns", rows) if rows else None
    keys = [tuple(value) for value in values.values() if isinstance(value, dict)]
    if kinds == {dict} and len(set(keys)) == 1 and keys[0] and all(key.isdigit() for key in keys[0]):
        return Enclosed(
            "the values of its columns", [{name: values[name][key] for name in values} for key in keys[0]]
        )
    return None


def _listed(values: RawRow, layout: str | None) -> Enclosed | None:
    """The one list of rows that an object holds, or an object in it; a problem with its samples is no such object."""
    asks = _has(values, "prompt") or (layout != "columns" and _has(values, "problem_id"))
    lists = {f"{name!r}": value for name, value in values.items() if _is_rows(value)}
    if not lists:
        inner = {k: v for k, v in values.items() if isinstance(v, Mapping)}
        lists = {f"'{k}.{n}'": x for k, v in inner.items() for n, x in v.items() if _is_rows(x)}
        lists = lists if len(lists) == 1 else {}
    if len(lists) != 1:
        return None
    ((where, rows),) = lists.items()
    return Enclosed(where, rows) if not asks else None


def _by_key(values: RawRow) -> Enclosed | None:
    """Objects, or lists of objects, each under its id; here, or under the one key that holds such."""
    if _names_problem(values):
        return None
    here = _keyed(values)
    if here:
        return Enclosed(_keys_said("its keys", values), here)
    below = {k: rows for k, v in values.items() if isinstance(v, Mapping) and (rows := _keyed(v))}
    if len(below) != 1:
        return None
    ((key, rows),) = below.items()
    return Enclosed(_keys_said(f"the keys of {key!r}", values[key]), rows)


def _keys_said(where: str, place: RawRow) -> str:
    """Where they are; keys of lists whose rows have ids of their own are no ids, but what was taken together."""
    first = next((value for value in place.values() if isinstance(value, list)), None)
    if first is None or not _has(first[0], "problem_id"):
        return where
    return f"{where}, taken together: {', '.join(str(key)[:40] for key in list(place)[:4])}"


def _keyed(place: RawRow) -> list[RawRow]:
    """The objects of a place with their keys as ids; none where much else stands beside them."""
    held = {key: value for key, value in place.items() if isinstance(value, Mapping | list)}
    kinds = {_shape(value) for value in held.values()}
    if len(held) < max(_FEWEST, len(place) - 1) or len(kinds) != 1 or None in kinds:
        return []
    return [
        (one if isinstance(value, list) and _has(one, "problem_id") else {_ID: str(key), **one})
        for key, value in held.items()
        for one in ([value] if isinstance(value, Mapping) else value)
    ]


def _shape(value: Any) -> frozenset[str] | None:
    """Which of the common fields an object has (the first of a list); None: none, or it is neither."""
    one = value[0] if isinstance(value, list) and value else value
    if not isinstance(one, Mapping) or (isinstance(value, list) and not _all_objects(value)):
        return None
    return frozenset(name for name in _TELLING if _has(one, name)) or None


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and _all_objects(value) and _names_problem(value[0])


def _all_objects(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(one, Mapping) for one in value)


def _names_problem(row: RawRow) -> bool:
    return _has(row, "prompt") or _has(row, "problem_id") or any(is_conversation(row.get(n)) for n in TURNS)


def _has(row: RawRow, field: str) -> bool:
    lower = {str(name).lower() for name in row}
    return not lower.isdisjoint(ALIASES[field])
