"""Format, repetition, overlong, accuracy, a user's own parts, and the scorer that adds them up."""

from __future__ import annotations

import os
import sys
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.errors import ConfigError
from leadline.grading import Grade, Grader, Reason
from leadline.rewards import (
    BonusWarning,
    Scorer,
    accuracy,
    find_repetition,
    format_reward,
    overlong,
    reflection,
    repetition,
    resolve,
)
from leadline.types import Completion, Problem

GOOD = "<think>1 + 1 = 2</think><answer>2</answer>"


@pytest.mark.parametrize("text", [GOOD, f"\n {GOOD}\t\n", "<think>a\nb</think>\n\n<answer>c</answer>"])
def test_format_pays_one_thought_and_one_answer(text) -> None:
    assert format_reward(text) == 1.0
    assert format_reward(Completion("p", text, 3)) == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sure. " + GOOD,
        GOOD + " Done.",
        GOOD + GOOD,
        "<think>a</think> so <answer>b</answer>",
        "<think>a</think>",
        "<answer>b</answer>",
        "<think> </think><answer>b</answer>",
        "<think>a</think><answer>\n</answer>",
        "<think>a<think>b</think></think><answer>c</answer>",
        "<answer>b</answer><think>a</think>",
        "<think>a<answer>b</think></answer>",
        "<THINK>a</THINK><answer>b</answer>",
        "<think>a</think><answer>b</answer",
    ],
)
def test_format_pays_nothing_else(text) -> None:
    assert format_reward(text) == 0.0


def test_format_of_a_completion_whose_prompt_opened_the_thought() -> None:
    assert format_reward("a</think><answer>b</answer>", prefilled=True) == 1.0
    assert format_reward("a</think><answer>b</answer>") == 0.0
    assert format_reward(GOOD, prefilled=True) == 1.0, "it opened the thought itself"
    assert format_reward("<think>" + GOOD, prefilled=True) == 0.0


def words(n: int, start: int = 0) -> str:
    return "".join(f"w{i} " for i in range(start, start + n))


@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_repetition_counts_ten_in_a_row_of_up_to_thirty_words(n) -> None:
    assert repetition("so " + words(n) * 10) == -1.0
    assert repetition("so " + words(n) * 9 + words(n - 1)) == 0.0  # one word short


def test_repetition_lets_longer_phrases_and_broken_runs_pass() -> None:
    assert repetition(words(31) * 12) == 0.0
    assert repetition(("a b " * 9 + "c ") * 3) == 0.0
    assert repetition(words(400)) == 0.0
    assert repetition("") == 0.0


def test_repetition_of_long_words() -> None:
    assert repetition("ok " + "x" * 120) == -1.0
    assert repetition("ok " + "x" * 119) == 0.0
    assert repetition("x" * 200, word_length=201) == 0.0


def test_a_stretch_without_spaces_loops_up_to_sixty_signs() -> None:
    signs = "".join(chr(0x4E00 + i) for i in range(61))
    assert repetition(signs[:60] * 10) == -1.0
    assert repetition(signs * 10) == 0.0


def test_repetition_is_no_matter_of_script_or_length() -> None:
    paragraph = "首先我们把方程两边同时平方然后整理得到一个关于未知数的二次方程再用求根公式求出两个根" * 4
    formula = "".join(rf"\\frac{{{n}x^{n}}}{{{n + 1}}}+" for n in range(1, 40))
    matrix = " & ".join("0" * 40)
    assert [repetition(text) for text in (paragraph, formula, "1" + "0" * 300, "0 " * 60, matrix)] == [
        0.0
    ] * 5
    assert repetition("我再想一想。" * 30) == -1.0
    assert repetition("0 " * 300) == repetition("lol" * 60) == -1.0


def test_repetition_says_where() -> None:
    text = "well " + "no no. " * 10 + "end"
    start, end, _ = find_repetition(text)
    assert text[start:end] == ("no no. " * 10).rstrip()
    start, end, _ = find_repetition("a " + "b" * 130 + " c")
    assert (start, end) == (2, 132)


def slow_repetition(text: str, max_words: int, times: int) -> bool:
    w = text.split()
    return any(
        w[i : i + n] * times == w[i : i + n * times]
        for n in range(1, max_words + 1)
        for i in range(len(w) - n * times + 1)
    )


