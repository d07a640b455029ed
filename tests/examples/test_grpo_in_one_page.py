"""The page that a teacher shows runs as it stands, and what it shows is what the library does."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from leadline import AdvantageConfig, LossConfig
from leadline.engine.learner import Learner
from leadline.engine.optimiser import Optimiser
from leadline.recipes.schema import OptimiserConfig
from leadline.seeds import python_rng, torch_rng
from leadline.types import Score

PAGE = Path(__file__).resolve().parents[2] / "examples" / "grpo_in_one_page.py"


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grpo_in_one_page", PAGE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_it_fits_on_a_page() -> None:
    assert len(PAGE.read_text().splitlines()) <= 175


def test_a_small_run_says_what_came_before_and_after(
    page: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    page.main(["--imitation-steps", "4", "--steps", "2", "--group-size", "4", "--test-problems", "6"])
    said = capsys.readouterr().out
    assert "imitation   0   loss" in said
    assert "step   0   right" in said
    assert "unseen problems   before: right" in said


def test_its_advantages_pay_the_right_and_the_short(page: ModuleType) -> None:
    scores = [Score(True, "match", "1", 4), Score(True, "match", "1", 8), Score(False, "mismatch", "2", 4)]
    rollouts = SimpleNamespace(lengths=torch.tensor([4, 8, 4]), owner=torch.zeros(3, dtype=torch.long))
    short, long, wrong = page.advantages(scores, rollouts, AdvantageConfig.lead()).tolist()
    assert short > long > 0 > wrong


def test_its_update_is_that_of_the_engine(page: ModuleType) -> None:
    """Same rollouts, same advantages: the gradient of the page is the gradient of ``Learner``."""
    model = page.new_model()
    problems = page.world.problems(python_rng("here"), 6, "train")
    rollouts = page.draw(model, problems, 4, torch_rng("here"))
    # An untrained model is never right, so that its groups have no signal: give the rows some.
    advantage = torch.linspace(-1, 1, len(rollouts.owner))
    page.update(model, rollouts, advantage)
    ours = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    optimiser = Optimiser(model.named_parameters(), OptimiserConfig(), 1)
    learner = Learner(
        model=model,
        optimiser=optimiser,
        config=LossConfig(),
        temperature=page.TEMPERATURE,
        max_tokens=page.MAX_TOKENS,
        micro_tokens=2048,
    )
    learner.accumulate(rollouts, advantage, torch.arange(len(advantage)))
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-3, atol=1e-6)
