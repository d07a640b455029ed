"""What to do after a comparison: one sentence and one command."""

from __future__ import annotations

import numpy as np

from leadline.diagnosis.compare.result import Comparison
from leadline.diagnosis.compare.sentences import problems_needed
from leadline.display import NextStep
from leadline.display.numbers import count

__all__ = ["next_step_after"]


def next_step_after(found: Comparison, base: str = "BASE", tuned: str = "TUNED") -> NextStep:
    """By the verdict; words in capitals in a command are for the reader to fill in."""
    code, n = found.verdict, int(np.median(found.pair.base.n))
    if code == "too_few":
        return NextStep(
            f"Compare on {count(problems_needed(found), 'more problem')}, sampled the same way: 5 points would show.",
            f"leadline eval MODEL --data MORE_PROBLEMS --samples {n}",
        )
    if code == "better":
        more = n + max(found.seen.needs, n)
        return NextStep(
            "Sample the base more: then it shows whether it could do this before.",
            f"leadline eval BASE_MODEL --data PROBLEMS --samples {more}",
        )
    if code == "only_formatted":
        return NextStep(
            "Give both models the same way of answering (a system turn that asks for the format), and compare again.",
            f"leadline eval BASE_MODEL --data PROBLEMS --samples {n} --system 'Put the answer in \\boxed{{}}.'",
        )
    if code == "unchanged" and found.noise.repeat is None:
        return NextStep(
            "Measure how much the same weights move by themselves before anything is made of a change.",
            f"leadline compare {base} {tuned} --repeat BASE_AGAIN",
        )
    if code in ("harmed", "mixed", "unchanged"):
        return NextStep("Look at which problems were lost, and at the length and truncation rows below.", "")
    if code == "duplicates":
        return NextStep("Draw the samples again at a temperature above 0, each one once.", "")
    return NextStep(
        "Confirm it on problems that were not trained on, with samples of their own.",
        f"leadline eval TUNED_MODEL --data HELD_OUT --samples {n}",
    )
