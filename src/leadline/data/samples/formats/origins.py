"""Of whose samples the rows say they are: what must not be taken together in silence, in whatever files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.data.column_roles import sample_names

__all__ = ["ORIGIN_KEYS", "Origins"]

_MODELS = ("model", "model_name", "model_id", "model_path", "generator", "generation_model", "checkpoint")
_SETS = tuple("dataset dataset_name data_source benchmark task task_name subset subject split".split())
_SHOWN = 4
_STEPS, _MOST = ("step", "global_step", "training_step"), 100_000
_MOST_ROWS = 1_000_000
_TEMPERATURES = ("temperature",)
_TURNS = ("turn", "turn_idx", "turn_index", "turn_id")
_SAMPLE = tuple(
    "sample_id sample_idx sample_index rollout_idx rollout_index attempt completion_id trial".split()
)
ORIGIN_KEYS = (*_STEPS, *_TEMPERATURES, *_TURNS)
"""Columns of numbers for which rows of leadline's own layout are looked at, too."""


@dataclass(slots=True)
class Origins:
    """What rows say of where they come from.

    Attributes:
        models: names of models, the first few.
        steps: steps of a training run.
        temperatures: at which samples were drawn, the first few.
        turns: numbers of turns within a sample.
        met: digests of the rows that number their samples.
        again: how many of those had been met before.
        failed: rows that state an error.
        sets: id -> the data set of its first row.
        clashes: id -> another data set, in which it stands as well.
    """

    models: set[str] = field(default_factory=set)
    steps: set[int] = field(default_factory=set)
    temperatures: set[float] = field(default_factory=set)
    turns: set[int] = field(default_factory=set)
    met: set[int] = field(default_factory=set)
    again: int = 0
    failed: int = 0
    sets: dict[object, str] = field(default_factory=dict)
    clashes: dict[object, str] = field(default_factory=dict)

    def meet(self, row: Mapping[str, Any]) -> None:
        """Note which model, step of training, temperature and turn a row says it is of."""
        if len(self.models) < _SHOWN:
            self.models |= {row[key][:60] for key in _MODELS if isinstance(row.get(key), str)}
        if len(self.steps) < _MOST:
            self.steps |= {int(step) for step in _numbers(row, _STEPS) if step == step // 1}
        if len(self.temperatures) < _SHOWN:
            self.temperatures |= set(_numbers(row, _TEMPERATURES))
        if len(self.turns) < _MOST:
            self.turns |= {int(turn) for turn in _numbers(row, _TURNS) if turn == turn // 1}
        self.failed += isinstance(row.get("error"), str | Mapping) and bool(row["error"])
        self._meet_set(row)
        if any(key in row for key in _SAMPLE) and len(self.met) < _MOST_ROWS:
            digest = hash(repr(row))
            self.again += digest in self.met
            self.met.add(digest)

    def _meet_set(self, row: Mapping[str, Any]) -> None:
        """Note ids that stand in two data sets: each numbers its problems from 0."""
        name = next((row[key] for key in _SETS if isinstance(row.get(key), str)), None)
        if name is None or len(self.sets) >= _MOST_ROWS:
            return
        identity = next(
            (row[key] for key in sample_names("problem_id") if type(row.get(key)) in (int, str)), None
        )
        if identity is not None and self.sets.setdefault(identity, name[:60]) != name[:60]:
            self.clashes[identity] = name[:60]

    def said(self) -> Iterator[str]:
        """What is to be said where they are several: the numbers are of none of them."""
        if len(self.models) > 1:
            yield f"samples of several models taken together: {', '.join(sorted(self.models))}"
        if len(self.steps) > 1:
            yield (
                f"samples of {len(self.steps):,} training steps ({min(self.steps)} to {max(self.steps)}) taken "
                "together: the model changed between them. Read the files of one step, or of a few at the start, for "
                "what it was then"
            )
        if len(self.temperatures) > 1:
            listed = ", ".join(f"{value:g}" for value in sorted(self.temperatures))
            yield f"samples drawn at several temperatures ({listed}) taken together: their success is of none of them"
        if self.failed:
            yield (
                f"{self.failed:,} rows state an error and count by their verdicts all the same: if these are requests "
                "that failed, leave them out"
            )
        if self.clashes:
            first, other = next(iter(self.clashes.items()))
            yield (
                f"{len(self.clashes):,} ids stand in several data sets and count as one problem each, the first "
                f"{str(first)[:60]!r} in {self.sets[first]!r} and {other!r}: read one data set at a time"
            )
        if self.again:
            yield (
                f"{self.again:,} rows repeat an earlier one, the number of the sample and all, and count twice: a run "
                "that was resumed, or one file under two names?"
            )
        if len(self.turns) > 1:
            yield (
                f"rows of several turns ({min(self.turns)} to {max(self.turns)}): each row counts as a sample. If they "
                "are parts of one, keep the last turn of each"
            )


def _numbers(row: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[float]:
    for key in keys:
        if type(row.get(key)) in (int, float):
            yield row[key]
