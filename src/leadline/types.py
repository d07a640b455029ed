"""The three nouns that everything shares: a problem, a completion of it, and the score of that completion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = ["Completion", "Message", "Problem", "Score", "Span"]

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Message(NamedTuple):
    """One turn of a chat: ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with one checkable answer.

    Attributes:
        id: unique within a problem set; the given one, else content hash + occurrence number (Decision 14).
        prompt: plain text; for a chat problem the text of its last user turn.
        answer: the gold answer, as text.
        messages: the chat turns, when the source gave turns instead of a prompt.
        solution: a worked solution that ends in the answer, if one is known.
        difficulty: as the source measures it (number of steps, level, ...); comparable within one source only.
        meta: whatever else the source said (column name -> JSON value).
    """

    id: str
    prompt: str
    answer: str
    messages: tuple[Message, ...] | None = None
    solution: str | None = None
    difficulty: float | None = None
    meta: Mapping[str, Any] = field(default_factory=lambda: _EMPTY, compare=False)


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled answer to one problem.

    Attributes:
        problem_id: ``Problem.id``.
        text: decoded text of the completion, prompt excluded, end-of-sequence excluded.
        n_tokens: completion tokens, end-of-sequence included (Decision 10); the cap when truncated.
        finished: True when the model ended by itself, False when the token cap cut it off.
        logprob: summed log-probability in nats under the sampling distribution, if known.
    """

    problem_id: str
    text: str
    n_tokens: int
    finished: bool = True
    logprob: float | None = None


class Span(NamedTuple):
    """A stretch of text that a reward pointed at: ``text[start:end]``, with the behaviour it shows."""

    start: int
    end: int
    behaviour: str


@dataclass(frozen=True, slots=True)
class Score:
    """Everything that is known of one completion on its own, before any group is looked at.

    Attributes:
        correct: the grader's verdict; None when the gold is at fault (then the row is unscorable).
        reason: why, one of ``grading.Reason`` (``match``, ``mismatch``, ``no_answer``, ``truncated``, ...).
        answer: the extracted answer, in the grader's canonical form, for voting; None if there was none.
        length: completion tokens.
        bonus: weighted sum of all parts other than accuracy.
        parts: the unweighted value of every part, by name (``accuracy`` included).
        spans: the stretches that the reflection reward counted.
    """

    correct: bool | None
    reason: str
    answer: str | None
    length: int
    bonus: float = 0.0
    parts: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    spans: tuple[Span, ...] = ()

    @property
    def answered(self) -> bool:
        """True when an answer was found, right or wrong: neither ``no_answer`` nor ``truncated``."""
        return self.reason not in ("no_answer", "truncated")
