"""Which columns are called a verdict, or a rate, by a name of their own: ``accuracy_reward``, ``pass@1``."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["called_rate", "called_verdict", "denies", "is_flag"]

_VERDICT = re.compile(
    r"(^|[^a-z])(acc|accuracy|correct|correctness|passed|solved|resolved|matched|verdict|judge?ment|exact_match|extractive_match)([^a-z](reward|score|value))?$"
)
_OF_SOMETHING_ELSE = re.compile(
    r"format|length|syntax|count|total|num|mean|avg|average|majority|maj|(^|[^a-z])n([^a-z]|$)"
)
_DENIES = re.compile(r"(^|[^a-z])(in|not?[^a-z]|un)(correct|solved|resolved)|wrong|error|fail|timeout|negat")
_RATE = re.compile(
    r"(solve|pass|success|win|correct)[a-z]*_?(rate|ratio|percentage)|pass(@|_at_)\d|(mean|avg|average)_"
)
_WORDS = ("true", "false", "yes", "no", "correct", "incorrect")


def called_verdict(name: str) -> bool:
    """Whether a column is called a verdict on an answer, whatever stands before or behind that word.

    >>> [called_verdict(name) for name in ("accuracy_reward", "format_correct", "correct_answer")]
    [True, False, False]
    """
    plain = name.strip().lower().rstrip("?")
    return bool(_VERDICT.search(plain)) and not _OF_SOMETHING_ELSE.search(plain) and not denies(plain)


def denies(name: str) -> bool:
    """Whether a column says true of what went wrong: its values are no verdicts as they stand.

    >>> [denies(name) for name in ("incorrect", "is_wrong", "not_correct", "error", "correct")]
    [True, True, True, True, False]
    """
    return _DENIES.search(name.strip().lower()) is not None


def called_rate(name: str) -> bool:
    """Whether a column is called a share of several samples.

    >>> [called_rate(name) for name in ("llama8b_solve_rate", "pass@1", "pass_rate_72b_tir", "reward")]
    [True, True, True, False]
    """
    return _RATE.search(name.strip().lower()) is not None


def is_flag(value: Any) -> bool:
    """Whether a value says yes or no, and is no letter or amount that may be an answer."""
    if isinstance(value, str):
        return value.strip().lower() in _WORDS
    return isinstance(value, bool | int | float) and value in (0, 1)
