"""The reflection reward: its table row by row, its formula, its options, and hostile text."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.rewards import TABLE, near_repeat_share, reflect, reflection, reflection_value
from leadline.rewards.reflection_words import ANY, BEHAVIOURS
from leadline.types import Completion

# word of the row -> (texts that it must find, texts that it must not)
CASES: dict[str, tuple[list[str], list[str]]] = {
    "flawed approach or step": (
        ["a flawed approach", "flawed step", "two flawed steps", "flawed-approach"],
        ["flawed idea", "a flawless step", "flawed. approach"],
    ),
    "incorrect approach or step": (
        ["an incorrect step", "incorrect approach", "incorrect\nsteps"],
        ["incorrect result", "incorrectly step", "a correct step"],
    ),
    "re-evaluate": (
        ["re-evaluate it", "re-evaluating", "reevaluated", "re evaluate"],
        ["evaluate it", "pre-evaluated", "reevaluator"],
    ),
    "backtrack": (["let us backtrack", "backtracking", "backtracked"], ["back track", "backtracker"]),
    "error": (["an error", "errors", "error:"], ["erroneous", "terror", "errorless"]),
    "fix": (["fix it", "it fixes", "fixing"], ["prefix", "fixture", "a fixed point"]),
    "mistake": (["my mistake", "mistakes", "was mistaken"], ["unmistakable", "mistook"]),
    "unit/dimension analysis": (
        ["unit analysis", "dimension analysis", "dimensional analysis", "by units-analysis"],
        ["unity analysis", "data analysis", "unit of analysis"],
    ),
    "edge-case check": (
        ["edge-case check", "edge case checks", "edge-cases checked"],
        ["edge-case", "case check", "wedge-case check"],
    ),
    "boundary check": (
        ["boundary check", "boundary-check", "boundary value check", "boundary conditions checked"],
        ["boundary", "boundary checkpoint"],
    ),
    "cross-/re-validate": (
        ["cross-validate", "cross validation", "re-validated", "revalidate"],
        ["validate", "crossvalidity"],
    ),
    "verify": (["verify", "verified", "it verifies", "verification"], ["verity", "very"]),
    "check": (
        ["check", "we check:", "checking", "double-check", "checked"],
        ["checkpoint", "paycheck", "checker"],
    ),
    "confirm": (["confirm", "confirmed", "confirmation"], ["conform", "confirmatory"]),
    "test": (["test it", "tests", "testing"], ["contest", "latest", "testament"]),
    "decompose into N": (
        ["decompose into 3", "decompose the problem into two parts", "decomposing this into 12"],
        ["decompose into parts", "decompose it. go into 3", "compose into 3"],
    ),
    "milestone N": (
        ["milestone 1", "milestone #2", "milestone two"],
        ["milestone", "milestone reached", "milestone 1b"],
    ),
    "checkpoint N": (
        ["checkpoint 3", "checkpoint #4", "checkpoint three"],
        ["checkpoint", "the checkpoint is"],
    ),
    "track progress": (
        ["track progress", "tracking our progress", "track of the progress"],
        ["progress", "track record", "backtrack progress"],
    ),
    "subtask": (["subtask", "sub-tasks"], ["task", "subtasking"]),
    "step": (["step 1", "steps", "step-by-step"], ["footstep", "stepwise", "stepped", "step_1"]),
    "stage": (["stage", "two stages"], ["backstage", "staged"]),
    "phase": (["phase", "phases"], ["phrase", "emphases"]),
    "work(ing) backwards": (
        ["working backwards", "work backward", "worked backwards", "working-backwards"],
        ["work forwards", "backwards", "homework backwards"],
    ),
    "reverse engineer": (
        ["reverse engineer", "reverse-engineering", "reversed engineered"],
        ["reverse", "engineer", "reverse the engineer"],
    ),
    "reverse logic": (["reverse logic", "reversed-logic"], ["reverse logical", "logic"]),
    "deduce from final": (
        ["deduce from final value", "deduce it from the final state", "deducing from that final one"],
        ["deduce from this", "deduce. from final", "from the final"],
    ),
    "deduce from outcome": (
        ["deduce from the outcome", "deduced x from outcomes"],
        ["deduce the outcome", "outcome"],
    ),
    "target": (["the target", "targets"], ["targetless"]),
    "goal": (["our goal is", "goals"], ["goalkeeper"]),
    "required": (["as required."], ["requires", "requirement"]),
}


def test_every_row_of_the_table_has_cases() -> None:
    assert [row.word for row in TABLE] == list(CASES)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.word)
def test_row_finds_its_words_and_no_near_misses(row) -> None:
    own = re.compile(rf"\b(?:{row.pattern})\b")
    hits, misses = CASES[row.word]
    for text in hits:
        assert own.search(text), text
        assert ANY.search(text), f"the quick search would drop {text!r}"
        assert reflect(text.upper()).counts[row.behaviour] >= 1, text
    for text in misses:
        assert not own.search(text), text


def test_the_formula_on_hand_worked_values() -> None:
    # one hit: raw .5, c = .8 ln 1.5 = .32437, c^1.2 = .25893 -> 1 - 1/1.25893 = .20568
    # two of one behaviour: raw = .5 + .5/1.4 = .857143, c = .495236, c^1.2 = .43030 -> .30085
    # two of different behaviours: raw 1, c = .8 ln 2 = .554518; c^1.2 = .49282 -> .33013
    assert reflection_value([1, 0, 0, 0]) == 0.21
    assert reflection_value([2]) == 0.3
    assert reflection_value([1, 1]) == 0.33
    assert reflection("check") == 0.21
    assert reflection("check, verify") == 0.3
    assert reflection("check step") == 0.33
    assert reflection("check " * 100) == 0.6
    assert reflection("nothing here") == 0.0
    assert reflection("") == 0.0


@given(st.lists(st.integers(0, 400), max_size=4))
def test_the_formula_against_a_plain_sum(counts) -> None:
    raw = 0.0
    for count in counts:
        for i in range(1, count + 1):
            raw += 0.5 / (1 + (i - 1) / 2.5)
    c = 0.8 * math.log(1 + raw)
    assert reflection_value(counts) == pytest.approx(1 - 1 / (1 + c**1.2), abs=0.0051)
    assert 0 <= reflection_value(counts) < 1


def test_hits_of_one_behaviour_do_not_overlap_but_behaviours_are_counted_apart() -> None:
    assert reflect("a boundary check").counts == dict.fromkeys(BEHAVIOURS, 0) | {"verification": 1}
    found = reflect("an incorrect step")
    assert found.counts["backtracking"] == 1
    assert found.counts["sub-goals"] == 1


def test_spans_point_at_the_words_in_the_text_as_given() -> None:
    text = "İİ First, CHECK the boundary; then Re-Evaluate."
    assert [(text[a:b], name) for a, b, name in reflect(text).spans] == [
        ("CHECK", "verification"),
        ("Re-Evaluate", "backtracking"),
    ]


@given(st.text(alphabet="checkfixStepİ .,-1\n", max_size=200))
def test_the_float_and_the_details_agree(text) -> None:
    found = reflect(text)
    assert reflection(text) == found.value == reflection_value(found.counts.values())
    assert reflection(Completion("p", text, 1)) == found.value
    assert set(found.repeats) <= set(found.spans)
    assert reflection(text, ignore_repeats=True) <= found.value


def test_only_if_correct_pays_right_completions_alone() -> None:
    assert reflection("check", only_if_correct=True, correct=True) == 0.21
    for verdict in (False, None):
        assert reflection("check", only_if_correct=True, correct=verdict) == 0.0


FARMED = {
    "one word over and over": ("check " * 50, 0.98),
    "one sentence over and over": ("Let me verify the result. " * 20, 0.95),
    "a sentence with one word changed": (
        "Let me check the sum. Let me check the total. Let me check the rest.",
        2 / 3,
    ),
    "a counter that counts up": ("Step 1: verify. Step 2: verify. Step 3: verify. Step 4: verify.", 5 / 8),
}
HONEST = [
    "check 12 + 5 = 17. check 17 - 3 = 14. check 14 + 9 = 23",
    "1 2 + 5 = 1 7 ; check 1 2 + 5 = 1 7 ; 1 7 - 3 = 1 4 ; check 1 7 - 3 = 1 4",
    "First, verify that x is even. Then check whether y divides it. Finally test the pair in both equations.",
    "Check the first sum. I made a mistake there; back to step two, and check that the product is right.",
]


@pytest.mark.parametrize("name", FARMED)
def test_farmed_share_is_high_where_text_repeats_itself(name) -> None:
    text, at_least = FARMED[name]
    assert near_repeat_share(text) >= at_least - 1e-9
    assert reflection(text, ignore_repeats=True) < reflection(text)


@pytest.mark.parametrize("text", HONEST)
def test_farmed_share_is_zero_where_each_check_is_new(text) -> None:
    assert near_repeat_share(text) == 0.0
    assert reflection(text, ignore_repeats=True) == reflection(text)


def test_filler_pays_nothing_when_repeats_are_ignored() -> None:
    assert reflection("check " * 100, ignore_repeats=True) == 0.0
    assert reflection("Let me verify this step again. " * 200, ignore_repeats=True) == 0.0
    assert reflection("check, then check", ignore_repeats=True) == reflection("check") == 0.21


@pytest.mark.parametrize(
    "text",
    [
        "check " * 170_000,
        "deduce a b c from d e " * 45_000,
        "decompose a a a a " * 55_000,
        "flawed" + " " * 1_000_000,
        "deduce" * 160_000,
        "a" * 1_000_000,
        "\u0130" * 1_000_000,
        "incorrect-" * 100_000,
    ],
    ids=lambda text: text[:12],
)
def test_a_megabyte_of_anything_is_read_in_a_few_seconds(text) -> None:
    began = time.process_time()  # what it costs, however busy the machine is; quadratic time would be hours
    reflect(text)
    assert time.process_time() - began < 8


def test_the_page_on_rewards_names_every_word() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rewards.md").read_text()
    for behaviour in BEHAVIOURS:
        words = ", ".join(row.word for row in TABLE if row.behaviour == behaviour)
        assert f"| {behaviour} | {words} |" in page
