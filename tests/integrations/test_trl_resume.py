"""Resume under TRL: the same prompts, completions and losses as without the interruption, or a refusal."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from leadline.errors import CheckpointError
from leadline.grpo.config import AdvantageConfig
from leadline.integrations.trl.mixin import LeadMixin
from leadline.integrations.trl.resume import (
    STATE_FILE,
    ResumeWarning,
    _load_rollouts,
    _save_rollouts,
    check_names,
)

trl = pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

sys.path.insert(0, str(Path(__file__).parents[1] / "programs"))
import trl_tiny  # noqa: E402

# 6 prompts, 2 a generation: 3 generations an epoch, 2 epochs
CYCLES = {
    # every generation serves 2 optimizer steps of 2 micro-steps: 6 an epoch; odd steps lie in the middle of a cycle
    "two iterations": {"num_iterations": 2, "gradient_accumulation_steps": 2},
    # every generation serves 2 optimizer steps of 1 micro-step: 6 an epoch; odd steps lie in the middle of a cycle
    "two slices": {
        "num_iterations": 1,
        "gradient_accumulation_steps": 1,
        "steps_per_generation": 2,
        "config": AdvantageConfig.concise(control_gain=2.0),  # whose length term remembers the batches before
    },
}


@pytest.fixture(scope="module", params=CYCLES)
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any, dict[str, Any]]:
    """A run of two epochs that nothing interrupted, with a checkpoint after every optimizer step."""
    changes = {**CYCLES[request.param], "num_train_epochs": 2, "save_strategy": "steps", "save_steps": 1}
    folder = tmp_path_factory.mktemp("whole")
    run = trl_tiny.trainer(folder, rows=6, **changes)
    run.train()
    return folder, run, changes


@pytest.mark.parametrize("step", [1, 6, 8, 9])
def test_resume_goes_on_as_if_nothing_had_happened(whole: Any, step: int) -> None:
    folder, run, changes = whole
    again = trl_tiny.resumed(folder, step, rows=6, **changes)
    done = step * changes["gradient_accumulation_steps"]
    assert len(run.steps) == 12 * changes["gradient_accumulation_steps"]
    assert again.steps == run.steps[done:]  # prompt ids, completion ids and loss of every micro-step
    later = [g for g in run.generations if g["step"] >= done]
    assert [g["prompt"] for g in again.generations] == [g["prompt"] for g in later]
    assert again.generations == later  # the advantages among them
    assert again.weigher.saved() == run.weigher.saved()


def test_the_two_epochs_have_different_orders(whole: Any) -> None:
    # else the tests above could not tell a replay of epoch 1 from epoch 2
    _, run, _ = whole
    order = [prompt for g in run.generations for prompt in g["prompt"][::4]]
    assert sorted(order[:6]) == sorted(order[6:])
    assert order[:6] != order[6:]


def test_trl_alone_replays_the_first_epoch(whole: Any) -> None:
    """The control: without the mixin the very same resume goes wrong (this may start to fail with a later TRL)."""

    class Plain(LeadMixin, trl.GRPOTrainer):  # type: ignore[misc]
        def _generate_and_score_completions(self, inputs: Any) -> Any:
            seen.extend(row["prompt"] for row in inputs[::4])
            return super()._generate_and_score_completions(inputs)

    folder, run, changes = whole
    changes = {name: value for name, value in changes.items() if name != "config"}
    seen: list[str] = []
    again = Plain(
        model=trl_tiny.model(), reward_funcs=trl_tiny.REWARDS, processing_class=trl_tiny.tokenizer(),
        args=trl_tiny.settings(folder, reward_weights=trl_tiny.WEIGHTS, **changes), train_dataset=trl_tiny.prompts(6),
    )  # fmt: skip
    again.train(resume_from_checkpoint=str(folder / "checkpoint-6"))
    order = [prompt for g in run.generations for prompt in g["prompt"][::4]]
    assert seen == order[:6] != order[6:]


def test_rollouts_keep_their_numbers_and_their_types(tmp_path: Path) -> None:
    slices = [
        {
            "ids": torch.tensor([[1, 2]]),
            "half": torch.tensor([0.5], dtype=torch.bfloat16),
            "images": [1, 0],
            "none": None,
        },
        {"ids": torch.tensor([[3, 4]]), "count": torch.tensor(7)},
    ]
    _save_rollouts(tmp_path / "r.safetensors", slices)
    read = _load_rollouts(tmp_path / "r.safetensors", torch.device("cpu"))
    assert [list(part) for part in read] == [["images", "none", "half", "ids"], ["count", "ids"]]
    for before, after in zip(slices, read, strict=True):
        for name, value in before.items():
            if isinstance(value, torch.Tensor):
                assert after[name].dtype == value.dtype
                assert torch.equal(after[name], value)
            else:
                assert after[name] == value


# --- refusals ------------------------------------------------------------------------------------------------


def copied(folder: Path, target: Path, step: int) -> Path:
    shutil.copytree(folder / f"checkpoint-{step}", target / f"checkpoint-{step}")
    return target


def test_a_checkpoint_of_another_layout_is_refused_with_every_reason(whole: Any, tmp_path: Path) -> None:
    folder, _, changes = whole
    copied(folder, tmp_path, 7)
    file = tmp_path / "checkpoint-7" / STATE_FILE
    state = json.loads(file.read_text())
    file.write_text(json.dumps({**state, "world_size": 4, "seed": 99}))
    with pytest.raises(CheckpointError) as caught:
        trl_tiny.resumed(tmp_path, 7, rows=6, **changes)
    assert len(caught.value.problems) == 2
    assert "world_size was 4, is 1" in str(caught.value)
    with pytest.raises(CheckpointError, match="prompts was 6, is 8"):
        trl_tiny.resumed(folder, 7, rows=8, **changes)
    with pytest.raises(CheckpointError, match="ignore_data_skip"):
        trl_tiny.resumed(folder, 7, rows=6, **changes, ignore_data_skip=True)


def test_a_reference_model_that_moves_is_in_no_checkpoint(tmp_path: Path) -> None:
    """TRL mixes the policy into it and loads the base model again on resume: the KL term would be another."""
    trl_tiny.model().save_pretrained(tmp_path / "model")

    def made(folder: Path, **sync: Any) -> trl_tiny.Recorder:
        settings = trl_tiny.settings(
            folder, reward_weights=trl_tiny.WEIGHTS, save_strategy="steps", save_steps=1, max_steps=2, beta=0.5, **sync
        )  # fmt: skip
        return trl_tiny.Recorder(
            model=str(tmp_path / "model"), reward_funcs=trl_tiny.REWARDS, args=settings,
            train_dataset=trl_tiny.prompts(6), processing_class=trl_tiny.tokenizer(),
        )  # fmt: skip

    sync = {"sync_ref_model": True, "ref_model_sync_steps": 1}
    with pytest.warns(ResumeWarning, match="sync_ref_model"):
        made(tmp_path / "moves", **sync).train()
    with pytest.warns(ResumeWarning), pytest.raises(CheckpointError, match="sync_ref_model: TRL saves no"):
        made(tmp_path / "moves", **sync).train(resume_from_checkpoint=str(tmp_path / "moves/checkpoint-1"))
    run = made(tmp_path / "stays")
    run.train()
    again = made(tmp_path / "stays")
    again.train(resume_from_checkpoint=str(tmp_path / "stays/checkpoint-1"))
    assert again.steps == run.steps[-len(again.steps) :]


def test_a_checkpoint_without_our_state_is_refused(whole: Any, tmp_path: Path) -> None:
    folder, _, changes = whole
    copied(folder, tmp_path, 2)
    (tmp_path / "checkpoint-2" / STATE_FILE).unlink()
    with pytest.raises(CheckpointError, match="saved by another trainer"):
        trl_tiny.resumed(tmp_path, 2, rows=6, **changes)


def test_lost_or_damaged_rollouts_are_refused(whole: Any, tmp_path: Path) -> None:
    folder, _, changes = whole
    copied(folder, tmp_path, 7)
    file = tmp_path / "checkpoint-7" / "leadline_rollouts_0.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="cannot be read"):
        trl_tiny.resumed(tmp_path, 7, rows=6, **changes)
    file.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        trl_tiny.resumed(tmp_path, 7, rows=6, **changes)
    assert not (
        folder / "checkpoint-8" / "leadline_rollouts_0.safetensors"
    ).exists()  # between cycles: nothing to keep


@pytest.mark.parametrize("layout", ["one file", "pieces", "adapters"])
def test_a_checkpoint_under_other_names_is_refused_in_any_layout(layout: str, tmp_path: Path) -> None:
    def save(names: list[str]) -> None:
        if layout == "one file":
            save_file({name: torch.zeros(1) for name in names}, tmp_path / "model.safetensors")
        elif layout == "pieces":
            index = {"weight_map": dict.fromkeys(names, "model-00001-of-00002.safetensors")}
            (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))

    model = torch.nn.Linear(2, 2)
    save(["weight", "bias"])
    check_names(tmp_path, model)
    save(["weight", "model.bias"])
    if layout == "adapters":  # which are not loaded by these names
        check_names(tmp_path, model)
    else:
        with pytest.raises(CheckpointError, match=r"1 of 2 parameters are not in it .*such as bias"):
            check_names(tmp_path, model)


@pytest.mark.parametrize("lost", ["rng_state.pth", "optimizer.pt", "scheduler.pt"])
def test_a_checkpoint_with_files_lost_is_refused(lost: str, whole: Any, tmp_path: Path) -> None:
    """transformers goes on without them, with fresh random numbers, moments or rates, and says nothing."""
    folder, _, changes = whole
    copy = shutil.copytree(folder / "checkpoint-4", tmp_path / "checkpoint-4")
    (copy / lost).unlink()
    with pytest.raises(CheckpointError, match=rf"no {lost.split('.')[0]}.*name the checkpoint before it"):
        trl_tiny.resumed(tmp_path, 4, rows=6, **changes)


@pytest.mark.parametrize("text", ["", '{"step": 3,', "[]", '{"steps": 3}'])
def test_a_state_that_was_cut_short_is_refused(text: str, whole: Any, tmp_path: Path) -> None:
    folder, _, changes = whole
    copy = shutil.copytree(folder / "checkpoint-4", tmp_path / "checkpoint-4")
    (copy / STATE_FILE).write_text(text)
    with pytest.raises(CheckpointError, match=rf"{STATE_FILE}: damaged .*name the checkpoint before it"):
        trl_tiny.resumed(tmp_path, 4, rows=6, **changes)
