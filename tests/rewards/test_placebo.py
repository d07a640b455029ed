"""The placebo: fair, blind to content, the same again for the same draw; and arms that do not pay accuracy."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from leadline.errors import ConfigError
from leadline.grpo.advantages import group_advantages
from leadline.grpo.config import AdvantageConfig
from leadline.recipes.reading import parse_recipe
from leadline.rewards import Scorer, placebo
from leadline.types import Completion, Problem


def test_the_coin_is_fair_and_moves_with_the_policy() -> None:
    coins = [placebo(Completion(f"p{i}", "same text", 3, logprob=-1.0)) for i in range(4000)]
    assert abs(sum(coins) / 4000 - 0.5) < 0.032  # four standard errors
    moved = [placebo(Completion(f"p{i}", "same text", 3, logprob=-1.0001)) for i in range(4000)]
    agree = sum(a == b for a, b in zip(coins, moved, strict=True)) / 4000
    assert abs(agree - 0.5) < 0.032


@given(st.text(), st.floats(allow_nan=False), st.integers(0, 9))
def test_the_same_draw_has_the_same_coin(text: str, logprob: float, seed: int) -> None:
    completion = Completion("p", text, 1, logprob=logprob)
    assert placebo(completion, seed=seed) == placebo(completion, seed=seed)
    assert placebo(completion, seed=seed) in (0.0, 1.0)


def test_an_arm_without_accuracy_does_not_pay_it() -> None:
    recipe = parse_recipe("arms: {coin: {rewards: {placebo: 1.0}}, plain: {}, lead: {advantage: lead}}")
    assert not recipe.arms["coin"].advantage.pay_accuracy
    assert recipe.arms["plain"].advantage.pay_accuracy
    assert recipe.arms["lead"].advantage.pay_accuracy
    assert parse_recipe(recipe.to_yaml()) == recipe
    named = parse_recipe("arms: {form: {advantage: dr_grpo, rewards: {format: 1.0}}}").arms["form"].advantage
    assert (named.normalisation, named.pay_accuracy) == ("none", False)


def test_a_length_term_without_accuracy_is_refused() -> None:
    with pytest.raises(ConfigError, match="without accuracy length_alpha must be 0"):
        parse_recipe("arms: {x: {advantage: lead, rewards: {format: 1.0}}}")


def test_only_the_bonus_decides_the_advantage() -> None:
    config = AdvantageConfig(pay_accuracy=False)
    right = torch.tensor([True, True, False, False])
    bonus = torch.tensor([0.0, 1.0, 0.0, 1.0])
    result = group_advantages(right, torch.tensor([3, 3, 3, 3]), torch.zeros(4, dtype=torch.long), bonus=bonus,
                              config=config)  # fmt: skip
    assert result.reward.tolist() == [0.0, 1.0, 0.0, 1.0]
    # mean 1/2, sample standard deviation sqrt(1/3): +- 0.5 / 0.57735 = +- 0.86603
    torch.testing.assert_close(result.advantage, torch.tensor([-0.86603, 0.86603, -0.86603, 0.86603]), atol=1e-4,
                               rtol=0)  # fmt: skip
    assert result.solve_rate.tolist() == [0.5] * 4


def test_the_scorer_pays_the_coin() -> None:
    problem = Problem("p", "1 + 1?", "2")
    completions = [Completion("p", f"no {i}", 2, logprob=-float(i)) for i in range(64)]
    with Scorer({"placebo": 1.0}, gap=AdvantageConfig(pay_accuracy=False).margin(8)) as scorer:
        scores = scorer.score([problem] * 64, completions)
    assert {score.bonus for score in scores} == {0.0, 1.0}
    assert [score.bonus for score in scores] == [placebo(completion) for completion in completions]
