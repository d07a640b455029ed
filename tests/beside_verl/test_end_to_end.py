"""verl's unmodified ``main_ppo`` on the CPU: two Ray workers, two steps, from a recipe to the report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import ray
import yaml

from leadline.recipes.reading import load_recipe
from leadline.report import build_report
from leadline.runs.backends.verl import VerlPlan, collect, plan_verl, write_inputs
from leadline.runs.training_data import open_material
from leadline.storage.run_directory import RunReader

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import verl_tiny as tiny  # noqa: E402


def planned(folder: Path) -> VerlPlan:
    """What `leadline launch verl` does before it submits."""
    problems = tiny.save_problems(folder / "problems.jsonl")
    recipe = load_recipe(
        tiny.save_recipe(folder / "recipe.yaml", problems),
        [f"model.source={tiny.save_model(folder / 'model')}"],
    )
    plan = plan_verl(recipe, folder / "run")
    write_inputs(plan, open_material(recipe))
    return plan


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> VerlPlan:
    """The run. What `ray job submit` would start is started here, in the same words."""
    folder = tmp_path_factory.mktemp("verl")
    plan = planned(folder)
    [job] = plan.jobs
    words = job.command[job.command.index("--") + 1 :]
    assert words[:3] == ["python", "-m", "verl.trainer.main_ppo"]
    shims = {"PYTHONPATH": str(HERE), "VERL_USE_EXTERNAL_MODULES": "verl_cpu", "VERL_ENGINE_DEVICE": "cuda"}
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1", **shims},
        capture_output=True, text=True, timeout=540, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return plan


def test_two_steps_were_trained_by_two_workers(trained: VerlPlan) -> None:
    [job] = trained.jobs
    said = [json.loads(line) for line in (job.folder / "metrics-001.jsonl").read_text().splitlines()]
    assert [row["step"] for row in said] == [1, 2]
    assert all(
        np.isfinite(row["data"]["actor/grad_norm"]) and row["data"]["actor/grad_norm"] > 0 for row in said
    )
    shards = sorted(
        (job.folder / "checkpoints" / "global_step_2" / "actor").glob("model_world_size_2_rank_*.pt")
    )
    assert len(shards) == 2


def test_what_verl_trained_on_are_the_advantages_of_the_local_function(trained: VerlPlan) -> None:
    """verl's own statistics over tokens of the advantages it used, against those that the collector computes."""
    assert collect(trained.out) == 2
    [job] = trained.jobs
    said = {
        row["step"]: row["data"]
        for row in map(json.loads, (job.folder / "metrics-001.jsonl").read_text().splitlines())
    }
    reader = RunReader(trained.out)
    for step in (1, 2):
        rows = list(reader.samples("lead", f"step-{step:06d}"))
        assert len(rows) == 4 * 4
        advantage, tokens = np.array([(row["advantage"], row["n_tokens"]) for row in rows]).T
        per_token = np.repeat(advantage, tokens.astype(int))
        assert said[step]["response_length/mean"] == pytest.approx(tokens.mean(), abs=1e-6)
        assert said[step]["critic/advantages/mean"] == pytest.approx(per_token.mean(), abs=1e-6)
        assert said[step]["critic/advantages/max"] == pytest.approx(per_token.max(), abs=1e-6)
        assert said[step]["critic/advantages/min"] == pytest.approx(per_token.min(), abs=1e-6)
        assert np.count_nonzero(advantage) > 4
    metrics = reader.metrics("lead")
    assert [(row["stage"], row["step"]) for row in metrics] == [("rl", 1), ("rl", 2), ("valid", 2)]
    assert all(0 < row["pass@1"] < 1 for row in metrics if row["stage"] == "rl")


def test_dynamic_sampling_threw_away_the_groups_without_signal(trained: VerlPlan) -> None:
    collect(trained.out)
    reader = RunReader(trained.out)
    for row in reader.metrics("lead"):
        if row["stage"] == "rl":
            assert row["live"] == 1.0
    for step in (1, 2):
        groups: dict[str, list[Any]] = {}
        for row in reader.samples("lead", f"step-{step:06d}"):
            groups.setdefault(row["prompt"], []).append(row)
        assert all(any(row["correct"] for row in rows) for rows in groups.values())


def test_the_report_reads_it(trained: VerlPlan) -> None:
    collect(trained.out)
    page = build_report([trained.out], trained.out / "report.html").read_text()
    assert "lead" in page
    assert yaml.safe_load(RunReader(trained.out).recipe)["backend"] == "verl"


def test_a_killed_reward_worker_leaves_no_grader_behind(tmp_path: Path) -> None:
    from hydra import compose, initialize_config_module
    from verl.experimental.reward_loop import RewardLoopWorker

    plan = planned(tmp_path)
    arguments = [word for word in plan.jobs[0].arguments if "cpu_hf" not in word]
    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", overrides=[*arguments, "actor_rollout_ref.rollout.name=vllm"])
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        worker = ray.remote(RewardLoopWorker).options(num_cpus=1).remote(config)
        # identities that only algebra decides, so that the grader has to start its workers
        pairs = [(r"\boxed{\sin(2x)}", r"2\sin x\cos x"), (r"\boxed{\sin^2 x + \cos^2 x}", "1")]
        right = ray.get(
            worker.__ray_call__.remote(lambda self, given: [
                grade.correct for grade in self.reward_manager.scorer._grader.grade_many(given)], pairs)
        )  # fmt: skip
        assert right == [True] * 2
        process = psutil.Process(ray.get(worker.__ray_call__.remote(lambda self: os.getpid())))
        graders = process.children(recursive=True)
        assert graders
        process.send_signal(signal.SIGKILL)
        with pytest.raises(ray.exceptions.RayActorError):
            ray.get(worker.__ray_call__.remote(lambda self: 1), timeout=60)
        _, alive = psutil.wait_procs(graders, timeout=10)
        assert alive == []
    finally:
        ray.shutdown()
        time.sleep(0.1)
