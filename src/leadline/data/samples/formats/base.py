"""What a layout of sample files is, and the small readers of values that all layouts share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from leadline.data.chat_turns import role_of
from leadline.data.problems.duplicates import content_hash
from leadline.data.prompt_media import media_digest, media_parts
from leadline.data.samples.formats.filled_template import asked_in
from leadline.data.samples.formats.origins import Origins
from leadline.data.whole_numbers import without_point
from leadline.types import checked_id

__all__ = [
    "TURNS",
    "Layout",
    "Reading",
    "few_names",
    "first_of",
    "gold_text",
    "is_conversation",
    "is_verdict",
    "own_row",
    "reach",
    "turns_text",
    "user_text",
]

RawRow = Mapping[str, Any]


@dataclass(slots=True)
class Reading:
    """One reading of one source: what the user said, and what was found out on the way.

    Attributes:
        columns: field -> column, as the user gave them.
        pass_at: score from which on an answer is right; None where scores are 0 or 1.
        choice: which of several parts of a file is read (lm-eval: the filter); the first one met when None.
        notes: what is to be said of the reading, once each.
        by_prompt: ids that were made of prompts.
        counted: problems of which a row was read whose names may mean counts or a sample.
        origins: of which models and steps rows say they are; one for all files of a source.
        media: images and the like in columns of the row that is being read.
        settled: field -> the column that it is read from, throughout a file (`settle`).
        scores: lowest and highest score that was held against a threshold, and the threshold.
        below_zero, zeros: scores of -1 and of 0.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    pass_at: float | None = None
    choice: str | None = None
    notes: dict[str, None] = field(default_factory=dict)
    by_prompt: bool = False
    counted: set[object] = field(default_factory=set)
    origins: Origins = field(default_factory=Origins)
    media: list[Any] = field(default_factory=list)
    settled: dict[str, str] = field(default_factory=dict)
    scores: tuple[float, float, float] | None = None
    below_zero: int = 0
    zeros: int = 0

    def meet(self, row: RawRow) -> None:
        """Note of whose samples a row says it is, and what of its prompt stands in columns beside it."""
        self.media = media_parts(row)
        self.origins.meet(row)

    def settle(self, field: str, row: RawRow, names: Iterable[str]) -> str | None:
        """The one of these columns that a field is read from in this file: the first that held something.

        A row in which it is empty says nothing of the field, whatever stands in the others: a reward of form is no
        verdict on a sample whose verdict is missing. None until a row holds any of them.
        """
        if field not in self.settled:
            held = next((name for name in names if row.get(name) is not None), None)
            if held is None:
                return None
            self.settled[field] = held
        return self.settled[field]

    def count(self, text: str) -> None:
        """Say how often something was met: one note, whose number grows."""
        before = next((note for note in self.notes if note.endswith(f" {text}")), "0")
        self.notes.pop(before, None)
        self.notes[f"{int(before.partition(' ')[0]) + 1} {text}"] = None

    def said(self) -> Iterator[str]:
        """What is to be said of the reading at its end."""
        yield from self.notes
        if self.scores is not None:
            low, high, limit = self.scores
            yield f"scores of {limit:g} and more count as right (they go from {low:g} to {high:g})"
        if self.below_zero and self.zeros:
            yield (
                f"{self.below_zero:,} scores of -1 count as wrong, as those of 0 do: if they say that nobody graded "
                "a sample, leave these rows out"
            )

    def right(self, score: Any, pass_at: float | None = None) -> bool | None:
        """A verdict or a score as right, wrong or (null) unscorable.

        Raises:
            ValueError: a score between, and nobody said from where on it is right.
        """
        if score is None or isinstance(score, bool):
            return score
        if isinstance(score, float) and math.isnan(score):
            return None  # how a table has none
        if isinstance(score, str):
            word = score.strip().lower()
            if word in _WORDS:
                return _WORDS[word]
        if not isinstance(score, int | float) or not math.isfinite(score):
            raise ValueError(f"the score is {str(score)[:40]!r}, neither right nor wrong nor a number")
        limit = self.pass_at if self.pass_at is not None else pass_at
        if limit is not None:
            low, high, _ = self.scores or (score, score, limit)
            self.scores = min(low, score), max(high, score), limit
            return score >= limit
        if score in (0, 1, -1):
            self.below_zero, self.zeros = self.below_zero + (score == -1), self.zeros + (score == 0)
            return score == 1
        percent = 10 < score <= 100
        such = "0.5" if 0 < score < 1 else "50, if it is in percent" if percent else "NUMBER"
        rate = (
            "" if such == "NUMBER" else "; of several samples: --columns solve_rate=COLUMN,n_samples=NUMBER"
        )
        raise ValueError(f"a score of {score:g}: say from where on it is right: --pass-at {such}{rate}")


TURNS = ("messages", "conversations", "conversation", "messages_and_choices")
"""Columns that hold a chat, question and answer."""

_USER, _ASSISTANT = ("user", "human"), ("assistant", "gpt")
_WORDS = {
    **dict.fromkeys(("c", "correct", "true", "yes", "right", "pass", "passed", "1", "1.0", "t", "y"), True),
    **dict.fromkeys(
        ("i", "incorrect", "false", "no", "wrong", "fail", "failed", "n", "0", "0.0", "f", "not_attempted"),
        False,
    ),
}


def is_verdict(value: Any) -> bool:
    """Whether a value may say right or wrong: a number or one of the usual words."""
    return isinstance(value, bool | int | float) or (
        isinstance(value, str) and value.strip().lower() in _WORDS
    )


