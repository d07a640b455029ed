"""What the columns of a row mean: prompt, answer and the rest, recognised in the forms that data sets come in."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from leadline.data.column_roles import problem_names
from leadline.data.problems.choices import as_choices, given_choices
from leadline.data.problems.conversation import read_conversation, turns_of_row
from leadline.data.prompt_media import media_digest, media_parts
from leadline.data.whole_numbers import without_point
from leadline.grading.text.extract import extract_answer
from leadline.types import Message, checked_id

__all__ = ["FIELDS", "Draft", "read_row", "with_context", "with_input"]

FIELDS: Mapping[str, tuple[str, ...]] = {
    "id": problem_names("problem_id"),
    "messages": problem_names("messages"),
    "prompt": problem_names("prompt"),
    "answer": problem_names("gold"),
    "solution": problem_names("solution"),
    "difficulty": problem_names("difficulty"),
}
"""Each field with the column names that may hold it, tried in this order, letter case aside."""

_RIGHT, _WRONG = "correct answer", "incorrect answer "
_CALCULATOR = re.compile(r"<<[^<>]{0,200}>>")
_LEVEL = re.compile(r"\s*(?:level\s*)?([-+]?\d{1,9}(?:\.\d{1,9})?)\s*", re.IGNORECASE)
_CONTEXT = ("body", "context", "passage")
_ANSWER_KEYS = ("value", "answer", "final_answer", "ground_truth")


@dataclass(frozen=True, slots=True)
class Draft:
    """A row that has been understood, before ids are given and reference answers are checked."""

    prompt: str
    answer: str
    id: str | None = None
    messages: tuple[Message, ...] | None = None
    solution: str | None = None
    difficulty: float | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    media: str | None = None


def read_row(row: Mapping[str, Any], columns: Mapping[str, str] | None = None, seed: int = 0) -> Draft:
    """Understand one row.

    Recognised: ``{prompt | messages, answer}``; GSM8K ``{question, answer: "... #### 42"}``; MATH ``{problem,
    solution: "... \\boxed{42}"}``; MATH-500 and AIME ``{problem, answer, ...}``; rows of verl (``prompt`` as
    turns, ``reward_model.ground_truth``); GPQA ``{Question, Correct Answer, Incorrect Answer 1..}`` as
    multiple choice.

    Args:
        row: column name -> value.
        columns: field (see ``FIELDS``) -> column that holds it, where the names say something else; a dotted
            name reaches into objects (``metadata.num_terms``).
        seed: order of the choices of a multiple-choice row.

    Raises:
        ValueError: why the row cannot be used.
    """
    row = turns_of_row(row)
    found = {name: _find(row, (columns or {}).get(name), FIELDS[name]) for name in FIELDS}
    used = {column.partition(".")[0] for column, _ in found.values() if column}
    values = {name: value for name, (_, value) in found.items()}
    meta = {str(name): _json(value) for name, value in row.items() if name not in used}
    lower = {str(name).lower(): value for name, value in row.items()}
    difficulty = _difficulty(values["difficulty"])
    if difficulty is None and values["difficulty"] is not None:
        meta["difficulty"] = _json(values["difficulty"])  # a word such as "hard": kept, not understood
    media = media_digest(*media_parts(row))
    if _RIGHT in lower:
        return replace(_multiple_choice(lower, values, difficulty, meta, seed), media=media)
    values["prompt"] = _whole_prompt(found["prompt"][0], values["prompt"], lower, meta)
    talk = read_conversation(values["messages"], answered=True) or read_conversation(
        values["prompt"], answered=False
    )
    prompt = talk.prompt if talk else _text(values["prompt"], "prompt", row)
    asked = None if talk else given_choices(prompt, lower)
    prompt, values["answer"] = asked or (prompt, values["answer"])
    if talk and values["answer"] is None:
        values["answer"] = talk.gold
    if talk and values["solution"] is None:
        values["solution"] = talk.worked
    answer, solution = _answer(values["answer"], values["solution"], row)
    turns = talk.turns if talk else None
    return Draft(prompt, answer, _id(values["id"]), turns, solution, difficulty, meta, media)


def _whole_prompt(column: str | None, prompt: Any, lower: Mapping[str, Any], meta: dict[str, Any]) -> Any:
    """The prompt with what it needs of other columns: an instruction's input, a question's facts."""
    if (column or "").lower() == "instruction" and isinstance(prompt, str):
        meta.pop("input", None)
        return with_input(prompt, lower.get("input"))
    return with_context(prompt, lower)


def with_context(prompt: Any, lower: Mapping[str, Any]) -> Any:
    """A question behind the facts that it is about, where another column has them (SVAMP, DROP).

    Args:
        prompt: the question.
        lower: the row, the names of its columns in lower case.

    >>> with_context("How many are left?", {"body": "Of 8 pens 3 are sold."}).split("\\n")
    ['Of 8 pens 3 are sold.', '', 'How many are left?']
    """
    facts = next((lower[name] for name in _CONTEXT if lower.get(name) is not None), None)
    if not isinstance(prompt, str) or not isinstance(facts, str) or facts.strip() in prompt:
        return prompt
    return with_input(facts.strip(), prompt)


def with_input(instruction: str, more: Any) -> str:
    """An instruction and what it is to be done with, both (Alpaca's layout)."""
    return f"{instruction}\n\n{more}" if isinstance(more, str) and more.strip() else instruction


def _find(row: Mapping[str, Any], given: str | None, names: tuple[str, ...]) -> tuple[str | None, Any]:
    """The first column of these names that holds something, and its value."""
    if given is not None:
        value = _reach(row, given)
        if value is None:
            raise ValueError(f"column {given!r} is missing or empty")
        return given, value
    lower = {str(name).lower(): name for name in row}
    for name in names:
        head, _, rest = name.partition(".")
        if head in lower:
            column = lower[head] + ("." + rest if rest else "")
            value = _reach(row, column)
            if value is not None:
                return column, value
    return None, None


def _reach(row: Mapping[str, Any], column: str) -> Any:
    if column in row:
        return row[column]
    value: Any = row
    for part in column.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def _answer(answer: Any, solution: Any, row: Mapping[str, Any]) -> tuple[str, str | None]:
    """The gold and the worked solution, whichever columns they came in."""
    worked = solution.strip() if isinstance(solution, str) and solution.strip() else None
    if answer is None:
        concluded = _concluded(worked) if worked else None
        if not concluded:
            raise ValueError(_missing("answer", row))
        return concluded, worked
    text = _plain_answer(answer)
    before, hashes, after = text.rpartition("####")
    if not hashes:
        return text, worked
    if not after.strip():
        raise ValueError("no answer after '####'")
    return after.strip(), worked or _CALCULATOR.sub("", text).strip() if before.strip() else worked


def _concluded(worked: str) -> str | None:
    """The answer that a worked solution ends in: in its last box, or behind ``####``."""
    if "boxed" in worked:
        return extract_answer(worked)
    return worked.rpartition("####")[2].strip() if "####" in worked else None


def _plain_answer(answer: Any) -> str:
    if isinstance(answer, Mapping):
        held = [answer[key] for key in _ANSWER_KEYS if answer.get(key) is not None]
        answer = held[0] if len(held) == 1 else answer
    answer = _only_one(answer)
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise ValueError(f"the answer must be text or a number, found {_kind(answer)}")
    if isinstance(answer, float):
        if not math.isfinite(answer):
            raise ValueError(f"the answer is {answer}")
        return str(without_point(answer))
    if isinstance(answer, int):
        return f"{answer:d}" if abs(answer) < 10**4000 else _refuse("the answer has more than 4,000 digits")
    return answer.strip() or _refuse("the answer is blank")


def _only_one(answer: Any) -> Any:
    """The one entry of a list, be it a list or written as JSON (Skywork-OR1: ``["18"]``); else as given."""
    if isinstance(answer, str) and answer.strip().startswith('["') and answer.strip().endswith('"]'):
        with contextlib.suppress(ValueError):
            found = json.loads(answer)
            return found[0] if len(found) == 1 and isinstance(found[0], str) else answer
    return answer[0] if isinstance(answer, list) and len(answer) == 1 else answer


def _refuse(why: str) -> str:
    raise ValueError(why)


def _text(value: Any, what: str, row: Mapping[str, Any]) -> str:
    if value is None:
        raise ValueError(_missing(what, row))
    if not isinstance(value, str):
        raise ValueError(f"the {what} must be text, found {_kind(value)}")
    return value if value.strip() else _refuse(f"the {what} is blank")


def _missing(what: str, row: Mapping[str, Any]) -> str:
    have = ", ".join(sorted(str(name)[:40] for name in row)[:20]) or "none"
    names = sorted(FIELDS[what], key=lambda name: name != what)  # the plain name first
    beside = " (data.prompt=COLUMN beside samples)" if what == "prompt" else ""
    return (
        f"no {what}: expected a column named {', '.join(names)}; found {have}. Others are named by --columns "
        f"{what}=COLUMN{beside}, in a recipe by data.columns and data.evaluation_columns"
    )


def _multiple_choice(
    lower: Mapping[str, Any],
    values: Mapping[str, Any],
    difficulty: float | None,
    meta: Mapping[str, Any],
    seed: int,
) -> Draft:
    wrong = [lower[name] for name in sorted(lower) if name.startswith(_WRONG) and lower[name] is not None]
    texts = [_text(text, "choice", {}) for text in (lower[_RIGHT], *wrong)]
    prompt, letter = as_choices(_text(values["prompt"], "prompt", lower), texts[0], texts[1:], seed)
    explanation = lower.get("explanation")
    solution = explanation if isinstance(explanation, str) and explanation.strip() else None
    return Draft(prompt, letter, _id(values["id"]), None, solution, difficulty, meta)


def _id(value: Any) -> str | None:
    if value is None or (
        isinstance(value, float) and math.isnan(value)
    ):  # pandas' way of saying that there is none
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(
            f"the id must be text or a number, found {_kind(value)}; name its column, as in id=meta.id"
        )
    text = str(value if isinstance(value, str) else without_point(value))
    return checked_id(text.strip()) or None


def _difficulty(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value) if abs(value) < 1e9 else math.nan
        return number if math.isfinite(number) else None
    match = _LEVEL.fullmatch(value) if isinstance(value, str) else None
    return float(match[1]) if match else None


def _json(value: Any) -> Any:
    """The value as JSON would carry it: what it cannot carry becomes text."""
    return json.loads(json.dumps(value, default=str))


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
