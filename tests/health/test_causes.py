"""Of several alarms the cause is told first: by what began when, and by what the answers look like."""

from __future__ import annotations

from typing import Any

import pytest

from leadline.health import Observation, Watchdog, check_named
from leadline.health.alarm import Alarm, ranked
from leadline.health.observation import History
from leadline.health.sources.trl_log import observation_of_log
from watched_numbers import HEALTHY, watched


def alarm(name: str, since: int) -> Alarm:
    check = check_named(name)
    return Alarm(check, since + 3, "seen", 1.0, None, "change", since, check.explains)


def told(*alarms: Alarm) -> list[str]:
    from leadline.health import CHECKS

    return [one.check.name for one, _ in ranked(alarms, [check.name for check in CHECKS])]


def test_what_began_later_explains_nothing() -> None:
    assert told(alarm("zero_variance", 5), alarm("truncation", 4)) == ["truncation", "zero_variance"]
    late = [(one.check.name, causes) for one, causes in ranked([alarm("truncation", 9), alarm("zero_variance", 1)], [
        "truncation", "zero_variance"])]  # fmt: skip
    assert ("zero_variance", []) in late


def test_of_two_that_explain_each_other_the_more_telling_one_is_the_cause() -> None:
    # loops explain entropy, and entropy explains loops
    assert told(alarm("entropy", 5), alarm("loops", 5)) == ["loops", "entropy"]
    assert told(alarm("entropy", 5), alarm("loops", 5), alarm("accuracy_fall", 12))[0] == "loops"


WORSE: dict[str, Any] = {"pass@1": 0.02, "entropy": 0.9, "mean_tokens": 60.0}


@pytest.mark.parametrize(
    ("sick", "first"),
    [
        ({**WORSE, "truncated": 0.5}, "accuracy_fall"),  # the policy broke: no cap would help
        ({**WORSE, "truncated": 0.5, "loops": 0.4}, "accuracy_fall"),
        (
            {"pass@1": 0.2, "truncated": 0.6, "mean_tokens": 20.0},
            "truncation",
        ),  # those that end are as right as before
        ({"pass@1": 0.0, "truncated": 1.0, "ran_on": 0.95, "mean_tokens": 80.0}, "no_end"),
        ({"pass@1": 0.0, "reward_sd": 0.0, "live": 0.0, "mixed": 0.0, "inverted": None}, "constant_reward"),
    ],
)
def test_a_policy_that_broke_is_told_from_a_cap_a_missing_end_and_a_grader(
    sick: dict[str, Any], first: str
) -> None:
    dog = watched(sick)
    assert dog.alarms[0].check.name == first


def test_a_dozen_groups_are_enough_for_a_fall_to_a_tenth() -> None:
    dog = Watchdog()
    for step, accuracy in enumerate([0.38, 0.46, 0.49, 0.38, 0.43, 0.23, 0.09, *[0.04] * 6], start=1):
        more = {} if step < 6 else {"mean_tokens": 30.0 + 4 * (step - 5), "entropy": 0.5}
        row = {
            **HEALTHY,
            "step": step,
            "batch": f"{step}",
            "groups": 12,
            "completions": 96,
            "pass@1": accuracy,
            **more,
        }
        dog.see(Observation.of_row(row))
    assert dog.alarms[0].check.name == "accuracy_fall"
    assert dog.alarms[0].step <= 12


def test_updates_on_the_same_completions_are_seen_and_are_none_of_the_first_steps() -> None:
    log = {"loss": 0.1, "clip_ratio/region_mean": 0.3, "entropy": 0.2}
    seen = observation_of_log(log, 2)
    assert seen is not None
    assert observation_of_log({"loss": 0.1, "entropy": 0.2}, 2) is None  # a log of supervised training
    run = History()
    run.add(Observation(1, {"reward": 0.5, "pass@1": 0.5, "groups": 12.0}))
    assert run.add(seen).units == 12.0
    assert run.steps == 1
    assert run.recent("clip_share") == 0.3
    assert run.recent("pass@1") == 0.5


def test_iterations_that_clip_a_tenth_of_the_tokens_are_named_between_two_generations() -> None:
    dog = Watchdog()
    dog.see(Observation(1, {"reward": 0.5, "pass@1": 0.5, "groups": 12.0, "clip_share": 0.0}))
    for step in range(2, 9):
        dog.see(Observation(step, {"clip_share": 0.15, "entropy": 0.3}))
    assert [one.check.name for one in dog.alarms] == ["clip_fraction"]


def test_a_ratio_a_sequence_clips_whole_completions_and_is_no_alarm() -> None:
    for level, named in (("token", ["clip_fraction"]), ("sequence", [])):
        dog = Watchdog()
        for step in range(1, 12):
            row = {**HEALTHY, "step": step, "batch": f"{step}", "clip_share": 0.15}
            dog.see(Observation.of_row(row, level))
        assert [one.check.name for one in dog.alarms] == named


@pytest.mark.parametrize(
    ("entropy", "tokens", "named"),
    [
        (0.04, 30.0, ["entropy"]),  # 1.2 nats a completion, and groups of eight: most are copies
        (0.3, 30.0, []),
        (0.4, 2.0, []),  # a letter of four
    ],
)
def test_a_group_with_fewer_answers_than_members_is_told_from_the_start(
    entropy: float, tokens: float, named: list[str]
) -> None:
    dog = watched({}, healthy=0, steps=0)
    for step in range(1, 12):
        row = {**HEALTHY, "step": step, "batch": f"{step}", "entropy": entropy, "mean_tokens": tokens}
        dog.see(Observation.of_row({**row, "mean_tokens_correct": tokens, "mean_tokens_wrong": tokens}))
    assert [one.check.name for one in dog.alarms] == named
