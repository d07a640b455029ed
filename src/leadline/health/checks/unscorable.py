"""Reference answers that nothing can be graded against."""

from __future__ import annotations

from leadline.health.check import Check, Sign, share_above
from leadline.health.observation import History, Observation

__all__ = ["UNSCORABLE"]


def _look(seen: Observation, _: History) -> Sign | None:
    return share_above(
        seen.get("unscorable"),
        0.1,
        seen.units,
        "{} of the completions could not be graded (their gold is at fault)",
    )


UNSCORABLE = Check(
    name="unscorable",
    means="Reference answers cannot be used.",
    figure="share of completions without a verdict; at most 10%",
    cost="They are generated and paid for, and take no part in training.",
    remedy="Run `leadline probe` on the data: it names the rows whose reference answers cannot be graded.",
    look=_look,
    explains=("zero_variance", "constant_reward", "accuracy_fall"),
)