class Layout(NamedTuple):
    """One way in which samples are written down.

    Attributes:
        name: as ``--format`` takes it.
        needs: columns by which it is recognised; dotted names reach into objects.
        read: one row of the file -> rows of samples or counts in leadline's own form.
        fits: what more a row must be.
    """

    name: str
    needs: tuple[str, ...]
    read: Callable[[RawRow, Reading], Iterator[dict[str, Any]]]
    fits: Callable[[RawRow], bool] = lambda row: True

    def recognises(self, row: RawRow) -> bool:
        """Whether the row is of this layout."""
        return all(reach(row, name) is not None for name in self.needs) and self.fits(row)

    def near(self, row: RawRow) -> float:
        """Share of its columns that are there."""
        return sum(reach(row, name) is not None for name in self.needs) / max(len(self.needs), 1)


def reach(row: RawRow, column: str) -> Any:
    """The value of a column; a dotted name that is no column reaches into objects. None where nothing is."""
    if column in row:
        return row[column]
    value: Any = row
    for part in column.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif (
            isinstance(value, Sequence)
            and not isinstance(value, str)
            and part.isdigit()
            and int(part) < len(value)
        ):
            value = value[int(part)]
        else:
            return None
    return value


def few_names(names: Iterable[object]) -> str:
    """The first twenty of these names, each cut at forty characters."""
    return ", ".join(str(name)[:40] for name in islice(names, 20))


def first_of(row: RawRow, *names: str) -> Any:
    """The first of these columns that holds something."""
    for name in names:
        value = reach(row, name)
        if value is not None:
            return value
    return None


def own_row(
    reading: Reading,
    *,
    problem: Any = None,
    prompt: Any = None,
    gold: Any = None,
    completion: Any = None,
    score: Any = ...,
    **more: Any,
) -> dict[str, Any]:
    """One sample in leadline's own form; what is None is left out, without ``score`` it is graded later.

    ``problem`` is the id; without one the problem is known by its prompt and its images (and the like), as in
    problem files.

    Raises:
        ValueError: neither id nor prompt; an id that is too long; or a score that is none.
    """
    asked, media = user_text(prompt), media_digest(*reading.media, prompt=prompt)
    row: dict[str, Any] = {}
    if _is_no_id(problem):
        if not asked and media is None:
            raise ValueError("no id and no prompt: which problem is this a sample of?")
        row["problem_id"] = f"{content_hash(asked or '', media)}-1"
        reading.by_prompt = True
        if media is not None:
            reading.notes["problems are known by their prompt and by what of it is no text (images, ...)"] = (
                None
            )
    else:
        whole = isinstance(problem, float) and problem.is_integer()
        row["problem_id"] = checked_id(str(int(problem) if whole else problem))
    values = {"prompt": asked, "media": media, "completion": turns_text(completion), "gold": gold_text(gold)}
    row |= {name: value for name, value in values.items() if value is not None}
    row |= {name: value for name, value in more.items() if value is not None}
    if score is not ...:
        row["correct"] = reading.right(score)
    return row


def _is_no_id(problem: Any) -> bool:
    """Nothing, an object, a blank text, or pandas' NaN."""
    if isinstance(problem, str):
        return not problem.strip()
    return problem is None or isinstance(problem, Mapping | list) or problem != problem


def user_text(prompt: Any) -> str | None:
    """A prompt as text: the last turn of the user (role ``user`` or ``human``), be they turns or a filled template.

    Of a whole conversation it is the last one before the model first speaks: what is said to it later depends on that.
    """
    if not isinstance(prompt, list | tuple):
        return asked_in(prompt) if isinstance(prompt, str) else None
    turns = _turns(prompt)
    first = next((i for i, turn in enumerate(turns) if role_of(turn) in _ASSISTANT), len(turns))
    if is_conversation(prompt) and any(role_of(turn) in _USER for turn in turns[:first]):
        turns = turns[:first]
    asked = [turn for turn in turns if role_of(turn) in _USER] or turns
    return _content(asked[-1]) if asked else None


def turns_text(completion: Any) -> str | None:
    """A completion as text: of turns those of the assistant, one after another."""
    if not isinstance(completion, list | tuple):
        return completion if isinstance(completion, str) else None
    turns = _turns(completion)
    said = [turn for turn in turns if role_of(turn) in _ASSISTANT] or turns
    texts = [text for text in map(_content, said) if text]
    return "\n".join(texts) if turns else None


def is_conversation(turns: Any) -> bool:
    """Whether these are the turns of a chat, the last of which is the model's."""
    found = _turns(turns) if isinstance(turns, list | tuple) else []
    return bool(found) and role_of(found[-1]) in _ASSISTANT


def _turns(value: Sequence[Any]) -> list[RawRow]:
    """The turns in a list, those in answers of an API (``{"message": {..}, "finish_reason": ..}``) among them."""
    inner = [one.get("message", one) if isinstance(one, Mapping) else None for one in value]
    return [turn for turn in inner if isinstance(turn, Mapping)]


def _content(turn: RawRow) -> str:
    value = turn.get("content", turn.get("value", turn.get("text")))
    if isinstance(value, list):
        parts = [part.get("text", "") for part in value if isinstance(part, Mapping)]
        return "".join(part for part in parts if isinstance(part, str))
    return value if isinstance(value, str) else ""


def gold_text(gold: Any) -> str | None:
    """A reference answer as text: after the last ``####``; of a list of one, that; of an object, its value."""
    if isinstance(gold, Mapping):
        gold = first_of(gold, "value", "answer", "final_answer", "ground_truth", "target")
    if isinstance(gold, list) and len(gold) == 1:
        gold = gold[0]
    if isinstance(gold, bool) or not isinstance(gold, str | int | float):
        return None
    text = gold if isinstance(gold, str) else str(without_point(gold))
    return text.rpartition("####")[2].strip() if "####" in text else text.strip()
