"""All checks, the most telling first: of two alarms that nothing relates, the earlier one here is told first."""

from __future__ import annotations

from collections.abc import Iterable

from leadline.errors import InputError
from leadline.health.check import Check
from leadline.health.checks.accuracy_fall import ACCURACY_FALL
from leadline.health.checks.clip_fraction import CLIP_FRACTION
from leadline.health.checks.constant_reward import CONSTANT_REWARD
from leadline.health.checks.curriculum_dry import CURRICULUM_DRY
from leadline.health.checks.entropy import ENTROPY
from leadline.health.checks.format_only import FORMAT_ONLY
from leadline.health.checks.grader_gave_up import GRADER_GAVE_UP
from leadline.health.checks.kl import KL
from leadline.health.checks.length_pull import LENGTH_PULL
from leadline.health.checks.loops import LOOPS
from leadline.health.checks.mastered import MASTERED
from leadline.health.checks.missing_reward import MISSING_REWARD
from leadline.health.checks.no_end import NO_END
from leadline.health.checks.ratio_length import RATIO_LENGTH
from leadline.health.checks.reflection_hacking import REFLECTION_HACKING
from leadline.health.checks.repeated_prompts import REPEATED_PROMPTS
from leadline.health.checks.reward_without_accuracy import REWARD_WITHOUT_ACCURACY
from leadline.health.checks.sampler_mismatch import SAMPLER_MISMATCH
from leadline.health.checks.skipped_steps import SKIPPED_STEPS
from leadline.health.checks.small_loss import SMALL_LOSS
from leadline.health.checks.throughput import THROUGHPUT
from leadline.health.checks.truncation import TRUNCATION
from leadline.health.checks.unscorable import UNSCORABLE
from leadline.health.checks.validation_falls import VALIDATION_FALLS
from leadline.health.checks.wrong_grow_long import WRONG_GROW_LONG
from leadline.health.checks.wrong_pays_more import WRONG_PAYS_MORE
from leadline.health.checks.zero_variance import ZERO_VARIANCE

__all__ = ["CHECKS", "check_named", "stopping"]

CHECKS: tuple[Check, ...] = (
    MISSING_REWARD,
    GRADER_GAVE_UP,
    UNSCORABLE,
    SAMPLER_MISMATCH,
    RATIO_LENGTH,
    REPEATED_PROMPTS,
    SKIPPED_STEPS,
    NO_END,
    LOOPS,
    TRUNCATION,
    WRONG_PAYS_MORE,
    LENGTH_PULL,
    ACCURACY_FALL,
    CONSTANT_REWARD,
    CURRICULUM_DRY,
    CLIP_FRACTION,
    KL,
    ENTROPY,
    REFLECTION_HACKING,
    WRONG_GROW_LONG,
    ZERO_VARIANCE,
    REWARD_WITHOUT_ACCURACY,
    VALIDATION_FALLS,
    THROUGHPUT,
    MASTERED,
    FORMAT_ONLY,
    SMALL_LOSS,
)


def check_named(name: str) -> Check:
    """The check of that name.

    Raises:
        InputError: there is none; names those that there are.
    """
    for check in CHECKS:
        if check.name == name:
            return check
    raise InputError(f"{name!r}: no such check; there are {', '.join(check.name for check in CHECKS)}")


def stopping(names: str | Iterable[str]) -> frozenset[str]:
    """The checks that ``stop_on`` names; ``all`` for every one that raises alarms.

    Raises:
        InputError: a name of no check, or of a note.

    >>> sorted(stopping(["kl", "entropy"])), "truncation" in stopping("all")
    (['entropy', 'kl'], True)
    """
    given = [names] if isinstance(names, str) else list(names)
    if given == ["all"]:
        return frozenset(check.name for check in CHECKS if check.alarms)
    for name in given:
        if not check_named(name).alarms:
            raise InputError(f"{name!r} is a note, not an alarm")
    return frozenset(given)
