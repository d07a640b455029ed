"""The nouns that everything shares: a problem, a completion, its score, and the three as one row of a sample file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

__all__ = [
    "ANSWER_TAGS",
    "MAX_ID",
    "THINK_TAGS",
    "Completion",
    "Message",
    "Problem",
    "SampleRow",
    "Score",
    "Span",
    "checked_id",
    "finite_number",
    "text_of",
]

THINK_TAGS = ("<think>", "</think>")
ANSWER_TAGS = ("<answer>", "</answer>")
"""What a completion may put around its reasoning, and around its answer."""

MAX_ID = 2_000
"""Longest id of a problem, in characters."""

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Message(NamedTuple):
    """One turn of a chat: ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with one checkable answer.

    Attributes:
        id: unique within a problem set; the given one, else content hash + occurrence number (decision "Hashes").
        prompt: plain text; for a chat problem the text of its last user turn.
        answer: the gold answer, as text.
        messages: the chat turns, when the source gave turns instead of a prompt.
        solution: a worked solution that ends in the answer, if one is known.
        difficulty: as the source measures it (number of steps, level, ...); comparable within one source only.
        meta: whatever else the source said (column name -> JSON value).
        media: digest of the images, audio and video of the prompt; None where it is text alone.
    """

    id: str
    prompt: str
    answer: str
    messages: tuple[Message, ...] | None = None
    solution: str | None = None
    difficulty: float | None = None
    meta: Mapping[str, Any] = field(default_factory=lambda: _EMPTY, compare=False)
    media: str | None = None

    @property
    def asked(self) -> tuple[str, str | None]:
        """All that is asked, to the character: the text, and the digest of what is no text."""
        return self.prompt, self.media


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled answer to one problem.

    Attributes:
        problem_id: ``Problem.id``.
        text: decoded text of the completion, prompt excluded, end-of-sequence excluded.
        n_tokens: completion tokens, end-of-sequence included (decision "Length"); the cap when truncated.
        finished: True when the model ended by itself, False when the token cap cut it off.
        logprob: summed log-probability in nats under the sampling distribution, if known.
    """

    problem_id: str
    text: str
    n_tokens: int
    finished: bool = True
    logprob: float | None = None


def text_of(completion: str | Completion) -> str:
    """The text of a completion, given as such or as plain text."""
    return completion if isinstance(completion, str) else completion.text


class Span(NamedTuple):
    """A stretch of text that a reward pointed at: ``text[start:end]``, with the behaviour it shows."""

    start: int
    end: int
    behaviour: str


