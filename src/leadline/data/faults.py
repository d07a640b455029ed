"""The faults of a file's rows, as a refusal names them: some, and how many more there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from leadline.errors import FAULTS_SHOWN

__all__ = ["shown_faults"]

ALIKE = 3  # of one kind


def shown_faults(faults: Sequence[str], source: str, beyond: int = 0) -> list[str]:
    """So many faults; one that many rows share, such as a column of another name, is named by its first rows.

    Args:
        faults: ``place: why``, in order.
        source: what the file is called.
        beyond: further ones, of which nobody kept the words.

    >>> shown_faults([f"x:{i}: no answer" for i in range(1, 7)], "x")
    ['x:1: no answer', 'x:2: no answer', 'x:3: no answer', 'x: 3 more rows: no answer']
    """
    reasons = Counter(fault.partition(": ")[2] for fault in faults)
    seen: Counter[str] = Counter()
    shown, alike = [], 0
    for fault in faults:
        reason = fault.partition(": ")[2]
        seen[reason] += 1
        if seen[reason] <= ALIKE or reasons[reason] == ALIKE + 1:
            shown.append(fault)
        elif seen[reason] == ALIKE + 1:
            shown.append(f"{source}: {reasons[reason] - ALIKE:,} more rows: {reason}")
            alike += reasons[reason] - ALIKE - 1
    more = len(faults) - alike - FAULTS_SHOWN
    rest = max(more, 0) + beyond
    return shown[:FAULTS_SHOWN] + ([f"{source}: and {rest} more rows"] if rest > 0 else [])
