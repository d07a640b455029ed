"""Problem sets in the shapes of others: choices beside the question, whole conversations, facts in another column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leadline.data import load_problems
from leadline.errors import DataError
from leadline.types import Problem

ASKED = "Which of them is even?"
LETTERED = f"{ASKED}\n\n(A) 3\n(B) 4\n(C) 5\n\nAnswer with the letter of the right choice."


def only(tmp_path: Path, row: Any) -> Problem:
    path = tmp_path / "set.json"
    path.write_text(json.dumps([row], indent=1))
    (found,) = load_problems(path)
    return found


@pytest.mark.parametrize(
    "row",
    [
        {"options": ["3", "4", "5"], "answer": "B", "answer_index": 1},  # MMLU-Pro
        {"choices": ["3", "4", "5"], "answer": 1},  # MMLU
        {"choices": {"text": ["3", "4", "5"], "label": ["1", "2", "3"]}, "answerKey": "2"},  # ARC
        {"options": {"A": "3", "B": "4", "C": "5", "D": None}, "answer": "4", "answer_idx": "B"},  # MedQA
        {"options": ["A)3", "B)4", "C)5"], "correct": "B"},  # AQuA
        {"options": ["3", "4", "5"], "answer": "4"},
    ],
)
def test_choices_beside_the_question_are_asked_with_it(row: dict[str, Any], tmp_path: Path) -> None:
    found = only(tmp_path, {"question": ASKED, **row})
    assert (found.prompt, found.answer) == (LETTERED, "B")


def test_choices_that_the_question_shows_already_are_not_asked_twice(tmp_path: Path) -> None:
    shown = f"{ASKED}\nA. 3\nB. 4"
    found = only(tmp_path, {"question": shown, "options": ["3", "4"], "answer": "B"})
    assert (found.prompt, found.answer) == (shown, "B")


def test_a_place_behind_the_last_choice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the right choice is number 2 of 2, counted from 0"):
        only(tmp_path, {"question": ASKED, "choices": ["3", "4"], "answer": 2})


@pytest.mark.parametrize("column", ["messages", "conversations"])
def test_the_worked_answer_of_a_conversation_is_not_shown_to_the_model(column: str, tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "1 + 1?"}, {"from": "gpt", "value": "It is \\boxed{2}."}]
    found = only(tmp_path, {column: turns})
    assert found.messages is not None
    assert [tuple(turn) for turn in found.messages] == [("user", "1 + 1?")]
    assert (found.answer, found.solution) == ("2", "It is \\boxed{2}.")
    named = only(tmp_path, {"problem": "1 + 1?", "answer": "2", "solution": "two", column: turns})
    assert (named.messages, named.answer, named.solution) == (found.messages, "2", "two")


def test_a_row_that_is_a_list_of_turns_is_a_conversation(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "1 + 1?"}, {"from": "assistant", "ground_truth": {"value": "2"}}]
    for row in (turns, {"0": turns[0], "1": turns[1]}):  # Open-Reasoner-Zero: its file, and as a table
        found = only(tmp_path, row)
        assert (found.prompt, found.answer) == ("1 + 1?", "2")


@pytest.mark.parametrize("column", ["Body", "context", "passage"])
def test_a_question_is_asked_behind_its_facts(column: str, tmp_path: Path) -> None:
    row = {column: "Of 8 pens 3 are sold.", "Question": "How many are left?", "Answer": 5.0}
    found = only(tmp_path, row)
    assert (found.prompt, found.answer) == ("Of 8 pens 3 are sold.\n\nHow many are left?", "5")


def test_a_reference_answer_that_is_a_list_of_one_as_text_is_that_one(tmp_path: Path) -> None:
    row = {
        "prompt": [{"role": "user", "content": "x?"}],
        "reward_model": {"ground_truth": '["(-\\\\infty, 3]"]'},
    }
    assert only(tmp_path, row).answer == "(-\\infty, 3]"


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "1 + 1?", "label": "2"},  # slime
        {"instruction": "1 + 1?", "input": "", "output": "So \\boxed{2}."},  # Alpaca
        {"problem": "1 + 1?", "ground_truth_solution": "So \\boxed{2}."},  # OpenThoughts
        {"question": "1 + 1?", "solution": "One and one.\n#### 2"},
        {"version": 1, "data": [{"question": "1 + 1?", "answer": "2"}]},
        {"question": ["1 + 1?"], "answer": ["2"]},
    ],
)
def test_columns_and_wrappings_of_others_are_read(row: dict[str, Any], tmp_path: Path) -> None:
    found = only(tmp_path, row)
    assert (found.prompt, found.answer) == ("1 + 1?", "2")