@given(st.lists(st.sampled_from("ab"), max_size=40), st.integers(1, 5), st.integers(2, 5))
def test_repetition_against_the_definition(letters, max_words, times) -> None:
    text = " ".join(letters)
    expected = slow_repetition(text, max_words, times)
    assert (repetition(text, max_words=max_words, times=times) == -1.0) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a " * 500_000,
        words(140_000),
        "a b " * 200_000 + words(20_000),
        ("a " * 9 + "b ") * 50_000,
        "x" * 1_000_000,
    ],
    ids=["one word", "all new", "two words", "nearly", "no space"],
)
def test_repetition_reads_a_megabyte_quickly(text) -> None:
    began = time.process_time()  # what it costs, however busy the machine is; quadratic time would be hours
    repetition(text)
    assert time.process_time() - began < 8


def test_overlong_by_hand() -> None:
    assert [overlong(n, max_tokens=1000, cache=200) for n in (0, 800, 801, 850, 1000, 2000)] == [
        0.0,
        0.0,
        -0.005,
        -0.25,
        -1.0,
        -1.0,
    ]
    assert overlong(Completion("p", "", 900), max_tokens=1000, cache=200) == -0.5
    for cache in (0, 1001):
        with pytest.raises(ValueError, match="cache"):
            overlong(1, max_tokens=1000, cache=cache)


def test_accuracy_grades_and_truncation_is_wrong() -> None:
    assert accuracy("so \\boxed{7}", "7") == 1.0
    assert accuracy("so \\boxed{8}", "7") == 0.0
    assert accuracy(Completion("p", "so \\boxed{7}", 9, finished=False), "7") == 0.0


PROBLEM = Problem("p", "3 + 4?", "7")
RIGHT = Completion("p", "<think>check 3 + 4 = 7</think><answer>\\boxed{7}</answer>", 40)
WRONG = Completion("p", "<think>check 3 + 4 = 8</think><answer>\\boxed{8}</answer>", 50)


def test_scorer_adds_up_the_bonus_without_accuracy() -> None:
    weights = {"accuracy": 1.0, "format": 0.25, "reflection": 0.5, "overlong": 0.1}
    with Scorer(weights, options={"overlong": {"max_tokens": 60, "cache": 20}}) as scorer:
        right, wrong = scorer.score([PROBLEM, PROBLEM], [RIGHT, WRONG])
    assert (right.correct, wrong.correct) == (True, False)
    assert (right.reason, wrong.reason) == ("match", "mismatch")
    assert (right.length, wrong.length) == (40, 50)
    assert right.parts == {"accuracy": 1.0, "format": 1.0, "reflection": 0.21, "farmed": 0.0, "overlong": 0.0}
    assert right.bonus == pytest.approx(0.25 + 0.5 * 0.21)
    assert wrong.bonus == pytest.approx(0.25 + 0.5 * 0.21 - 0.1 * 0.5)
    assert [RIGHT.text[a:b] for a, b, _ in right.spans] == ["check"]


def test_scorer_options_reach_their_parts() -> None:
    farmed = Completion("p", "\\boxed{8} " + "check " * 100, 210)
    paid = {"accuracy": 1, "reflection": 1}

    def value(options) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BonusWarning)
            scorer = Scorer(paid, options={"reflection": options})
        return scorer.score([PROBLEM], [farmed])[0].bonus

    assert value({}) == 0.6
    assert value({"ignore_repeats": True}) == 0.0
    assert value({"only_if_correct": True}) == 0.0


def test_scorer_measures_a_part_of_weight_zero() -> None:
    [score] = Scorer({"reflection": 0}).score([PROBLEM], [RIGHT])
    assert score.bonus == 0.0
    assert score.parts["reflection"] == 0.21


def test_scorer_of_truncated_and_unscorable_rows() -> None:
    cut = Completion("p", RIGHT.text, 40, finished=False)
    no_gold = Problem("p", "?", "")
    cut_score, gold_score = Scorer({}).score([PROBLEM, no_gold], [cut, RIGHT])
    assert (cut_score.correct, cut_score.reason, cut_score.answered) == (False, "truncated", False)
    assert gold_score.correct is None
    assert gold_score.parts["accuracy"] == 0.0


def test_scorer_refuses_rows_that_do_not_belong_together() -> None:
    with pytest.raises(ValueError, match="2 problems for 1"):
        Scorer({}).score([PROBLEM, PROBLEM], [RIGHT])
    with pytest.raises(ValueError, match="'q'"):
        Scorer({}).score([PROBLEM], [Completion("q", "", 1)])


