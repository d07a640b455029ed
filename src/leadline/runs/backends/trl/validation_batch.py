"""How many completions of a validation each process draws at once."""

from __future__ import annotations

from leadline.recipes.schema import VALIDATION_SAMPLES

__all__ = ["validation_rows"]

_PROBLEMS = 16


def validation_rows(problems: int, world: int) -> int:
    """Those of at most 16 problems.

    In several processes so many that all batches are full, where that can be: accelerate fills the last ones up with
    the first completions of the set, which would count twice.

    >>> validation_rows(20, 1), validation_rows(20, 2), validation_rows(3, 2)
    (64, 40, 6)
    """
    most, drawn = VALIDATION_SAMPLES * max(1, min(problems, _PROBLEMS)), VALIDATION_SAMPLES * problems
    if world == 1:
        return most
    full = [n for n in range(1, most + 1) if drawn % (n * world) == 0 and n * world % VALIDATION_SAMPLES == 0]
    return max(full, default=most)
