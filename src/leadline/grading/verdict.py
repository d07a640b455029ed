"""What a grader says: a verdict, the reason for it, and the answer that it read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

__all__ = ["Grade", "Reason", "Strictness"]


class Reason(StrEnum):
    """Why a grade is what it is.

    ``match``, ``mismatch``: the answer was compared with the gold. ``no_answer``: none was found.
    ``truncated``: the completion was cut off by the token cap. ``timeout``, ``memory``, ``crashed``: the answer
    was too much for the limits, which counts as wrong (otherwise hostile text would beat a wrong answer).
    ``restated``: the answer equals the gold and only repeats what the question asked to work out (told by those who
    know the question: :mod:`leadline.grading.restated`).
    ``unparsable_gold``: the reference answer cannot be used; the only reason with which ``Grade.correct`` is None.
    """

    match = "match"
    mismatch = "mismatch"
    no_answer = "no_answer"
    truncated = "truncated"
    timeout = "timeout"
    memory = "memory"
    unparsable_gold = "unparsable_gold"
    crashed = "crashed"
    restated = "restated"


class Grade(NamedTuple):
    """One verdict.

    Attributes:
        correct: True, False, or None when the reference answer cannot be used.
        reason: why.
        answer: the answer that was read, in canonical form (``1/2`` for ``0.5`` and ``\\frac12``), for voting.
    """

    correct: bool | None
    reason: Reason
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Strictness:
    """How strictly two answers are compared.

    Attributes:
        precision: decimal places that must agree when one side is written as a decimal number.
        strict: variable names matter, and a set is no tuple.
        allow_set_relation_comp: an inequality may answer an interval (``x > 2`` for ``(2, \\infty)``). The other
            direction, an interval for an inequality, is always allowed.
        units: a unit that the gold has must be in the answer, and the other way round. Units that differ never match.
    """

    precision: int = 6
    strict: bool = True
    allow_set_relation_comp: bool = True
    units: bool = False
