"""The same prompts again: within a step, or step after step, as after a resume that starts the data over."""

from __future__ import annotations

from leadline.health.check import Check, Sign, flag
from leadline.health.observation import History, Observation

__all__ = ["REPEATED_PROMPTS"]

_INSIDE = 0.5


def _look(seen: Observation, run: History) -> Sign | None:
    if seen.batch is not None:
        for back, old in enumerate(reversed(run.late[:-1]), start=1):
            if old.batch == seen.batch:
                says = f"the step asks what step {old.step} asked ({{}} steps before)"
                return flag(True, float(back), says, chance=0.01, remedy=_ORDER)
    inside = seen.get("repeated")
    if inside is not None and inside > _INSIDE:
        says = "{} of a step's groups ask what another group of it asks"
        return flag(True, inside, says, chance=0.01, kind="share")
    return flag(False, 0.0, "", chance=0.01) if seen.batch is not None or inside is not None else None


_ORDER = (
    "Shuffle the data anew in every epoch, and let a resume skip what has been asked: TRL replays epoch 1's order "
    "in epoch 2, and starts over where the sampler's state is not in the checkpoint (LeadGRPOTrainer resumes exactly)."
)

REPEATED_PROMPTS = Check(
    name="repeated_prompts",
    means="The same prompts are asked again (a resume that starts the data over, no shuffling, one prompt for "
    "all).",
    figure="steps that ask what one of the last 63 asked, in whatever order, or in which over half of the groups "
    "repeat another: at most 1%",
    cost="The model is trained on few problems as if they were many, and learns them by heart.",
    remedy="Look at how the batch is drawn: one prompt a group, drawn without replacement.",
    look=_look,
    explains=("entropy", "validation_falls", "zero_variance", "reward_without_accuracy"),
)