def test_scorer_lists_every_fault_at_once() -> None:
    weights = {
        "acuracy": 1,
        "format": float("nan"),
        "reflection": 1,
        "overlong": 1,
        "nowhere:f": 1,
        "accuracy": 2,
    }
    options = {"reflection": {"only_correct": True}, "overlong": {"cache": 5}, "repetition": {}}
    with pytest.raises(ConfigError) as caught:
        Scorer(weights, options=options)
    text = str(caught.value)
    for piece in (
        "weights.acuracy",
        "weights.format",
        "options.reflection.only_correct",
        "options.overlong.max_tokens",
        "'nowhere:f'",
        "weights.accuracy",
        "options.repetition",
    ):
        assert piece in text
    assert len(caught.value.problems) == 7
    with pytest.raises(ConfigError, match="cache must lie in"):
        Scorer({"overlong": 1}, options={"overlong": {"cache": 50, "max_tokens": 10}})


@pytest.mark.parametrize(
    ("weights", "options", "gap", "warns"),
    [
        ({"format": 1, "reflection": 1}, {}, 1.0, True),  # the published 1:1:1 with {0, 1}
        ({"format": 1, "reflection": 1}, {}, 2.5, False),
        ({"format": 1}, {}, 2.0, False),
        ({"reflection": 3}, {"reflection": {"only_if_correct": True}}, 1.0, False),
        ({"format": 0.5}, {}, 1.0, False),
        ({"repetition": 1.5}, {}, 1.0, True),
        ({"reflection": 0}, {}, 1.0, False),
        ({"reflection": -1}, {}, 1.0, True),
    ],
)
def test_scorer_warns_when_the_bonus_can_outweigh_being_right(weights, options, gap, warns) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        Scorer({"accuracy": 1, **weights}, options=options, gap=gap)
    assert bool([w for w in seen if w.category is BonusWarning]) == warns


MODULE = """
def brevity(completion, problem, scale=10):
    return max(0.0, 1 - completion.n_tokens / scale)

def broken(completion, problem):
    return float("nan")

def lenient(response, gold):
    return gold in response

def silent(response, gold):
    return None

def wordy(response, gold):
    return "yes"

number = 3
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "ll_own_rewards.py").write_text(MODULE)
    (tmp_path / "ll_own_fails.py").write_text("raise RuntimeError('boom')")
    monkeypatch.chdir(tmp_path)
    yield "ll_own_rewards"
    sys.modules.pop("ll_own_rewards", None)


def test_a_users_own_reward_and_grader(own_module) -> None:
    name = f"{own_module}:brevity"
    scorer = Scorer({name: 0.5}, options={name: {"scale": 80}}, grader=f"{own_module}:lenient")
    right, wrong = scorer.score([PROBLEM, PROBLEM], [RIGHT, Completion("p", "none", 60)])
    assert (right.correct, wrong.correct) == (True, False)
    assert right.parts[name] == 0.5
    assert wrong.bonus == pytest.approx(0.125)
    assert str(resolve(name).__module__) == own_module
    assert os.getcwd() not in sys.path  # the working directory was looked into, and taken off the path again


def test_a_users_grader_may_say_none_or_give_a_grade(own_module) -> None:
    [silent] = Scorer({}, grader=f"{own_module}:silent").score([PROBLEM], [RIGHT])
    assert (silent.correct, silent.reason) == (None, "unparsable_gold")
    [graded] = Scorer({}, grader=lambda r, g: Grade(False, Reason.no_answer, None)).score([PROBLEM], [RIGHT])
    assert graded.answered is False
    with pytest.raises(ConfigError, match="'yes'"):
        Scorer({}, grader=f"{own_module}:wordy").score([PROBLEM], [RIGHT])
    with pytest.raises(ConfigError, match="finite"):
        Scorer({f"{own_module}:broken": 0.1}).score([PROBLEM], [RIGHT])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("brevity", "module:function"),
        (":f", "module:function"),
        ("ll_nowhere:f", "no module named 'll_nowhere'"),
        ("ll_own_rewards:nothing", "has no 'nothing'"),
        ("ll_own_rewards:number", "is a int"),
        ("ll_own_fails:f", "RuntimeError: boom"),
    ],
)
def test_what_cannot_be_resolved_is_named(own_module, name, why) -> None:
    with pytest.raises(ConfigError, match=why):
        resolve(name, what="reward")


def test_a_shared_grader_is_left_open() -> None:
    class Watched(Grader):
        closed = False

        def close(self) -> None:
            self.closed = True
            super().close()

    grader = Watched()
    with Scorer({}, grader=grader) as scorer:
        scorer.score([PROBLEM], [RIGHT])
    assert not grader.closed
    grader.close()


def test_512_reflections_take_a_moment() -> None:
    text = "Step 1: 3 + 4 = 7. Let me check that: 7 - 4 = 3. " * 6
    began = time.process_time()
    for _ in range(512):
        reflection(text)
    assert time.process_time() - began < 3
