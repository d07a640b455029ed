"""A TRL output directory (``trainer_state.json``, ``completions/*.parquet``), or such tables alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from leadline.data.row_files import read_rows
from leadline.health.observation import Observation
from leadline.health.sources.completion_batch import (
    CompletionRow,
    batch_name,
    batch_parts,
    batch_values,
    flat_text,
    paid_number,
    verdict_column,
)
from leadline.health.sources.trl_log import evaluated_set, observation_of_log, over_sets
from leadline.storage.jsonl import read_json
from leadline.types import finite_number

__all__ = ["completion_rows", "is_trl", "merged", "read_trl", "trl_total"]

_OTHERS = frozenset({"step", "prompt", "completion", "advantage", "image", "images"})


def is_trl(path: Path) -> bool:
    """Whether TRL wrote this directory, folder of completions, or table of them."""
    return newest_state(path) is not None or bool(_tables(path))


def read_trl(path: Path) -> list[Observation]:
    """Every step that was logged, with what its completions say where they were kept (``log_completions``).

    At a step that TRL evaluates after, it writes the evaluation's completions over those of the training: what these
    would say of the step is not known.

    Raises:
        DataError: a file that is not what its name says.
    """
    newest = newest_state(path)
    state = read_json(newest) if newest is not None else {}
    steps: dict[int, Observation] = {}
    sets: dict[int, dict[str, Observation]] = {}
    for entry, seen in _logged(state):
        if "valid" in seen.values:
            sets.setdefault(seen.step, {})[evaluated_set(entry)] = seen
        else:
            steps[seen.step] = seen
    valid = [over_sets(found) for found in sets.values()]
    last: list[CompletionRow] = []
    evaluations = _Evaluations.of(state)
    paid = {name for seen in steps.values() for name in seen.parts}
    for table in _tables(path):
        step, columns = _columns(table)
        rows = completion_rows(columns, paid)
        if not rows or rows == last:  # the same generation, logged again
            continue
        last = rows
        if evaluations.at(step):  # the evaluation's, written over the training's
            continue
        steps[step] = merged(steps.get(step), rows, step)
    return sorted([*steps.values(), *valid], key=lambda seen: (seen.step, "valid" in seen.values))


def trl_total(folder: Path) -> int | None:
    """How many steps the run is to have, as far as its state says."""
    state = newest_state(folder)
    total = finite_number(read_json(state).get("max_steps")) if state is not None else None
    return int(total) if total else None


def newest_state(folder: Path) -> Path | None:
    """The ``trainer_state.json`` that reaches furthest: of the directory itself or of a checkpoint."""
    found = [
        (int(match[1]), path)
        for path in folder.glob("checkpoint-*/trainer_state.json")
        if (match := re.fullmatch(r"checkpoint-(\d{1,12})", path.parent.name))
    ]
    newest, own = max(found, default=None), folder / "trainer_state.json"
    if own.is_file() and (newest is None or _reached(read_json(own)) >= newest[0]):
        return own
    return newest[1] if newest else None


def _reached(state: Mapping[str, Any]) -> int:
    """The step that a state is of, by what it says of itself or by its last entry."""
    history = state.get("log_history")
    last = history[-1] if isinstance(history, list) and history else None
    steps = (state.get("global_step"), last.get("step") if isinstance(last, Mapping) else None)
    return max(int(finite_number(step) or 0) for step in steps)


def _tables(path: Path) -> list[Path]:
    """The tables of completions, which are often copied off a cluster without the rest of the directory."""
    if path.is_file():
        return [path] if path.suffix == ".parquet" else []
    name = "completions_*.parquet"
    return sorted(path.glob(f"completions/{name}")) or sorted(path.glob(name))


def _logged(state: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Observation]]:
    history = state.get("log_history")
    before: Mapping[str, Any] | None = None
    for entry in history if isinstance(history, list) else []:
        step = finite_number(entry.get("step")) if isinstance(entry, Mapping) else None
        if step is None:
            continue
        seen = observation_of_log(entry, int(step), before)
        if seen is not None:
            yield entry, seen
            before = before if "valid" in seen.values else entry


@dataclass(frozen=True)
class _Evaluations:
    """At which steps TRL evaluated: as its log says, and, beyond the log's end, as the run's period does."""

    steps: frozenset[int]
    reached: int
    every: int

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> _Evaluations:
        history = state.get("log_history")
        entries = [one for one in history if isinstance(one, Mapping)] if isinstance(history, list) else []
        found = (
            finite_number(one.get("step")) for one in entries if any(key.startswith("eval_") for key in one)
        )
        every = int(finite_number(state.get("eval_steps")) or 0)
        return cls(frozenset(int(step) for step in found if step is not None), _reached(state), every)

    def at(self, step: int) -> bool:
        if step in self.steps or not self.steps or self.every < 1:
            return step in self.steps
        return step > self.reached and step % self.every == 0


def _columns(path: Path) -> tuple[int, dict[str, list[Any]]]:
    """The step of a file of completions, and its columns."""
    columns: dict[str, list[Any]] = {}
    for number, row in enumerate(read_rows(path)):
        for name, value in row.values.items():
            columns.setdefault(name, [None] * number).append(value)
    steps = [step for value in columns.get("step", []) if (step := finite_number(value)) is not None]
    named = re.search(r"(\d{1,12})\.parquet$", path.name)
    return int(steps[0]) if steps else int(named[1]) if named else 0, columns


def completion_rows(
    columns: Mapping[str, list[Any]], paid: Collection[str] = frozenset()
) -> list[CompletionRow]:
    """The rows of TRL's table of completions, by the names of its columns.

    Args:
        columns: the table.
        paid: names of the reward functions, where they are known: what they put beside them (``log_extra``) is paid to
            nobody.
    """
    prompts, texts = columns.get("prompt", []), columns.get("completion", [])
    numbers = {
        name: values
        for name, values in columns.items()
        if name not in _OTHERS and all(value is None or isinstance(value, int | float) for value in values)
    }
    rewards = {name: values for name, values in numbers.items() if name in paid} or numbers
    verdict = verdict_column(rewards)
    earned = columns.get("advantage") or [
        sum(paid_number(values[i]) or 0.0 for values in rewards.values()) for i in range(len(texts))
    ]
    return [
        CompletionRow(
            flat_text(prompts[i]),
            flat_text(texts[i]),
            None if verdict is None or (said := paid_number(rewards[verdict][i])) is None else said > 0,
            paid_number(earned[i]),
            {name: paid_number(values[i]) for name, values in rewards.items()},
        )
        for i in range(min(len(prompts), len(texts)))
    ]


def merged(logged: Observation | None, rows: list[CompletionRow], step: int) -> Observation:
    """What the log says of a step, and what its completions add."""
    found = Observation(step, batch_values(rows), batch_parts(rows), batch_name(rows))
    if logged is None:
        return found
    return replace(
        logged,
        values={**found.values, **logged.values},
        parts={**found.parts, **logged.parts},
        batch=found.batch,
    )
