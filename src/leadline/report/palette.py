"""One colour for an arm on the whole page, in two versions: for light and for dark paper.

Every colour stands out from its paper by at least 3 to 1 (WCAG 2.2, 1.4.11; held by a test). Colour is never
alone: arms also differ by marker, runs by stroke, and verdicts are words.
"""

from __future__ import annotations

from collections.abc import Sequence

LIGHT_PAPER = "#fbfaf7"
DARK_PAPER = "#15181b"

LIGHT = (
    "#6b7078",  # slot 0: what nothing was done to
    "#1b66b0",
    "#c2470e",
    "#1a7a58",
    "#8347a6",
    "#8f6400",
    "#0a7588",
    "#b33566",
    "#5a5fc7",
    "#5d6b14",
)
DARK = (
    "#a3a9b1",
    "#74b3ee",
    "#f49a63",
    "#62c99f",
    "#c8a0e4",
    "#dcb650",
    "#66c8da",
    "#f08fb2",
    "#a9adf5",
    "#b9c765",
)

_PREFERRED = {"base": 0, "grpo": 1, "lead": 2, "sft": 6}


def colour_slots(arms: Sequence[Sequence[str]], runs: Sequence[str]) -> list[list[int]]:
    """Return the palette slot of every arm of every run: equal names share one.

    Where every run has the same single arm, names tell nothing and the run gives the colour instead.

    >>> colour_slots([["base", "sft", "grpo", "mine"]], ["demo"])
    [[0, 6, 1, 2]]
    >>> colour_slots([["grpo"], ["grpo"]], ["a", "b"])
    [[1], [2]]
    """
    if len(runs) > 1 and len({name for names in arms for name in names}) == 1:
        return [[1 + i % (len(LIGHT) - 1)] * len(names) for i, names in enumerate(arms)]
    slots: dict[str, int] = {}
    names = list(dict.fromkeys(name for run in arms for name in run))
    taken = {_PREFERRED[name] for name in names if name in _PREFERRED}
    free = [slot for slot in range(1, len(LIGHT)) if slot not in taken] or [*range(1, len(LIGHT))]
    others = 0
    for name in names:
        if name in _PREFERRED:
            slots[name] = _PREFERRED[name]
        else:
            slots[name] = free[others % len(free)]
            others += 1
    return [[slots[name] for name in run] for run in arms]
