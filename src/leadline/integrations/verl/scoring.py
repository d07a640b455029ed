"""One completion at a time: graded, its parts added up, and coded for verl."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from leadline.errors import ConfigError
from leadline.grading.gold import gold_as_text
from leadline.integrations.verl.score_coding import LIMIT, encode
from leadline.integrations.verl.settings import RewardSettings, plain_settings
from leadline.rewards import Scorer
from leadline.rewards.components import make_parts
from leadline.types import Completion, Problem, Score

__all__ = ["SIGNAL", "check_bonus", "compute_score", "row_of", "scorer", "signal"]

SIGNAL = "leadline_signal"
"""Name of the metric for verl's dynamic sampling: ``algorithm.filter_groups.metric``."""

_SCORERS: dict[str, Scorer] = {}
_LOCK = threading.Lock()


def check_bonus(settings: RewardSettings) -> None:
    """Refuse weights with which a bonus can grow too large for the coding.

    Raises:
        ConfigError: that, or unknown parts, weights or options.
    """
    reach = sum(
        abs(part.weight) * max(abs(part.low), abs(part.high))
        for part in make_parts(settings.weights, settings.options)
    )
    if reach >= LIMIT:
        raise ConfigError(
            f"rewards: the bonus can reach {reach:g}, and verl can be handed less than {LIMIT:g}: lower the weights"
        )


def scorer(settings: RewardSettings, *, gap: float = 1.0) -> Scorer:
    """The scorer of these settings, one a process: its grader's workers are shared by all threads.

    Raises:
        ConfigError: see :func:`check_bonus`.
    """
    key = settings.model_dump_json()
    with _LOCK:
        if key not in _SCORERS:
            check_bonus(settings)
            options, grader = settings.options, settings.grader
            _SCORERS[key] = Scorer(settings.weights, options=options, grader=grader, gap=gap)
        return _SCORERS[key]


def signal(correct: bool | None, length: int, *, by_length: bool = True) -> float:
    """What verl's dynamic sampling compares within a group; it evicts a group whose values are all the same.

    The length of a correct completion, else -1: groups that are all wrong go, mixed ones stay, and all-correct
    ones stay where their lengths differ, for these are what the length term of LEAD learns from. Without a length
    term (``by_length`` False) they carry nothing and go.
    """
    if not correct:
        return -1.0
    return float(length) if by_length else 1.0


def row_of(score: Score) -> dict[str, Any]:
    """A score as verl's ``compute_score`` gives it: ``score`` is trained on, the rest is logged and dumped.

    ``acc`` and ``pred`` are verl's own names; ``acc`` is 0 in unscorable rows, whose ``scorable`` is 0.
    """
    return {
        "score": encode(score.correct, score.answered, score.bonus),
        "acc": float(score.correct is True),
        "scorable": float(score.correct is not None),
        "answered": float(score.answered),
        "bonus": score.bonus,
        "reason": score.reason,
        "pred": score.answer or "",
        **{f"part/{name}": float(value) for name, value in score.parts.items() if name != "accuracy"},
    }


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """verl's ``reward.custom_reward_function``, for verl's own reward managers.

    Prefer :class:`leadline.integrations.verl.reward_manager.LeadlineRewardManager`: verl's managers say neither
    how many tokens a completion has nor whether it was cut off, so a truncated one is graded like a finished one
    here, parts that need the length see 0 tokens, and there is no metric for dynamic sampling.

    Args:
        data_source: name of the data set; not looked at.
        solution_str: the completion.
        ground_truth: the gold answer.
        extra_info: ``id`` of the problem, if any; all of it is ``meta`` for a reward of one's own.
        settings: ``reward.custom_reward_function.reward_kwargs``: the fields of
            :class:`~leadline.integrations.verl.settings.RewardSettings`.

    >>> compute_score("math", r"so \\boxed{42}", "42")["score"], compute_score("math", "so what", "42")["score"]
    (4.0, -12.0)
    """
    known = {name: plain_settings(settings[name]) for name in RewardSettings.model_fields if name in settings}
    extra = dict(extra_info or {})
    problem = Problem(str(extra.get("id", "")), "", gold_as_text(ground_truth, "ground_truth"), meta=extra)
    completion = Completion(problem.id, solution_str, 0)
    return row_of(scorer(RewardSettings(**known)).score([problem], [completion])[0])
