"""What is done after pretraining, by name: GRPO and its relatives, ways beyond what the base model can do, controls.

``module:function`` names one of a user's own (``docs/studies.md``).
"""

from __future__ import annotations

from collections.abc import Mapping

from leadline.errors import InputError
from leadline.rewards.user_functions import guarded, resolve
from leadline.studies.experiment.algorithms.algorithm import Algorithm
from leadline.studies.experiment.algorithms.backtrack import backtrack
from leadline.studies.experiment.algorithms.compose import compose, compose_blind, compose_majority
from leadline.studies.experiment.algorithms.easier import curriculum, mixed
from leadline.studies.experiment.algorithms.imitation import imitate_own_successes, imitate_references
from leadline.studies.experiment.algorithms.more_of_grpo import doubled_group, doubled_steps, quadrupled_steps
from leadline.studies.experiment.algorithms.pass_at_k import pkpo
from leadline.studies.experiment.algorithms.policy_gradients import POLICY_GRADIENTS
from leadline.studies.experiment.algorithms.random_reward import random_reward
from leadline.studies.experiment.algorithms.relift import relift
from leadline.studies.experiment.algorithms.unlikeliness import unlikeliness

__all__ = ["ALGORITHMS", "BEYOND", "STANDARD", "find_algorithm"]

_STANDARD: Mapping[str, Algorithm] = {
    **POLICY_GRADIENTS,
    "sft": Algorithm(
        imitate_references,
        "imitation of reference answers: can create support",
        question="What do reference answers alone teach?",
    ),
    "rft": Algorithm(
        imitate_own_successes,
        "rejection-sampling fine-tuning: imitation of its own right answers",
        question="What does imitation of one's own right answers reach?",
    ),
    "random": Algorithm(random_reward, "GRPO with a coin as the reward"),
    "curriculum": Algorithm(curriculum, "GRPO on easier problems first", needs_easier=True),
}
_BEYOND: Mapping[str, Algorithm] = {
    "compose": Algorithm(
        compose,
        "GRPO; failed problems are composed by the frozen base, imitated if graded right",
        needs_parts=True,
        question="Can a model learn from itself what it never gets right, by doing it in parts?",
    ),
    "relift": Algorithm(
        relift,
        "GRPO; the reference answers of failed problems are imitated",
        question="Do reference answers to failed problems lift more than those problems?",
    ),
    "backtrack": Algorithm(
        backtrack,
        "GRPO behind as much of the reference answer as makes the group mixed",
        question="Do beginnings of reference answers lead to what was out of reach?",
    ),
    "mixed": Algorithm(
        mixed,
        "GRPO, half of the problems of every step from the easier ones",
        needs_easier=True,
        question="Do easier problems among the asked ones help?",
    ),
    "pkpo": Algorithm(
        pkpo,
        "the unbiased gradient of pass@4 (arXiv 2505.15201)",
        question="Does training for pass@k reach what has no right sample?",
    ),
    "unlikeliness": Algorithm(
        unlikeliness,
        "GRPO that pays less for likelier right answers (arXiv 2506.02355)",
        question="Does paying more for unlikely right answers reach what has none?",
    ),
    "grpo-g16": Algorithm(
        doubled_group, "control: GRPO with twice the completions", question="Is it the completions?"
    ),
    "grpo-2x-updates": Algorithm(
        doubled_steps,
        "control: two steps of GRPO in one: twice the completions, twice the updates",
        question="Is it the completions and the updates?",
    ),
    "grpo-4x-updates": Algorithm(
        quadrupled_steps,
        "control: four steps of GRPO in one",
        question="Is it the updates, counting those alone that were made?",
    ),
    "compose-majority": Algorithm(
        compose_majority,
        "control: compose, but the majority decides instead of the grader",
        needs_parts=True,
        question="Does composing need the grader's verdict?",
    ),
    "compose-blind": Algorithm(
        compose_blind,
        "control: imitation of composed majorities alone: no GRPO, no grader",
        needs_parts=True,
        question="Does composing need reinforcement or a grader at all?",
    ),
}
ALGORITHMS: Mapping[str, Algorithm] = {**_STANDARD, **_BEYOND}

STANDARD = tuple(_STANDARD)
"""What ``leadline study`` compares unless it is told otherwise."""

BEYOND = ("grpo", *_BEYOND, "sft", "rft")
"""What ``leadline study --beyond`` compares: GRPO first, which everything else is held against."""


def find_algorithm(name: str) -> Algorithm:
    """The algorithm of that name, or ``module:function`` of a user's own.

    Raises:
        InputError: there is none.
    """
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    if ":" not in name:
        raise InputError(f"algorithm {name!r}: not one of {', '.join(ALGORITHMS)}, nor module:function")
    step = resolve(name, what="algorithm")
    return Algorithm(guarded(step, f"algorithm {name!r}"), (step.__doc__ or name).strip().splitlines()[0])
