"""What is easily handed to a public name in place of what it takes: refused with what to write, not a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import leadline
from leadline.errors import LeadlineError
from leadline.integrations.trl import reward_functions

ROW = (torch.tensor([True, False]), torch.tensor([3, 4]), torch.tensor([0, 0]))
CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "a number as gold": (lambda: leadline.grade("4", 4), r"gold: int, expected text, such as str\(gold\)"),  # type: ignore[arg-type]
    "no response": (lambda: leadline.grade(None, "4"), "response: NoneType, expected text"),  # type: ignore[arg-type]
    "a number in gold_fault": (lambda: leadline.gold_fault(4), "gold: int, expected text"),  # type: ignore[arg-type]
    "lists": (lambda: leadline.group_advantages([True], [1], [0]), "correct: list, expected a tensor"),  # type: ignore[arg-type]
    "a preset by name": (
        lambda: leadline.group_advantages(*ROW, config="lead"),  # type: ignore[arg-type]
        r"config: 'lead' is no AdvantageConfig, such as AdvantageConfig.lead\(\)",
    ),
    "a file to probe": (
        lambda: leadline.probe("a.jsonl"),
        r"counts: str, expected Counts: load_counts\(FILE\)",
    ),  # type: ignore[arg-type]
    "files to compare": (lambda: leadline.compare("a", "b"), "base: str, expected Counts"),  # type: ignore[arg-type]
    "names of parts": (lambda: leadline.Scorer(["accuracy"]), "rewards.weights: name -> weight is expected"),  # type: ignore[arg-type]
    "names of functions": (lambda: reward_functions("accuracy"), "name -> weight is expected"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", CASES)
def test_misuse_of_a_public_name_says_what_it_takes(case: str) -> None:
    call, said = CASES[case]
    with pytest.raises(LeadlineError, match=said):
        call()
