"""A run under SIGKILL ends bit for bit where an undisturbed one does: the benchmark, made short."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from scripts import load_benchmark


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    return load_benchmark("kill_resume")


@pytest.mark.slow
def test_three_kills_change_nothing(benchmark: ModuleType, tmp_path: Path) -> None:
    kills, differences = benchmark.compare_runs(tmp_path, kills=3, steps=6, seed=1)
    assert differences == []
    assert kills == 3


@pytest.mark.slow
def test_another_seed_is_another_run(benchmark: ModuleType, tmp_path: Path) -> None:
    """Else identity would say nothing."""
    runs = []
    for seed in (0, 1):
        folder = tmp_path / str(seed)
        folder.mkdir()
        recipe = folder / "recipe.yaml"
        recipe.write_text(benchmark.RECIPE.format(steps=2) + f"seed: {seed}\n")
        assert benchmark.start(["run", recipe, "--out", folder / "run"], folder / "run").wait() == 0
        runs.append(folder / "run")
    found = benchmark.differences(*runs)
    assert any(name.startswith("metrics.jsonl, row 1 ") for name in found)
    assert any(name.endswith("model.safetensors") for name in found)
