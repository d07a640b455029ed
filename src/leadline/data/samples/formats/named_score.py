"""The score that the user names with ``--columns correct=NAME``: found, or refused with the names that are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from leadline.data.samples.formats.base import RawRow, few_names, reach

__all__ = ["named_score", "said_choice"]

_NO_SCORES = {"doc_id", "step", "epoch", "idx", "index", "example_id", "problem_id", "id", "advantage"}


def named_score(name: str, *places: RawRow) -> Any:
    """The value of that name in the first of these that has it; None where it stands there without a value.

    Another score, or a grader of our own, in its place would be numbers of something else than what was asked for.

    Raises:
        ValueError: it is in none of them; the scores that are there are named.
    """
    for place in places:
        value = reach(place, name)
        if value is not None or name in place:
            return value
    there = dict.fromkeys(str(key)[:40] for place in places for key in _scores(place))
    raise ValueError(f"no score {name[:80]!r}; there are: {few_names(there) or 'none'}")


def said_choice(kind: str, taken: str, there: Iterable[str]) -> str:
    """What to say of a score that was read where there are several: of the same samples they may say another thing.

    >>> said_choice("metric", "exact_match", ["exact_match", "math_verify"])
    "right or wrong by the metric 'exact_match' of exact_match, math_verify (--columns correct=NAME chooses)"
    """
    return (
        f"right or wrong by the {kind} {taken[:80]!r} of {few_names(there)} (--columns correct=NAME chooses)"
    )


def _scores(place: RawRow) -> list[Any]:
    """Names of what may be a score: a number, a verdict, what a judge said, or an object with one."""
    return [
        key
        for key, value in place.items()
        if key not in _NO_SCORES
        and (
            isinstance(value, bool | int | float)
            or key == "judgement"
            or (isinstance(value, Mapping) and any(part in value for part in ("value", "score")))
        )
    ]
