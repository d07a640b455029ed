"""Which columns of an unknown layout may be meant, as the option to write: ``correct=metrics.acc``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leadline.data.samples.formats.base import RawRow, is_verdict
from leadline.data.samples.formats.own import ALIASES
from leadline.data.samples.formats.verdict_columns import called_rate, called_verdict, denies, is_flag

__all__ = ["guessed_columns"]

_KNOWN = {name for names in ALIASES.values() for name in names}
_DEPTH, _MOST = 4, 300
_PASSED = ("pass", "verdict", "grade", "result", "success", "label")
_MAY_NUMBER = ("id", "uid", "idx", "index")  # samples, as well as problems
_OR = " (or n_correct=..,n_samples=.., or completion=..,gold=..)"


def guessed_columns(row: RawRow) -> str:
    """The text behind ``--columns``: what may name the problem, and what may say right or wrong."""
    places = dict(list(_paths(row))[:_MOST])
    if isinstance(row.get("messages"), list):  # the turns of both, of which each is read by its role
        verdict = _named(row, "correct") or _verdict(places) or "COLUMN"
        return f"prompt=messages,completion=messages,correct={verdict}"
    identity, prompt = _named(row, "problem_id"), _text(places, "prompt")
    known = [f"prompt={prompt}"] if prompt and "." in prompt else []
    clear = identity is not None and identity.lower() not in _MAY_NUMBER
    known += [f"problem_id={identity or 'COLUMN'}"] if clear or not prompt else []
    return ",".join([*known, _says(row, places)])


def _says(row: RawRow, places: Mapping[str, Any]) -> str:
    """The part that says right or wrong: rates, counts, a verdict, or a text and its reference answer."""
    total = _named(row, "n_samples")
    total = total if total is not None and type(row[total]) in (int, float) else None
    verdict = _verdict(places)
    rates = [path for path, value in places.items() if called_rate(path) and _is_share(value)]
    shares = [path for path, value in places.items() if type(value) is float and 0 < value < 1]
    rates += [path for path in shares if verdict is None and "." not in path and path.lower() not in _KNOWN]
    rate = next(iter(rates), None)
    if rate is not None:
        return f"solve_rate={rate},n_samples={total or 'NUMBER'} (samples that each rate was taken of)"
    if total is not None:
        return f"n_correct={verdict or 'COLUMN'},n_samples={total}"
    text, gold = _text(places, "completion"), _named(row, "gold")
    if verdict is None and text is not None and gold is not None:
        return f"completion={text},gold={gold}"
    empty = _named(row, "correct")
    return f"correct={verdict or (empty if empty and row[empty] is None else 'COLUMN')}{_OR}"


def _verdict(places: Mapping[str, Any]) -> str | None:
    """The path of what may be a verdict, by its name, else the first that is true or false or such a word."""
    flags = [
        path
        for path, value in places.items()
        if is_flag(value) and _last(path) != "name" and not denies(_last(path))
    ]
    named = [path for path in flags if _last(path) in ALIASES["correct"]]
    named += [path for path in flags if called_verdict(path) or called_verdict(_last(path))]
    named += [path for path in flags if _last(path) in _PASSED]
    named += [path for path in flags if isinstance(places[path], bool | str)]
    named += [
        path
        for path, value in places.items()
        if isinstance(value, str) and _last(path) in _PASSED and is_verdict(value)
    ]
    named += [path for path in flags if _last(path) == "value" or _only_flag(path, places)]
    return next(iter(named), None)


def _only_flag(path: str, places: Mapping[str, Any]) -> bool:
    """Whether it is the only number 0 or 1 there: where several are, one may as well number something."""
    flags = [one for one, value in places.items() if is_flag(value) and _last(one) not in _KNOWN]
    return (
        flags == [path]
        and "." not in path
        and not _last(path).endswith(("index", "idx", "id", "stamp", "group", "number"))
    )


def _text(places: Mapping[str, Any], field: str) -> str | None:
    """The path of a text by the names of a field, those of the row itself first."""
    found = [
        path
        for path, value in places.items()
        if _last(path) in ALIASES[field] and isinstance(value, str | list)
    ]
    return min(found, key=lambda path: path.count("."), default=None)


def _is_share(value: Any) -> bool:
    if isinstance(value, str):
        value = value.strip().removesuffix("%")
    try:
        return not isinstance(value, bool) and 0 <= float(value) <= 100
    except (TypeError, ValueError):
        return False


def _last(path: str) -> str:
    return path.rpartition(".")[2].lower()


def _named(row: RawRow, field: str) -> str | None:
    lower = {str(name).lower(): str(name) for name in row}
    return next((lower[name] for name in ALIASES[field] if name in lower), None)


def _paths(row: Any, before: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every value of a row with the dotted name that reaches it; of a list the one that is alone in it."""
    inside = row.items() if isinstance(row, Mapping) else enumerate(row if len(row) == 1 else ())
    for name, value in inside:
        path = f"{before}{name}"
        yield path, value
        objects = isinstance(value, Mapping) or (
            isinstance(value, list) and not isinstance(next(iter(value), ""), str)
        )
        if depth < _DEPTH and objects:
            yield from _paths(value, f"{path}.", depth + 1)
