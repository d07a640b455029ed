"""Reward functions in TRL's calling convention; none of this needs TRL."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
import torch

from leadline import rewards
from leadline.errors import ConfigError, InputError
from leadline.grading import Grade, Grader
from leadline.integrations.trl import (
    AccuracyReward,
    AnsweredReward,
    accuracy_reward,
    answered,
    format_reward,
    reflection,
    repetition,
    reward_functions,
)
from leadline.integrations.trl.rewards import gold_column_faults
from leadline.integrations.trl.turns import own_text
from leadline.integrations.verl.scoring import compute_score
from leadline.types import Completion, Problem

RIGHT, WRONG, SILENT = (
    r"so \boxed{42}",
    r"so \boxed{41}",
    "Let me think about this problem in more detail. First,",
)


def chat(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def test_importing_the_rewards_needs_no_trl() -> None:
    code = (
        "import sys, leadline.integrations.trl; print([m for m in ('trl', 'accelerate') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("form", [str, chat])
def test_accuracy_tells_right_wrong_and_unscorable(form: Any) -> None:
    texts = [form(text) for text in (RIGHT, WRONG, SILENT, RIGHT)]
    columns = {"prompts": ["6 x 7?"] * 4, "completion_ids": [[1]] * 4, "answer": ["42", "42", "42", None]}
    assert accuracy_reward(completions=texts, **columns) == [1.0, 0.0, 0.0, None]
    assert answered(completions=texts, **columns) == [1.0, 1.0, 0.0, None]


def test_golds_are_found_wrapped_and_of_any_type() -> None:
    assert accuracy_reward(completions=[RIGHT], solution=[r"Hence $\boxed{42}$."]) == [1.0]
    assert accuracy_reward(completions=[RIGHT], answer=[42], solution=["17"]) == [1.0]
    assert AccuracyReward("gold")(completions=[RIGHT], answer=["17"], gold=["42"]) == [1.0]
    with pytest.raises(InputError, match="looked for gold"):
        AccuracyReward("gold")(completions=[RIGHT], answer=["17"])


def test_a_gold_that_is_an_object_is_refused_and_not_graded_against() -> None:
    for gold in ({"value": "42", "unit": ""}, b"42"):
        with pytest.raises(
            InputError, match=r"column 'answer': a reference answer is text or a number.*(dict|bytes)"
        ):
            accuracy_reward(completions=[RIGHT], answer=[gold])
        with pytest.raises(InputError, match="ground_truth: a reference answer is text or a number"):
            compute_score("math", RIGHT, gold)


def test_columns_that_were_removed_are_named_as_such() -> None:
    given = {"prompts": ["?"], "trainer_state": None, "log_extra": print, "leadline_own_tokens": [3]}
    with pytest.raises(InputError, match=r"found none \(remove_unused_columns=True takes them away\)"):
        accuracy_reward(completions=[RIGHT], **given)
    faults = gold_column_faults([accuracy_reward], {}, removed=True)
    assert faults == ["remove_unused_columns: True takes the reference answers away; leave it at False"]
    assert gold_column_faults([len], {}, removed=True) == []


def test_a_cut_off_completion_is_wrong_where_the_end_token_is_known() -> None:
    strict = AccuracyReward(eos_token_id=[7, 8])
    ids = [[1, 7], [1, 8], [1, 2], []]
    assert strict(completions=[RIGHT] * 4, completion_ids=ids, answer=["42"] * 4) == [1.0, 1.0, 0.0, 0.0]
    said = AnsweredReward(strict)
    assert said(completions=[RIGHT] * 4, completion_ids=ids, answer=["42"] * 4) == [1.0, 1.0, 0.0, 0.0]


def test_every_batch_is_graded_once() -> None:
    class Counting(Grader):
        calls = 0

        def grade_many(self, pairs: Any, **kwargs: Any) -> list[Grade]:
            self.calls += 1
            return super().grade_many(pairs, **kwargs)

    with Counting() as grader:
        functions, _ = reward_functions(
            {"accuracy": 1, "reflection": 0.3},
            options={"reflection": {"only_if_correct": True}},
            grader=grader,
        )
        batch: dict[str, Any] = {
            "prompts": ["?", "?"],
            "completions": [RIGHT + " check", WRONG + " check"],
            "answer": ["42", "42"],
        }
        assert [function(**batch) for function in functions] == [[1, 0], [1, 1], [0.21, 0]]
        assert grader.calls == 1
        assert functions[0](**{**batch, "answer": ["41", "41"]}) == [0, 1]
        assert grader.calls == 2


def test_grading_works_outside_the_main_thread() -> None:
    found: list[Any] = []
    thread = threading.Thread(
        target=lambda: found.append(
            accuracy_reward(completions=[RIGHT, r"\boxed{1/2}"], answer=["42", "0.5"])
        )
    )
    thread.start()
    thread.join(60)
    assert found == [[1.0, 1.0]]


def test_the_other_parts_are_the_projects_own() -> None:
    text = "<think>Step 1. Let me check that.</think><answer>42</answer>"
    batch: dict[str, Any] = {"prompts": ["?"], "completions": [text], "completion_ids": [[1] * 90]}
    assert format_reward(**batch) == [rewards.format_reward(text)] == [1.0]
    assert reflection(**batch) == [rewards.reflection(text)]
    assert repetition(prompts=["?"], completions=["no " * 30]) == [-1.0]
    functions, weights = reward_functions(
        {"accuracy": 1, "overlong": 0.5}, options={"overlong": {"max_tokens": 100, "cache": 20}}
    )
    assert (functions[2](**batch), weights[2]) == ([-0.5], 0.5)
    assert [function.__name__ for function in (accuracy_reward, answered, format_reward, reflection, repetition)] == [
        "accuracy", "answered", "format", "reflection", "repetition",
    ]  # fmt: skip


def twice_as_long(completion: Completion, problem: Problem) -> float:
    return 2.0 * completion.n_tokens + len(problem.prompt) + problem.meta["level"] + float(problem.answer)


def test_a_users_own_reward_sees_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mine", sys.modules[__name__])
    functions, _ = reward_functions({"accuracy": 1, "mine:twice_as_long": 0.1})
    got = functions[2](
        prompts=[chat("six?")], completions=["x"], completion_ids=[[1, 2, 3]], answer=["5"], level=[10]
    )
    assert got == [6 + 4 + 10 + 5]


def test_unknown_parts_are_refused() -> None:
    with pytest.raises(ConfigError, match="no such part"):
        reward_functions({"accuracy": 1, "beauty": 1})


def test_chats_with_parts_and_tool_turns_become_text() -> None:
    turns = [
        {"role": "assistant", "content": None, "tool_calls": []},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}],
        },
    ]
    assert own_text(turns) == "\nab"


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_token_ids_may_be_lists_arrays_or_tensors(kind: Any) -> None:
    ids = [kind([3, 7, 2]), kind([3, 7]), kind([])]
    functions, _ = reward_functions(
        {"accuracy": 1, "overlong": 1}, options={"overlong": {"max_tokens": 4, "cache": 2}}, eos_token_id=2
    )
    columns: dict[str, Any] = {"prompts": ["6 x 7?"] * 3, "completions": [RIGHT] * 3, "answer": ["42"] * 3}
    right, _, overlong = (function(**columns, completion_ids=ids) for function in functions)
    assert right == [1.0, 0.0, 0.0]
    assert overlong == [-0.5, 0.0, 0.0]
    if kind is not list:  # one array for all rows
        assert functions[2](**columns, completion_ids=kind([[3, 7, 2], [1, 1, 1], [5, 5, 2]])) == [-0.5] * 3


def test_overlong_without_token_ids_says_so() -> None:
    functions, _ = reward_functions(
        {"accuracy": 1, "overlong": 1}, options={"overlong": {"max_tokens": 4, "cache": 2}}
    )
    with pytest.raises(InputError, match="overlong counts tokens: call it with completion_ids"):
        functions[2](prompts=["6 x 7?"], completions=[RIGHT], answer=["42"])


def test_a_group_is_mixed_only_between_never_and_always_right() -> None:
    from leadline.grpo.advantages import group_advantages
    from leadline.grpo.config import AdvantageConfig
    from leadline.integrations.trl.mixin import LeadBatch, lead_metrics

    correct = torch.tensor([True, True, True, False, False, False, True, True])
    group = torch.arange(4).repeat_interleave(2)  # always, once of two, never, always
    length, finished = torch.full((8,), 5), torch.ones(8, dtype=torch.bool)
    out = group_advantages(correct, length, group, config=AdvantageConfig.grpo())
    metrics = lead_metrics(LeadBatch(correct.float()[:, None], length, finished, group, out, {"gap": None}))
    assert metrics["mixed"] == metrics["live"] == 0.25
    assert metrics["solve_rate"] == 0.625
    assert metrics["unscorable"] == 0.0
    assert "gap" not in metrics
