"""Worked solutions of chain problems: gold, noisy and verified.

A step reads `` a+3=707``. A checked step is worked out again from the value before it, `` a+3=607 check 407 a+3=707``,
and where the two disagree once more, `` fix 407 a+3=707``. Traces of the same problem differ in length by a factor of
two or three, and a slip that nobody checks spoils the answer: so accuracy, length and reflection really compete.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from leadline.tasks.chain import Chain, apply

__all__ = ["TraceStyle", "trace", "wrap"]


@dataclass(frozen=True, slots=True)
class TraceStyle:
    """How a trace is written.

    Attributes:
        slip: probability that a step is written down wrong (one digit off); later steps go on from what was written.
        check: probability that a step is checked. A check is worked out from the value before the step, and is right.
    """

    slip: float = 0.0
    check: float = 0.0


def trace(chain: Chain, style: TraceStyle, rng: random.Random) -> tuple[str, str]:
    """The thinking of one solution and the answer it ends in (the right one, unless a slip went unseen)."""
    value = "".join(map(str, chain.start))
    written = []
    for name in chain.operations:
        before, truth = value, apply(name, value)
        value = _slip(truth, rng) if rng.random() < style.slip else truth
        written.append(f" {name}={value}")
        if rng.random() < style.check:
            written.append(f" check {before} {name}={truth}")
            if value != truth:
                written.append(f" fix {before} {name}={truth}")
            value = truth
    return "".join(written), value


def wrap(thinking: str, answer: str) -> str:
    """The completion format that every stage shares: thinking, then the answer, each in its tags."""
    return f"<think>{thinking}</think><answer>{answer}</answer>"


def _slip(value: str, rng: random.Random) -> str:
    """The same value with one digit changed."""
    place = rng.randrange(3)
    wrong = (int(value[place]) + rng.randrange(1, 10)) % 10
    return value[:place] + str(wrong) + value[place + 1 :]
