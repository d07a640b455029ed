"""Wrong answers that grow longer while right ones do not."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["WRONG_GROW_LONG"]

_GROWTH = 1.3
_APART = 1.4


def _look(seen: Observation, run: History) -> Sign | None:
    growth, apart = (_growth(run, name) for name in ("mean_tokens_wrong", "wrong_to_right"))
    if growth is None or apart is None:
        return None
    raised = growth > _GROWTH and apart > _APART
    says = (
        f"wrong answers are {{}} times as long as in the first steps, against right ones of their groups "
        f"{apart:.2g} times"
    )
    return flag(raised, growth, says, chance=0.1)


def _growth(run: History, name: str) -> float | None:
    begun, now = run.first(name), run.recent(name, 3)
    return now / begun if begun and now is not None else None


WRONG_GROW_LONG = Check(
    name="wrong_grow_long",
    means="Length grows among the wrong answers.",
    figure="growth since the first steps (last 3 steps): wrong answers at most 1.3 times, or against right ones "
    "of the same group at most 1.4 times; in over 10% of steps",
    cost="Tokens and time go where nothing is won; it is how a normaliser by length (GRPO's own) shows.",
    remedy="Use `loss.aggregation: token_mean` or `constant` (TRL: loss_type dapo or dr_grpo), and a length term.",
    look=_look,
    explains=("truncation", "throughput"),
)
