"""What is known of one step of a run, whoever trains it, and the steps of a run so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from leadline.storage.step_row import reward_parts
from leadline.types import finite_number

__all__ = ["History", "Observation"]

_ELSEWHERE = ("valid", "copies", "clip_fresh")
"""Values that no line of ``metrics.jsonl`` has."""
_SAMPLED = ("reward", "pass@1", "truncated", "mean_tokens")
"""Values of completions, of which any step that samples knows some."""
_KEPT = 64
"""Latest steps that a series keeps, beside the first few."""
_EARLY = 5


@dataclass(frozen=True)
class Observation:
    """One step.

    Attributes:
        step: its number.
        values: numbers by the names of ``metrics.jsonl`` (docs/formats.md); ``valid``, accuracy on validation; of
            other trainers also ``copies``, completions that stand in their group before, and ``clip_fresh``, tokens
            clipped before any update. What is not known is missing.
        parts: mean of every part of the reward but correctness; None where it was NaN or no number.
        batch: a name of what was asked, in order.
    """

    step: int
    values: Mapping[str, float]
    parts: Mapping[str, float | None] = field(default_factory=dict)
    batch: str | None = None

    @classmethod
    def of_row(cls, row: Mapping[str, Any], level: str = "token") -> Observation:
        """From a line of ``metrics.jsonl``, of an arm whose importance ratio is at that level (:meth:`at_level`)."""
        numbers = {name: value for name, raw in row.items() if (value := finite_number(raw)) is not None}
        if row.get("stage") == "valid":
            known = {"valid": numbers["pass@1"]} if "pass@1" in numbers else {}
            return cls(int(row["step"]), known)
        parts = {name: numbers.get(name) for name in reward_parts(row) if name not in _ELSEWHERE}
        values = {name: value for name, value in numbers.items() if name not in {"step", *parts}}
        if "pass@1" in row and "pass@1" not in numbers:
            parts["accuracy"] = None
        batch = row.get("batch")
        whole = cls(int(row["step"]), values, parts, batch if isinstance(batch, str) else None)
        return whole.at_level(level)

    def at_level(self, level: str) -> Observation:
        """As the checks may read it where the importance ratio is one a ``token``, or one a ``sequence``.

        A ratio a sequence is clipped for whole completions: what healthy runs clip is no matter of a few tokens.
        """
        if level != "sequence":
            return self
        return replace(
            self, values={name: value for name, value in self.values.items() if name != "clip_share"}
        )

    def get(self, name: str) -> float | None:
        """A number, if it is known."""
        return self.values.get(name)

    @property
    def units(self) -> float:
        """Independent units behind a share: groups; 1 where that is not known."""
        return max(1.0, self.values.get("groups", 1.0))


class History:
    """The training steps of one run, in order: the first few, the latest, and the validations."""

    def __init__(self) -> None:
        self.early: list[Observation] = []
        self.late: list[Observation] = []
        self.valid: list[tuple[Observation, float | None]] = []
        """Each validation, and the training accuracy of the steps before it."""
        self.steps = 0

    def add(self, seen: Observation) -> Observation:
        """One more step, or a validation; returned with what is known of it from before.

        A step that only updates the policy, on completions of a step before (TRL with ``num_iterations`` above 1), is
        one of the latest, and none of the first.
        """
        if "valid" in seen.values:
            self.valid.append((seen, self.recent("pass@1")))
        if seen.values.keys() <= {"valid"} and not seen.parts:
            return seen
        if self.steps and seen.values.keys().isdisjoint(_SAMPLED) and not seen.parts:
            known = {name: value for name in ("groups", "completions") for value in self.latest(name, 1)}
            seen = replace(seen, values={**known, **seen.values})
        else:
            self.steps += 1
            if len(self.early) < _EARLY:
                self.early.append(seen)
        self.late.append(seen)
        del self.late[:-_KEPT]
        return seen

    def first(self, name: str, *, least: int = 3) -> float | None:
        """Mean over the first steps; None before there are ``least`` of them, the present one left out."""
        before = self.early if self.steps > len(self.early) else self.early[:-1]
        values = [value for seen in before if (value := seen.get(name)) is not None]
        return fmean(values) if len(values) >= least else None

    def begun(self, name: str) -> float | None:
        """The first step's value, from before any update; None in that step itself, or where it did not know."""
        return self.early[0].get(name) if self.steps > 1 else None

    def recent(self, name: str, count: int = 5) -> float | None:
        """Mean over the last ``count`` steps that know it."""
        values = list(self.latest(name, count))
        return fmean(values) if values else None

    def latest(self, name: str, count: int) -> Iterator[float]:
        """The values of the last ``count`` steps that know it, oldest first."""
        values = [value for seen in self.late if (value := seen.get(name)) is not None]
        return iter(values[-count:])
