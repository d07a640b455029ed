"""How much of the reflection in the samples is reward hacking: words in near-repeats of what came before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.rewards import reflect

__all__ = ["ReflectionHacking"]

MAX_TEXTS, PER_PROBLEM = 4000, 4
MAX_CHARACTERS = 20_000


@dataclass(slots=True)
class ReflectionHacking:
    """Counts reflecting hits and those of them in near-repeats.

    Over a source's first four texts per problem, 4,000 in all.

    Hand ``observe`` to the reading of the samples. ``share`` is None where no text was seen or none reflects.
    """

    texts: int = 0
    hits: int = 0
    repeats: int = 0
    _seen: dict[str, int] = field(default_factory=dict, repr=False)

    def observe(self, row: Mapping[str, Any]) -> None:
        """Look at the completion of one sample row."""
        name = str(row["problem_id"])
        before = self._seen.get(name, 0)
        if self.texts >= MAX_TEXTS or before >= PER_PROBLEM:
            return
        self._seen[name] = before + 1
        found = reflect(row["completion"][:MAX_CHARACTERS])
        self.texts += 1
        self.hits += len(set(found.spans) | set(found.repeats))
        self.repeats += len(found.repeats)

    @property
    def share(self) -> float | None:
        """Hits in near-repeats over all hits."""
        return self.repeats / self.hits if self.hits else None

    @property
    def per_text(self) -> float | None:
        """Reflecting hits a text."""
        return self.hits / self.texts if self.texts else None
