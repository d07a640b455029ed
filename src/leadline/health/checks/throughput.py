"""Speed that falls."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["THROUGHPUT"]

_SHARE = 0.25


def _look(seen: Observation, run: History) -> Sign | None:
    now, begun = seen.get("tokens_per_second"), run.first("tokens_per_second")
    if now is None or not begun:
        return None
    says = f"{{}} of the first steps' {begun:,.0f} tokens a second are left"
    return flag(now < _SHARE * begun, now / begun, says, chance=0.2, kind="share")


THROUGHPUT = Check(
    name="throughput",
    means="Throughput falls.",
    figure="tokens a second below a quarter of the first steps', in over 20% of steps",
    cost="The run takes four times as long, or more.",
    remedy="Look for another process on the machine, memory that swaps, a grader that waits, one answer that "
    "holds up the batch.",
    look=_look,
)
