"""Completions of one step that somebody wrote down, as the numbers that the checks look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np

from leadline.grpo.batch_signs import inverted_pairs, prompt_signs, text_signs, went_on, wrong_to_right
from leadline.grpo.groups import Floats, Groups
from leadline.types import finite_number

__all__ = [
    "CompletionRow",
    "batch_name",
    "batch_parts",
    "batch_values",
    "flat_text",
    "outranked",
    "paid_number",
    "verdict_column",
]

_VERDICTS = ("accuracy", "correct", "acc")
"""A column is the verdict when its name has one of these in it and its values are 0 and 1, or -1 and 1."""


@dataclass(frozen=True)
class CompletionRow:
    """One completion.

    Attributes:
        prompt, text: as text.
        correct: the verdict; None where it is not known.
        reward: what it earned, or its advantage: compared within its group only.
        parts: values of the reward's columns; NaN and None as None.
        finished: False where the cap cut it off; None where that is not known.
    """

    prompt: str
    text: str
    correct: bool | None
    reward: float | None
    parts: Mapping[str, float | None] = field(default_factory=dict)
    finished: bool | None = None


def paid_number(value: Any) -> float | None:
    """A reward or a verdict as a number: true is 1 and false 0, as verl's ``acc`` often has them; else None.

    >>> paid_number(True), paid_number(0.5), paid_number(float("nan")), paid_number("1")
    (1.0, 0.5, None, None)
    """
    return float(value) if isinstance(value, bool) else finite_number(value)


def flat_text(value: Any) -> str:
    """Plain text, or the contents of a chat's turns."""
    if isinstance(value, str):
        return value
    turns = value if isinstance(value, list) else []
    contents = (turn.get("content") for turn in turns if isinstance(turn, Mapping))
    return "\n".join(content if isinstance(content, str) else repr(content or "") for content in contents)


def verdict_column(columns: Mapping[str, Sequence[Any]]) -> str | None:
    """Which column of the reward says right or wrong; None where none does.

    >>> verdict_column({"format": [1.0, 0.5], "accuracy_reward": [1.0, 0.0]})
    'accuracy_reward'
    """
    named = [name for name in columns if any(mark in name.lower() for mark in _VERDICTS)]
    verdicts = [name for name in named if _holds_only(columns[name], (-1, 0, 1))]
    if verdicts:
        return verdicts[0]
    only = next(iter(columns)) if len(columns) == 1 else None
    return only if only is not None and _holds_only(columns[only], (0, 1)) else None


def _holds_only(values: Sequence[Any], allowed: tuple[int, ...]) -> bool:
    return all(v is None or v in allowed or v != v for v in values)


def batch_values(rows: Sequence[CompletionRow]) -> dict[str, float]:
    """The numbers of ``metrics.jsonl`` that these rows tell; lengths are in characters, fit for ratios only."""
    index, n_groups = _groups([row.prompt for row in rows])
    groups = Groups(index, n_groups)
    right = np.array([row.correct is True for row in rows])
    wrong = np.array([row.correct is False for row in rows])
    reward = np.array([np.nan if row.reward is None else row.reward for row in rows], dtype=np.float64)
    values: dict[str, float | None] = {"completions": float(len(rows)), "groups": float(n_groups)}
    if (right | wrong).any():
        mixed = (groups.total(right) > 0) & (groups.total(wrong) > 0)
        values |= {
            "pass@1": float(right.mean()),
            "unscorable": float(1 - (right | wrong).mean()),
            "mixed": float(mixed.mean()),
            "mean_tokens_correct": _mean_length(rows, right),
            "mean_tokens_wrong": _mean_length(rows, wrong),
            "wrong_to_right": wrong_to_right(
                right, wrong, np.array([float(len(row.text)) for row in rows]), groups
            ),
            "inverted": inverted_pairs(right, wrong, reward, groups),
        }
    if not np.isnan(reward).all():
        values["live"] = _live(reward, groups)
    finished = [row.finished is not False for row in rows]
    signs = text_signs([row.text for row in rows], finished)
    values["loops"] = signs["loops"]
    values["copies"] = _copies(rows, index)
    values["ran_on"] = fmean(went_on(row.text) for row in rows)
    if any(row.finished is not None for row in rows):
        values |= {"truncated": 1 - fmean(finished), "ran_on": signs["ran_on"]}
    return {name: value for name, value in values.items() if value is not None}


def outranked(rows: Sequence[CompletionRow], weights: Mapping[str, float]) -> float | None:
    """``outranked`` of docs/formats.md, where it is known what each column of the reward is paid."""
    paid = [
        (row.correct, sum(weight * (row.parts.get(name) or 0.0) for name, weight in weights.items()))
        for row in rows
    ]
    right, wrong = ([reward for verdict, reward in paid if verdict is said] for said in (True, False))
    return max(wrong) - min(right) if right and wrong else None


def batch_parts(rows: Sequence[CompletionRow]) -> dict[str, float | None]:
    """Mean of every column of the reward; None where it has no number."""
    names = dict.fromkeys(name for row in rows for name in row.parts)
    known = {
        name: [v for row in rows if (v := finite_number(row.parts.get(name))) is not None] for name in names
    }
    return {name: fmean(values) if values else None for name, values in known.items()}


def batch_name(rows: Sequence[CompletionRow]) -> str:
    """A name of what was asked, in whatever order (see ``batch`` in docs/formats.md)."""
    return str(prompt_signs([row.prompt for row in rows])["batch"])


def _live(reward: Floats, groups: Groups) -> float:
    """Share of groups whose rewards, where they are known, are not all the same; rows without one take no part."""
    known = ~np.isnan(reward)
    one = np.zeros(groups.n_groups)
    one[groups.index[known]] = reward[known]
    return float((~groups.constant(np.where(known, reward, one[groups.index]))).mean())


def _groups(prompts: Sequence[str]) -> tuple[Any, int]:
    place: dict[str, int] = {}
    index = np.array([place.setdefault(prompt, len(place)) for prompt in prompts], dtype=np.int64)
    return index, len(place)


def _copies(rows: Sequence[CompletionRow], index: Any) -> float:
    """Share of completions that stand in their group before, of those that could."""
    distinct = len({(int(group), row.text) for group, row in zip(index, rows, strict=True)})
    most = len(rows) - int(index.max()) - 1
    return (len(rows) - distinct) / most if most else 0.0


def _mean_length(rows: Sequence[CompletionRow], among: Any) -> float | None:
    lengths = [len(row.text) for row, chosen in zip(rows, among, strict=True) if chosen]
    return fmean(lengths) if lengths else None