@dataclass(frozen=True, slots=True)
class Score:
    """Everything that is known of one completion on its own, before any group is looked at.

    Attributes:
        correct: the grader's verdict; None when the reference answer cannot be used (then the row is unscorable).
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


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One line of a sample file, as every writer writes it and every reader reads it.

    Attributes:
        completion: the text, its length, how it ended.
        score: the verdict; None where the line was not graded.
        prompt: as the model saw it, chat template and system turn included; None where that is not known.
        gold: the reference answer; None where it is not known.
        difficulty: as the problem says it.
        context: where it was drawn and what it earned: ``arm``, ``step``, ``index``, ``reward``, ``advantage``.
        place: ``file:line`` where it was read; for messages, no part of the row.
    """

    completion: Completion
    score: Score | None = None
    prompt: str | None = None
    gold: str | None = None
    difficulty: float | None = None
    context: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    place: str = field(default="", compare=False)

    FIELDS: ClassVar[tuple[str, ...]] = (
        *(
            "problem_id",
            "prompt",
            "completion",
            "gold",
            "n_tokens",
            "finished",
            "correct",
            "reason",
            "answer",
        ),
        *("logprob", "difficulty", "parts", "spans", "arm", "step", "index", "reward", "advantage"),
    )
    """The fields that docs/formats.md describes, in the order in which they are written."""

    @classmethod
    def of(
        cls, problem: Problem, completion: Completion, score: Score | None, prompt: str | None, **context: Any
    ) -> Self:
        """What is known of a completion and of its problem; ``prompt`` is the text that the model saw."""
        return cls(completion, score, prompt, problem.answer, problem.difficulty, context)

    @property
    def graded(self) -> bool:
        """True when the line says ``correct``, even where it says ``null``."""
        return self.score is not None

    @property
    def correct(self) -> bool | None:
        """The verdict; None for a completion that is unscorable or was not graded."""
        return None if self.score is None else self.score.correct

    def to_row(self) -> dict[str, Any]:
        """The JSON row; what is not known of the problem or was not graded is left out.

        >>> SampleRow(Completion("p", "7", 2)).to_row()
        {'problem_id': 'p', 'completion': '7', 'n_tokens': 2, 'finished': True, 'logprob': None}
        """
        completion, score = self.completion, self.score
        row: dict[str, Any] = {"problem_id": completion.problem_id}
        if self.prompt is not None:
            row["prompt"] = self.prompt
        row["completion"] = completion.text
        if self.gold is not None:
            row["gold"] = self.gold
        row |= {"n_tokens": completion.n_tokens, "finished": completion.finished}
        if score is not None:
            row |= {"correct": score.correct, "reason": score.reason, "answer": score.answer}
        row["logprob"] = completion.logprob
        if self.gold is not None:
            row["difficulty"] = self.difficulty
        if score is not None:
            row |= {"parts": dict(score.parts), "spans": [list(span) for span in score.spans]}
        return row | dict(self.context)

    @classmethod
    def from_row(cls, row: Mapping[str, Any], place: str = "") -> Self:
        """Read a row of this project's or of anybody's.

        ``problem_id``, ``completion`` and ``n_tokens`` are needed; ``finished``, ``correct`` and ``logprob`` must be
        what they are called. Other fields that are not of their kind count as not said. Fields of other names
        are kept in ``context``.

        Raises:
            ValueError: what is missing or is none, without the place.
        """
        completion = _completion(row)
        correct = row.get("correct")
        if correct is not None and not isinstance(correct, bool):
            raise ValueError("correct is not true, false or null")
        score = None
        if "correct" in row:
            parts, bonus = _numbers(row.get("parts")), finite_number(row.get("bonus"))
            score = Score(
                correct,
                _text(row.get("reason")) or "",
                _text(row.get("answer")),
                completion.n_tokens,
                0.0 if bonus is None else bonus,
                parts,
                _spans(row.get("spans")),
            )
        context = {name: value for name, value in row.items() if name not in _OWN}
        return cls(
            completion,
            score,
            _text(row.get("prompt")),
            _text(row.get("gold")),
            finite_number(row.get("difficulty")),
            context,
            place,
        )


def checked_id(name: str | int) -> str:
    """What names a problem, as text.

    Raises:
        ValueError: longer than ``MAX_ID``; it would stand in every row and table.
    """
    text = str(name)
    if len(text) > MAX_ID:
        raise ValueError(
            f"an id of {len(text):,} characters, where {MAX_ID:,} are the most; leave it out or name another"
        )
    return text


_OWN = frozenset(SampleRow.FIELDS[:13])


def _completion(row: Mapping[str, Any]) -> Completion:
    name, text, length = row.get("problem_id"), row.get("completion"), row.get("n_tokens")
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise ValueError(
            "problem_id is missing" if name is None else "problem_id is neither text nor a number"
        )
    if not isinstance(text, str):
        counts = "n_samples" in row
        raise ValueError("a row of counts, where samples are needed" if counts else "completion is not text")
    if isinstance(length, bool) or not isinstance(length, int) or not 0 <= length < 2**53:
        raise ValueError("n_tokens is missing" if length is None else "n_tokens is not a count")
    finished = row.get("finished", True)
    if not isinstance(finished, bool):
        raise ValueError("finished is neither true nor false")
    logprob = row.get("logprob")
    if logprob is not None and (isinstance(logprob, bool) or not isinstance(logprob, int | float)):
        raise ValueError("logprob is not a number")
    return Completion(checked_id(name), text, length, finished, finite_number(logprob))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def finite_number(value: object) -> float | None:
    """A finite number out of JSON as float, anything else (null, text, true) as None.

    >>> [finite_number(value) for value in (3, True, "3", float("nan"))]
    [3.0, None, None, None]
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def _numbers(value: object) -> dict[str, float]:
    pairs = value.items() if isinstance(value, Mapping) else ()
    return {str(name): number for name, said in pairs if (number := finite_number(said)) is not None}


def _spans(value: object) -> tuple[Span, ...]:
    """Those entries that are a start, an end and a name."""
    found = value if isinstance(value, list) else []
    return tuple(Span(*entry) for entry in found if isinstance(entry, list) and _is_span(entry))


def _is_span(entry: list[Any]) -> bool:
    return len(entry) == 3 and type(entry[0]) is type(entry[1]) is int and isinstance(entry[2], str)
