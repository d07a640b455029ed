"""What the checks say of numbers that are known: what is named first, with which interval, and what stays quiet."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leadline.errors import InputError
from leadline.grpo.config import PRESETS, AdvantageConfig
from leadline.health import CHECKS, Observation, Watchdog, check_named
from watched_numbers import HEALTHY, watched

PULL: dict[str, Any] = {"drift_accuracy": -0.5, "drift_length_mixed": 1.2, "drift_length_unanimous": 0.3}

SICK: dict[str, dict[str, Any]] = {
    "missing_reward": {"style": None},
    "grader_gave_up": {"timeout": 90},
    "unscorable": {"unscorable": 0.4},
    "sampler_mismatch": {"logp_gap": 0.4, "logp_agreement": 0.9},
    "ratio_length": {"ratio_length": 0.8, "logp_gap": 0.03},
    "no_end": {"ran_on": 0.6, "truncated": 0.7},
    "loops": {"loops": 0.5, "truncated": 0.6},
    "truncation": {"truncated": 0.8},
    "wrong_pays_more": {"inverted": 0.6},
    "length_pull": PULL,
    "repeated_prompts": {"batch": "the same"},
    "curriculum_dry": {"retired": 0.95},
    "skipped_steps": {"skipped_steps": 1},
    "clip_fraction": {"clip_share": 0.5},
    "kl": {"kl": 2.0},
    "entropy": {"entropy": 0.002},
    "reflection_hacking": {"farmed": 0.8},
    "wrong_grow_long": {"mean_tokens_wrong": 90.0, "wrong_to_right": 2.3},
    "zero_variance": {"live": 0.03, "mixed": 0.03},
    "accuracy_fall": {"pass@1": 0.05},
    "throughput": {"tokens_per_second": 500.0},
}
"""Check -> what its fault looks like in the numbers."""


def test_healthy_numbers_raise_nothing() -> None:
    assert watched({}, steps=300).alarms == []


@pytest.mark.parametrize("name", SICK)
def test_each_fault_is_named_first_within_ten_steps(name: str) -> None:
    dog = watched(SICK[name])
    assert dog.alarms, name
    assert dog.alarms[0].check.name == name
    assert 6 < dog.alarms[0].step <= 16


ALSO: list[tuple[str, dict[str, Any]]] = [
    ("wrong_pays_more", {"outranked": 0.5}),
    ("constant_reward", {"reward_sd": 0.0, "pass@1": 0.0, "live": 0.0, "mixed": 0.0, "inverted": None}),
    ("sampler_mismatch", {"logp_gap": 0.03, "entropy": 0.05}),
    ("sampler_mismatch", {"logp_gap": None, "clip_fresh": 0.1}),
    ("no_end", {"ran_on": 0.9, "truncated": 0.7}),
    ("length_pull", {"length_alpha": 1.5}),
]


@pytest.mark.parametrize(("name", "sick"), ALSO)
def test_other_ways_in_which_it_shows(name: str, sick: dict[str, Any]) -> None:
    dog = watched(sick)
    assert dog.alarms, name
    assert dog.alarms[0].check.name == name


@pytest.mark.parametrize(
    ("drift", "named"),
    [
        ({"drift_accuracy": -0.5, "drift_bonus": -0.6}, True),  # wins against both
        ({"drift_accuracy": -0.1, "drift_bonus": -0.6}, False),  # being right does not ask for length
        ({"drift_accuracy": -0.5, "drift_bonus": -1.1}, False),  # the bonus holds the length term off
        ({"drift_accuracy": -1.4, "drift_bonus": 2.0}, False),  # it is the bonus that shortens
    ],
)
def test_the_length_term_is_set_against_being_right_not_against_the_bonus(
    drift: dict[str, float], named: bool
) -> None:
    dog = watched({**PULL, **drift, "reflection": 0.4})
    assert [alarm.check.name for alarm in dog.alarms] == ["length_pull"] * named


def test_the_strongest_length_term_of_a_preset_is_no_alarm() -> None:
    strongest = max(getattr(AdvantageConfig, name)().length_alpha for name in PRESETS)
    assert strongest == AdvantageConfig.concise().length_alpha
    assert watched({"length_alpha": strongest}, healthy=0, steps=60).alarms == []


def test_lines_in_which_accuracy_and_bonus_cannot_be_told_apart_are_not_judged() -> None:
    older = watched({**PULL, "reflection": 0.4}, healthy=0)
    assert older.alarms == []
    assert "length_pull" in older.unjudged
    newer = watched({**PULL, "drift_accuracy": -0.1, "drift_bonus": -0.4, "reflection": 0.4}, healthy=0)
    assert "length_pull" not in newer.unjudged
    assert "kl" not in newer.unjudged


def test_a_recorded_run_of_lead_with_a_reflection_bonus_is_no_alarm() -> None:
    """Under the drift that had the bonus in it, its length term seemed to win against accuracy."""
    path = Path(__file__).parent / "lead_reflection_drift.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    def seen(changes: Callable[[dict[str, Any]], dict[str, Any]]) -> list[str]:
        dog = Watchdog()
        dog.see_all(Observation.of_row(changes(row)) for row in rows)
        return [alarm.check.name for alarm in dog.alarms]

    assert seen(dict) == []

    def merged(row: dict[str, Any]) -> dict[str, Any]:
        known = row["drift_accuracy"] is not None
        return row | {
            "drift_accuracy": row["drift_accuracy"] + row["drift_bonus"] if known else None,
            "drift_bonus": 0.0,
        }

    assert seen(merged) == ["length_pull"]


def test_a_fault_that_comes_and_goes_is_named_too() -> None:
    dog = Watchdog()
    for step in range(1, 17):
        row = {**HEALTHY, "step": step, "batch": f"{step}", "skipped_steps": step % 2 if step > 4 else 0}
        dog.see(Observation.of_row(row))
    assert [alarm.check.name for alarm in dog.alarms] == ["skipped_steps"]


def test_texts_that_say_more_than_their_answer_are_no_alarm_where_nothing_is_cut_off() -> None:
    assert watched({"ran_on": 0.9, "truncated": 0.02}).alarms == []


def test_copies_since_the_start_are_told_but_not_those_of_a_model_that_has_learned() -> None:
    [first, *_] = watched({"copies": 1.0}, healthy=0).alarms
    assert first.check.name == "entropy"
    assert "copies of one another" in first.remedy
    assert watched({"copies": 1.0}).alarms == []


def test_a_reward_that_never_varied_is_told_before_the_groups_that_it_empties() -> None:
    dog = watched({"reward_sd": 0.0, "live": 0.0, "mixed": 0.0, "pass@1": 0.0, "reward": 0.0}, healthy=0)
    (first, _), (second, causes) = dog.explained[:2]
    assert (first.check.name, second.check.name, causes) == (
        "constant_reward",
        "zero_variance",
        ["constant_reward"],
    )


def test_the_interval_of_a_share_is_exact_over_its_groups() -> None:
    [alarm] = watched({"truncated": 0.75}, healthy=0, steps=1).alarms
    assert alarm.value == 0.75
    assert alarm.interval == pytest.approx((0.566, 0.885), abs=0.002)  # 24 of 32, Clopper and Pearson
    assert "75.0% [56.6%, 88.5%]" in alarm.seen


def test_groups_without_signal_are_no_alarm_where_the_run_has_brought_accuracy_up() -> None:
    dog = watched({"live": 0.1, "mixed": 0.1, "pass@1": 0.96})
    assert [alarm.check.name for alarm in dog.alarms] == ["mastered"]
    assert not dog.alarms[0].check.alarms


def test_a_loss_near_0_is_explained_and_is_no_alarm() -> None:
    dog = watched({"loss": 1e-4})
    assert [alarm.check.name for alarm in dog.alarms if alarm.check.alarms] == []
    assert "small_loss" in {alarm.check.name for alarm in dog.alarms}


def test_reward_up_with_accuracy_flat_names_the_part_that_grows() -> None:
    dog = Watchdog()
    for step in range(1, 25):
        grown = min(1.0, step / 10)
        row = {
            **HEALTHY,
            "step": step,
            "batch": f"{step}",
            "reward": 0.5 + grown,
            "format": grown,
            "tidy": 0.1,
        }
        dog.see(Observation.of_row(row))
    assert dog.alarms[0].check.name == "reward_without_accuracy"
    assert "'format'" in dog.alarms[0].seen


def test_validation_that_falls_while_training_rises() -> None:
    dog = Watchdog()
    for step in range(1, 101):
        rate = 0.5 + 0.004 * step
        dog.see(Observation.of_row({**HEALTHY, "step": step, "batch": f"{step}", "pass@1": rate}))
        if step % 10 == 0:
            valid = {"arm": "a", "stage": "valid", "step": step, "pass@1": 0.6 if step < 50 else 0.3}
            dog.see(Observation.of_row(valid))
    assert "validation_falls" in {alarm.check.name for alarm in dog.alarms}


def test_a_gain_that_is_the_formats_is_a_note() -> None:
    dog = Watchdog()
    for step in range(1, 41):
        answered = min(1.0, 0.4 + 0.02 * step)
        row = {**HEALTHY, "step": step, "batch": f"{step}", "no_answer": 1 - answered, "truncated": 0.0}
        dog.see(Observation.of_row({**row, "pass@1": 0.5 * answered}))
    assert [alarm.check.name for alarm in dog.alarms] == ["format_only"]


def test_every_check_names_checks_that_there_are() -> None:
    names = {check.name for check in CHECKS}
    for check in CHECKS:
        assert set(check.explains) <= names - {check.name}, check.name
    with pytest.raises(InputError, match="no such check"):
        check_named("vibes")


def test_every_check_stands_in_the_page_with_its_figure_and_remedy() -> None:
    page = (Path(__file__).parents[2] / "docs" / "watch.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, flags=re.MULTILINE))
    assert list(rows) == [check.name for check in CHECKS]
    for check in CHECKS:
        assert rows[check.name].split(" | ") == [check.means, check.figure, check.remedy], check.name


@pytest.mark.parametrize(
    ("varies", "says"),
    [
        ((), "every completion of every step so far earned the same: 0"),
        ((1, 2, 3, 4, 5, 6), "at the start they did not"),
        ((3,), "earned the same: 0; so it was from the first step on, but for a few steps"),
    ],
)
def test_a_constant_reward_is_told_as_it_came_about(varies: tuple[int, ...], says: str) -> None:
    """Of a run whose third step alone had varied it was said that "at the start they did not"."""
    dog = Watchdog()
    for step in range(1, 31):
        row = {**HEALTHY, "step": step, "batch": f"batch {step}"}
        if step not in varies:
            row |= {
                "reward": 0.0,
                "reward_sd": 0.0,
                "pass@1": 0.0,
                "live": 0.0,
                "mixed": 0.0,
                "inverted": None,
            }
        dog.see(Observation.of_row(row))
    told = [alarm for alarm in dog.alarms if alarm.check.name == "constant_reward"]
    assert says in told[0].seen
