"""What the columns of a row mean: prompt, answer and the rest, recognised in the forms that data sets come in."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from leadline.data.chat_turns import content_of, role_of
from leadline.data.column_roles import problem_names
from leadline.data.problems.choices import as_choices
from leadline.data.prompt_media import media_digest, media_parts
from leadline.data.whole_numbers import without_point
from leadline.grading.text.extract import extract_answer
from leadline.types import Message, checked_id

__all__ = ["FIELDS", "Draft", "read_row", "with_input"]

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
_ROLES = frozenset({"system", "user", "assistant"})
_OTHER_ROLES = {"human": "user", "gpt": "assistant", "model": "assistant"}
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
    if (found["prompt"][0] or "").lower() == "instruction" and isinstance(values["prompt"], str):
        values["prompt"] = with_input(values["prompt"], lower.get("input"))
        meta.pop("input", None)
    messages = _messages(values["messages"] if values["messages"] is not None else values["prompt"])
    prompt = _last_user_turn(messages) if messages else _text(values["prompt"], "prompt", row)
    answer, solution = _answer(values["answer"], values["solution"], row)
    return Draft(prompt, answer, _id(values["id"]), messages, solution, difficulty, meta, media)


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
        boxed = extract_answer(worked) if worked and "boxed" in worked else None
        if boxed is None:
            raise ValueError(_missing("answer", row))
        return boxed, worked
    text = _plain_answer(answer)
    before, hashes, after = text.rpartition("####")
    if not hashes:
        return text, worked
    if not after.strip():
        raise ValueError("no answer after '####'")
    return after.strip(), worked or _CALCULATOR.sub("", text).strip() if before.strip() else worked


def _plain_answer(answer: Any) -> str:
    if isinstance(answer, Mapping):
        held = [answer[key] for key in _ANSWER_KEYS if answer.get(key) is not None]
        answer = held[0] if len(held) == 1 else answer
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise ValueError(f"the answer must be text or a number, found {_kind(answer)}")
    if isinstance(answer, float):
        if not math.isfinite(answer):
            raise ValueError(f"the answer is {answer}")
        return str(without_point(answer))
    if isinstance(answer, int):
        return f"{answer:d}" if abs(answer) < 10**4000 else _refuse("the answer has more than 4,000 digits")
    return answer.strip() or _refuse("the answer is blank")


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
    return (
        f"no {what}: expected a column named {', '.join(names)}; found {have}. Others are named by --columns "
        f"{what}=COLUMN, in a recipe by data.columns and data.evaluation_columns"
    )


def _messages(value: Any) -> tuple[Message, ...] | None:
    """Turns of a chat, or None where the value is not a list."""
    if not isinstance(value, list):
        return None
    turns = []
    for i, turn in enumerate(value):
        role, content = _turn(turn) if isinstance(turn, Mapping) else (None, None)
        if role not in _ROLES or not isinstance(content, str):
            raise ValueError(f"turn {i + 1} must be {{'role': system, user or assistant, 'content': text}}")
        turns.append(Message(role, content))
    return tuple(turns)


def _turn(turn: Mapping[str, Any]) -> tuple[Any, Any]:
    """Role and text, by the names that chats of others have for them as well."""
    role = role_of(turn)
    return _OTHER_ROLES.get(str(role), role), content_of(turn)


def _last_user_turn(messages: tuple[Message, ...]) -> str:
    for turn in reversed(messages):
        if turn.role == "user" and turn.content.strip():
            return turn.content
    raise ValueError("the messages hold no user turn with text")


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
