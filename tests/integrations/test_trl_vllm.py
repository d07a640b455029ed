"""leadline's trainer with vLLM beside it, in its process and as a server: TRL's code, a small engine behind it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from leadline.grpo.config import AdvantageConfig

pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE), str(HERE / "programs"), str(Path(__file__).parent)]
import fake_vllm  # noqa: E402
import trl_tiny  # noqa: E402
from test_trl import check  # noqa: E402

MODES = ("colocate", "server")
RUN: dict[str, Any] = {"rows": 8, "max_steps": 4, "num_iterations": 1, "use_vllm": True}
TOKENWISE = {"vllm_importance_sampling_mode": "token_truncate", "vllm_importance_sampling_clip_max": 2.0}


def trained(folder: Path, mode: str, noise: float = 0.0, **changes: Any) -> Any:
    with fake_vllm.installed(noise):
        run = trl_tiny.trainer(folder, **{**RUN, "vllm_mode": mode, **changes})
        run.train()
    return run


@pytest.mark.parametrize("mode", MODES)
def test_advantages_are_those_of_the_reference(mode: str, tmp_path: Path) -> None:
    seen = check([trained(tmp_path, mode).generations], AdvantageConfig.lead())
    assert seen["generations"] == 4
    assert seen["signal"] > 8
    [engine] = fake_vllm.ENGINES
    assert engine.asked == [(8, 1)] * 4 if mode == "colocate" else [(2, 4)] * 4


@pytest.mark.parametrize("mode", MODES)
def test_each_generation_is_drawn_from_the_weights_of_its_step(mode: str, tmp_path: Path) -> None:
    """The engine's own probabilities are the trainer's, so that every weight of the correction is 1."""
    run = trained(tmp_path, mode, **TOKENWISE)
    rows = [row for row in run.state.log_history if "loss" in row]
    assert len(rows) == 4
    for row in rows:
        assert row["sampling/sampling_logp_difference/max"] < 1e-4
        weights = [value for name, value in row.items() if name.startswith("lead/sampler_weight/")]
        assert len(weights) == 8
        assert weights == pytest.approx([1.0] * 8, abs=1e-4)
    [engine] = fake_vllm.ENGINES
    assert engine.synced >= 4 * len(dict(run.model.named_parameters()))


def test_weights_for_another_sampler_are_one_a_token_and_at_most_two(tmp_path: Path) -> None:
    run = trained(tmp_path, "colocate", noise=2.0, **TOKENWISE)
    weight = run._buffered_inputs[0]["importance_sampling_ratio"]
    mask = run._buffered_inputs[0]["completion_mask"]
    assert weight.shape == mask.shape
    assert float(weight[mask.bool()].max()) <= 2.0
    assert float(weight[mask.bool()].std()) > 0.1, "a noisy engine is told apart"
    [row] = [row for row in run.state.log_history if row.get("step") == 4 and "loss" in row]
    assert row["lead/sampler_weight/1"] != pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("mode", MODES)
def test_refill_asks_the_engine_for_what_is_missing(mode: str, tmp_path: Path) -> None:
    plain = {"config": AdvantageConfig.grpo(), "functions": [trl_tiny.accuracy]}
    run = trained(tmp_path, mode, select="refill", select_factor=3, max_steps=8, **plain, **TOKENWISE)
    [engine] = fake_vllm.ENGINES
    asked = [count * n // 4 for count, n in engine.asked]
    rounds = [len(generation["prompt"]) // 4 for generation in run.generations]
    assert sum(asked) == sum(rounds) > 2 * 8, "some steps ask again, for exactly as many groups as lack"
    for generation in run.generations:
        assert torch.tensor(generation["advantage"]).view(-1, 4).shape[0] == 2
