"""What a step's line says of the questions it asked, and of how far trainer and sampler agree; by hand."""

from __future__ import annotations

import pytest
import torch

from leadline.engine.agreement import Agreement, correlation
from leadline.engine.step_metrics import Graded, completion_metrics
from leadline.grpo.advantages import group_advantages
from leadline.grpo.batch_signs import prompt_signs


def test_each_group_is_known_by_its_own_question() -> None:
    group = torch.tensor([0, 0, 0, 1, 2, 2])  # groups of unlike sizes
    asked = ["a", "a", "a", "b", "c", "c"]
    correct = torch.tensor([True, False, True, True, False, True])
    graded = Graded(
        correct, ~correct, torch.zeros(6, dtype=torch.bool), torch.ones(6, dtype=torch.bool),
        torch.full((6,), 3), group, asked=asked,
    )  # fmt: skip
    metrics = completion_metrics(graded, group_advantages(correct, graded.length, group))
    assert metrics["repeated"] == 0
    assert metrics["batch"] == prompt_signs(["a", "b", "c"])["batch"]
    assert metrics["mixed"] == pytest.approx(2 / 3)


def test_correlation_by_hand() -> None:
    # deviations (-1, 0, 1) and (-1, 1, 0): their product sums to 1, each has squares of sum 2
    assert correlation(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([10.0, 12.0, 11.0])) == pytest.approx(0.5)
    assert correlation(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 4.0])) is None


def test_agreement_says_how_far_off_and_whether_it_goes_with_length() -> None:
    agreement = Agreement()
    assert agreement.metrics() == {}
    old = torch.tensor([-1.0, -2.0, -3.0, -1.0])
    agreement.add(old + 0.5, old, torch.tensor([0, 0, 0, 1]), torch.tensor([3, 1]))
    found = agreement.metrics()
    assert found["logp_gap"] == pytest.approx(0.5)
    assert found["logp_agreement"] == pytest.approx(1.0)
    assert found["ratio_length"] == pytest.approx(1.0)  # 1.5 of the long row, 0.5 of the short one
    same = Agreement()
    same.add(old, old, torch.tensor([0, 0, 0, 1]), torch.tensor([3, 1]))
    assert same.metrics()["ratio_length"] is None
