"""Checkpoints: whole or absent, verified before use, and what was there stays there."""

from __future__ import annotations

import json
import resource
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from leadline.engine.lora import Lora
from leadline.engine.prompts import Prompts, prefill
from leadline.errors import StorageError
from leadline.recipes.schema import LoraConfig
from leadline.storage.checkpoints import Checkpoints, CheckpointWarning
from tiny import tiny_decoder


def write(value: float):  # type: ignore[no-untyped-def]
    return lambda folder: save_file({"x": torch.full((4,), value)}, folder / "x.safetensors")


def filled(root: Path, steps: range, keep: int = 9) -> Checkpoints:
    checkpoints = Checkpoints(root, keep)
    for step in steps:
        checkpoints.save(step, write(float(step)), {"offset": step * 10})
    return checkpoints


def test_the_newest_is_found_with_its_state(tmp_path: Path) -> None:
    latest = filled(tmp_path, range(1, 4)).latest()
    assert latest is not None
    assert (latest.step, latest.state["offset"], latest.folder.name) == (3, 30, "step-000003")


def test_nothing_there(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none").latest() is None


def test_old_ones_are_pruned_and_best_is_not(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    checkpoints.save(1, write(1.0), {}, name="best")
    for step in range(1, 6):
        checkpoints.save(step, write(1.0), {})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best", "step-000004", "step-000005"]


def corrupt_tensor(folder: Path) -> None:
    data = bytearray((folder / "x.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "x.safetensors").write_bytes(bytes(data))


def truncate_tensor(folder: Path) -> None:
    data = (folder / "x.safetensors").read_bytes()
    (folder / "x.safetensors").write_bytes(data[:-3])


def drop_tensor(folder: Path) -> None:
    (folder / "x.safetensors").unlink()


def tear_state(folder: Path) -> None:
    text = (folder / "state.json").read_text()
    (folder / "state.json").write_text(text[: len(text) // 2])


def change_state(folder: Path) -> None:
    sealed = json.loads((folder / "state.json").read_text())
    sealed["state"]["offset"] += 1
    (folder / "state.json").write_text(json.dumps(sealed))


def not_even_an_object(folder: Path) -> None:
    (folder / "state.json").write_text("[]")


@pytest.mark.parametrize(
    "damage", [corrupt_tensor, truncate_tensor, drop_tensor, tear_state, change_state, not_even_an_object]
)
def test_a_damaged_newest_falls_back_with_a_warning(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    checkpoints = filled(tmp_path, range(1, 4))
    damage(tmp_path / "step-000003")
    with pytest.warns(CheckpointWarning, match="step-000003"):
        latest = checkpoints.latest()
    assert latest is not None
    assert latest.step == 2


def test_a_failed_write_leaves_the_others_and_no_debris(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path, range(1, 3))

    def fails(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left"):
        checkpoints.save(3, fails, {})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-000001", "step-000002"]


def test_a_disk_that_refuses_while_tensors_are_written(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path, range(1, 2))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))  # the kernel itself refuses larger files
    try:
        with pytest.raises(StorageError, match="checkpoint not written"):
            checkpoints.save(
                2, lambda folder: save_file({"x": torch.zeros(9000)}, folder / "x.safetensors"), {}
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    latest = checkpoints.latest()
    assert latest is not None
    assert latest.step == 1
    assert [p.name for p in tmp_path.iterdir()] == ["step-000001"]


def test_saving_a_step_again_replaces_it_and_debris_is_cleared(tmp_path: Path) -> None:
    checkpoints = filled(tmp_path, range(1, 2))
    (tmp_path / ".writing-step-000009").mkdir()
    checkpoints.save(1, write(5.0), {"offset": 7})
    checkpoints.clear_debris()
    assert [p.name for p in tmp_path.iterdir()] == ["step-000001"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        latest = checkpoints.latest()
    assert latest is not None
    assert latest.state["offset"] == 7


class TestLora:
    def test_fresh_adapters_change_nothing_and_merging_equals_applying(self, tmp_path: Path) -> None:
        prompts = Prompts.pad([[2, 3, 4], [5]])
        model = tiny_decoder()
        with torch.no_grad():
            before = prefill(model, prompts)[0]
            lora = Lora(model, LoraConfig(rank=2), seed=0)
            assert torch.allclose(prefill(model, prompts)[0], before, atol=1e-6)
            trained = [p for n, p in model.named_parameters() if p.requires_grad]
            assert len(trained) == 2 * 2 * 4  # two matrices for each of four projections in two layers
            for parameter in trained:
                parameter.add_(0.1)
            lora.save(tmp_path)
            applied = prefill(model, prompts)[0]
            merged = lora.merge()
            assert not torch.allclose(applied, before, atol=1e-3)
            assert torch.allclose(prefill(merged, prompts)[0], applied, atol=1e-5)
            again = tiny_decoder()
            Lora(again, LoraConfig(rank=2), seed=1).load(tmp_path)
            assert torch.allclose(prefill(again, prompts)[0], applied, atol=1e-5)
        assert {n for n, _ in merged.named_parameters()} == {n for n, _ in tiny_decoder().named_parameters()}
        assert all(p.requires_grad for p in merged.parameters())

    def test_the_first_matrices_depend_on_the_seed_and_leave_the_global_generator_alone(self) -> None:
        drawn = []
        for seed in (0, 0, 1):
            model = tiny_decoder()
            state = torch.random.get_rng_state()
            Lora(model, LoraConfig(rank=2), seed=seed)
            assert torch.equal(state, torch.random.get_rng_state())
            drawn.append(torch.cat([p.flatten() for n, p in model.named_parameters() if "lora_A" in n]))
        assert torch.equal(drawn[0], drawn[1])
        assert not torch.equal(drawn[0], drawn[2])


def test_what_a_stop_saved_makes_room_for_the_next_and_for_nothing_that_was_due(tmp_path: Path) -> None:
    def left(*steps: int) -> list[str]:
        folder = tmp_path / "-".join(map(str, steps))
        for step in steps:
            Checkpoints(folder, keep=2, every=3).save(step, lambda place: (place / "x").write_text("x"), {})
        return sorted(path.name for path in folder.iterdir())

    assert left(0, 3, 6) == left(0, 3, 5, 6) == left(0, 2, 3, 4, 5, 6) == ["step-000003", "step-000006"]
    assert left(0, 3, 4) == left(0, 2, 3, 4) == ["step-000003", "step-000004"]
    assert left(0, 3, 6, 7) == ["step-000006", "step-000007"]  # the last step of a stage need not be due
