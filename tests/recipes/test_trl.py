"""The packaged recipes for TRL: short, runnable as far as can be known here, and with the published numbers."""

from __future__ import annotations

import pytest

from leadline.recipes import find_recipe, packaged
from leadline.recipes.schema import Recipe

pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

PUBLISHED = ("lead-7b", "lead-14b", "reflection-1.5b", "reflection-7b", "reflection-ablation")
PROCESSES = {
    "lead-7b": 8,
    "lead-14b": 8,
    "reflection-1.5b": 4,
    "reflection-7b": 8,
    "reflection-ablation": 4,
    "trl-demo": 1,
}


@pytest.mark.parametrize("name", PROCESSES)
def test_trl_takes_the_recipe(name: str) -> None:
    from leadline.runs.backends.translation import settings
    from leadline.runs.backends.trl.settings import policy_lines, supervised_lines, trl_recipe_faults

    recipe = find_recipe(name, ["model.source=somewhere"] if name == "trl-demo" else [])
    assert trl_recipe_faults(recipe, PROCESSES[name]) == []
    if recipe.trl:
        assert recipe.trl["launch"][recipe.trl["launch"].index("--num_processes") + 1] == str(PROCESSES[name])
    settings(supervised_lines(recipe, row_tokens=2048, world=PROCESSES[name]))
    for arm in recipe.arms:
        arguments = settings(policy_lines(recipe, arm, prompt_tokens=512, world=PROCESSES[name]))
        rows = arguments["per_device_train_batch_size"] * arguments["steps_per_generation"] * PROCESSES[name]
        assert rows == recipe.rl.prompts * recipe.rl.group_size
        assert (
            arguments["per_device_train_batch_size"] * (512 + recipe.rl.max_tokens) <= recipe.rl.micro_tokens
        )


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_recipes_are_short(name: str) -> None:
    assert len(packaged()[name].splitlines()) < 40


def test_published_numbers() -> None:
    """arXiv 2504.09696 and 2603.14041, as far as they give them."""
    seven, fourteen = find_recipe("lead-7b"), find_recipe("lead-14b")
    for recipe, cap in ((seven, 8192), (fourteen, 14336)):
        assert (recipe.rl.group_size, recipe.rl.prompts, recipe.rl.max_tokens) == (8, 32, cap)
        assert (recipe.rl.temperature, recipe.rl.optimiser.learning_rate) == (0.6, 1e-6)
        assert (recipe.evaluation.samples, recipe.evaluation.max_tokens) == (32, 14336)
        assert recipe.arms["lead"].loss.kl == "none"
        assert recipe.arms["lead"].advantage.length_alpha == 0.05
        assert recipe.data.min_difficulty == 2.5
    for name in ("reflection-1.5b", "reflection-7b"):
        recipe = find_recipe(name)
        assert (recipe.rl.group_size, recipe.rl.max_tokens, recipe.rl.optimiser.learning_rate) == (
            7,
            1024,
            3e-6,
        )
        assert (recipe.rl.optimiser.decay, recipe.rl.optimiser.warmup) == ("cosine", 0.1)
        assert recipe.sft.optimiser.learning_rate == 5e-5
        assert (recipe.sft.lora.rank, recipe.sft.lora.alpha, recipe.sft.lora.dropout) == (16, 64, 0.05)
        assert recipe.arms["reflection"].rewards == {"accuracy": 1, "format": 1, "reflection": 1}


def test_the_second_stage_in_the_comment_of_lead_14b_is_a_recipe() -> None:
    changes = [
        "sft.method=none", "data.train=stage2.jsonl", "data.solve_rate=[0, 0.75]",
        "arms.lead.rewards.repetition=1.5", "arms.lead.advantage.length_alpha=0",
    ]  # fmt: skip
    text = packaged()["lead-14b"]
    assert all(change.partition("=")[0] in text for change in changes)
    recipe: Recipe = find_recipe("lead-14b", changes)
    assert recipe.arms["lead"].advantage.length_alpha == 0
    assert recipe.arms["lead"].advantage.difficulty == "lead"
    assert recipe.arms["lead"].rewards["repetition"] == 1.5
