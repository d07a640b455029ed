"""What would train on something else than it says, or be found out too late, is refused or warned of at the start."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from leadline.errors import CheckpointError, ConfigError
from leadline.grpo.config import AdvantageConfig
from leadline.integrations.trl import guard
from leadline.integrations.trl.mixin import LeadMixin, verdicts
from leadline.integrations.trl.resume import ResumeWarning
from leadline.integrations.trl.sampler_weights import weight_by_length

trl = pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

sys.path.append(str(Path(__file__).parents[1] / "programs"))  # last: it has a conftest of its own
import trl_tiny  # noqa: E402


def paid_in_parts(completions: list[str], **_: Any) -> list[float]:
    return [0.5 if index % 2 else 1.0 for index in range(len(completions))]


def with_correctness(folder: Path, **more: Any) -> Any:
    return trl_tiny.LeadGRPOTrainer(
        model=trl_tiny.model(), reward_funcs=[paid_in_parts], processing_class=trl_tiny.tokenizer(),
        args=trl_tiny.settings(folder, max_steps=1), train_dataset=trl_tiny.prompts(4), correctness="paid_in_parts",
        advantage=AdvantageConfig.grpo(), **more,
    )  # fmt: skip


def test_a_correctness_that_is_neither_right_nor_wrong_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"'paid_in_parts' gave 0\.5: correctness is 1, 0 or None.*correct_above"
    ):
        with_correctness(tmp_path).train()
    trainer = with_correctness(tmp_path, correct_above=0.7)
    trainer.train()
    assert trainer.lead_batch.columns[:, 0].tolist() == [1.0, 0.0] * 4


@pytest.mark.parametrize("value", [2.5, -1.0, float("inf")])
def test_logits_of_a_reward_model_are_no_verdicts(value: float) -> None:
    with pytest.raises(ConfigError, match="correct_above"):
        verdicts(torch.tensor([1.0, value]), "judge", None)


def test_golds_are_missed_by_position_too() -> None:
    from leadline.integrations.trl import accuracy_reward

    with pytest.raises(ConfigError, match="train_dataset: no gold column"):
        trl_tiny.LeadGRPOTrainer("no/model", accuracy_reward, None, trl_tiny.prompts(4))


def test_a_trainer_that_computes_advantages_elsewhere_is_refused() -> None:
    elsewhere = type("AsyncGRPOTrainer", (), {})
    with pytest.raises(ConfigError, match="Mine: AsyncGRPOTrainer computes advantages in its rollout worker"):
        type("Mine", (LeadMixin, elsewhere), {})


def test_the_real_async_trainer_is_the_one_that_is_meant() -> None:
    from trl.experimental import async_grpo

    source = Path(async_grpo.__file__).with_name("async_rollout_worker.py").read_text()
    assert "advantages[scored_mask] = " in source  # there, in a process of its own
    assert guard.unsuited(type("AsyncGRPOTrainer", (), {})) is not None
    assert (
        "class AsyncGRPOTrainer(" in Path(async_grpo.__file__).with_name("async_grpo_trainer.py").read_text()
    )


@pytest.mark.parametrize("change", [{"save_only_model": True}, {"ignore_data_skip": True}])
def test_checkpoints_that_will_be_refused_are_warned_of_at_the_start(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    with pytest.warns(ResumeWarning, match=next(iter(change))):
        trl_tiny.trainer(tmp_path, save_strategy="steps", **change)


def test_a_checkpoint_whose_weights_have_other_names_is_refused(tmp_path: Path) -> None:
    """As transformers saves LLaVA: under names that it does not load again."""
    trl_tiny.trainer(tmp_path, save_strategy="steps", save_steps=1, max_steps=2).train()
    file = tmp_path / "checkpoint-1" / "model.safetensors"
    save_file({f"language_model.{k}": v for k, v in load_file(file).items()}, file, metadata={"format": "pt"})
    with pytest.raises(
        CheckpointError, match=r"parameters are not in it under the names that the model loads"
    ):
        trl_tiny.resumed(tmp_path, 1, save_strategy="steps", save_steps=1, max_steps=2)


def test_post_and_local_releases_count_as_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    import warnings

    for version in ("1.16.0.post1", "1.16.0+cu128"):
        monkeypatch.setattr(trl, "__version__", version)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            guard.check_trl()
    monkeypatch.setattr(trl, "__version__", "1.17.0")
    with pytest.warns(guard.VersionWarning, match="not 1.17.0"):
        guard.check_trl()


def test_the_mean_weight_of_long_completions_is_told_apart() -> None:
    """The weights of trainers.md, fault 3: a product over tokens shrinks with the length, one a token does not."""
    length = torch.arange(1, 101)
    mask = (torch.arange(100) < length[:, None]).long()
    product = torch.exp(-0.01 * length.double())[:, None]
    shrinks = weight_by_length({"importance_sampling_ratio": product, "completion_mask": mask}, lambda x: x)
    assert list(shrinks) == [f"sampler_weight/{i}" for i in range(1, 11)]
    assert shrinks["sampler_weight/1"] > 0.9 > 0.5 > shrinks["sampler_weight/10"]
    flat = weight_by_length({"importance_sampling_ratio": mask * 0.99, "completion_mask": mask}, lambda x: x)
    assert list(flat.values()) == pytest.approx([0.99] * 10)
    assert weight_by_length({"completion_mask": mask}, lambda x: x) == {}
