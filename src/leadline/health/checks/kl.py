"""The distance to the reference policy."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["KL"]

_FAR = 1.0
_AT_START = 0.1


def _look(seen: Observation, run: History) -> Sign | None:
    kl = seen.get("kl")
    if kl is None:
        return None
    start = run.early[0].get("kl")
    if start is not None and start > _AT_START:
        says = f"the reference is not the model that the run began with (KL {start:.2g} before any update; now {{}})"
        return flag(kl > _AT_START, kl, says, chance=0.02, remedy=_REFERENCE)
    return flag(kl > _FAR, kl, "the policy is {} nats a token from the reference", chance=0.02)


_REFERENCE = (
    "Load the reference from the checkpoint that training starts from, with the same chat template and "
    "temperature."
)

KL = Check(
    name="kl",
    means="The policy has left the reference, or the reference is another model.",
    figure="KL to the reference, nats a token: at most 1, and at most 0.1 in the first step",
    cost="What the base model could do is being lost; the KL term holds against the reward.",
    remedy="Lower the learning rate, or raise beta.",
    look=_look,
    explains=("entropy", "accuracy_fall", "validation_falls", "loops"),
)
