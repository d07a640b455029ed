"""A selection of problems that has hardly any left."""

from __future__ import annotations

from leadline.health.check import Check, Sign, share_above
from leadline.health.observation import History, Observation

__all__ = ["CURRICULUM_DRY"]


def _look(seen: Observation, _: History) -> Sign | None:
    return share_above(
        seen.get("retired"),
        0.75,
        seen.units,
        "{} of the problems to choose from are too easy or too hard by now",
    )


CURRICULUM_DRY = Check(
    name="curriculum_dry",
    means="The curriculum runs dry.",
    figure="share of the problems to choose from whose groups would hardly ever be mixed; at most 75%",
    cost="What is left is asked again and again; most groups carry no signal.",
    remedy="Add harder problems, or stop: `leadline probe` on the newest checkpoint says what is worth training "
    "on.",
    look=_look,
    explains=("zero_variance",),
)
