"""The stages of a recipe through TRL, for real and small: what they write, that they resume, what they refuse."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from leadline.engine.signals import Interrupts
from leadline.errors import CheckpointError, ConfigError, Interrupted, TrainingError
from leadline.grpo.advantages import group_advantages
from leadline.recipes.reading import parse_recipe
from leadline.recipes.schema import Recipe
from leadline.runs.backends import Stage, open_backend
from leadline.runs.training_data import open_material
from leadline.samplers import Sampler, Sampling
from leadline.storage.run_directory import RunReader, RunWriter
from leadline.types import Completion, Problem

pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

RECIPE = """
threads: 1
data: {world: {steps: [1, 2]}}
model: {hidden_size: 32, intermediate_size: 64, num_layers: 1, num_heads: 2}
sft: {method: lora, steps: 4, batch_size: 8, checkpoint_every: 2, micro_tokens: 200}
rl:
  {steps: 4, prompts: 4, group_size: 4, max_tokens: 16, updates: 2, micro_tokens: 256, validate_every: 2,
   validation_problems: 3, samples_every: 2, checkpoint_every: 1, keep: 9}
arms: {lead: {advantage: {preset: lead_released_code, length_grace_tokens: 5}, rewards: {accuracy: 1,
    format: 0.2, reflection: 0.1}}}
evaluation: {problems: 4, samples: 2, ks: [1, 2]}
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory as the local engine saves it."""
    recipe = parse_recipe(RECIPE)
    folder = tmp_path_factory.mktemp("local")
    with RunWriter(folder / "run") as writer:
        return open_backend(recipe, open_material(recipe)).base(stage(writer, "base"))


def through_trl(start: Path, *changes: str) -> tuple[Recipe, Any]:
    recipe = parse_recipe(RECIPE, ["backend=trl", f"model.source={start}", *changes])
    return recipe, open_backend(recipe, open_material(recipe))


def stage(writer: RunWriter, name: str, stop_after: int | None = None) -> Stage:
    """A stage that is asked to stop after some metrics rows, as Ctrl-C would."""
    interrupts = Interrupts()
    seen: list[Any] = []

    def on_row(row: Any) -> None:
        seen.append(row)
        interrupts.requested = stop_after is not None and len(seen) >= stop_after

    return Stage(name, writer.root / "checkpoints" / name, writer, interrupts, on_row)


@pytest.fixture(scope="module")
def run(start: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """base -> SFT by LoRA -> GRPO-LEAD with reflection, uninterrupted."""
    recipe, backend = through_trl(start)
    root = tmp_path_factory.mktemp("trl") / "run"
    with RunWriter(root) as writer:
        sft = backend.sft(stage(writer, "sft"), start)
        lead = backend.grpo(stage(writer, "lead"), sft)
        again = backend.grpo(stage(writer, "lead"), sft)  # nothing left to do
    assert again == lead
    return {
        "recipe": recipe,
        "backend": backend,
        "sft": sft,
        "lead": lead,
        "reader": RunReader(root),
        "root": root,
    }


def test_metrics_are_those_of_the_local_engine(run: dict[str, Any]) -> None:
    rows = run["reader"].metrics()
    assert [(row["arm"], row["stage"], row["step"]) for row in rows] == [
        *(("sft", "sft", step) for step in (1, 2, 3, 4)),
        ("lead", "rl", 1), ("lead", "rl", 2), ("lead", "valid", 2),
        ("lead", "rl", 3), ("lead", "rl", 4), ("lead", "valid", 4),
    ]  # fmt: skip
    wanted = {
        "reward", "pass@1", "mean_tokens", "mean_tokens_correct", "truncated", "no_answer", "live", "mixed", "weight",
        "loss", "grad_norm", "clip_share", "kl", "tokens_per_second", "seconds", "format", "reflection", "entropy",
    }  # fmt: skip
    for row in rows:
        if row["stage"] == "rl":
            assert wanted <= set(row)
            assert 0 < row["mean_tokens"] <= 16
            assert math.isfinite(row["loss"])
    assert all(row["loss"] > 0 and row["tokens_per_second"] > 0 for row in rows if row["stage"] == "sft")


def test_samples_carry_the_advantages_of_the_local_engine(run: dict[str, Any]) -> None:
    reader, arm = run["reader"], run["recipe"].arms["lead"]
    assert reader.sample_names("lead") == ["step-000001", "step-000002", "step-000004"]
    signal = 0
    for name in reader.sample_names("lead"):
        rows = list(reader.samples("lead", name))
        assert len(rows) == 16
        ids = {text: i for i, text in enumerate(dict.fromkeys(row["problem_id"] for row in rows))}
        assert len(ids) == 4
        out = group_advantages(
            torch.tensor([row["correct"] is True for row in rows]),
            torch.tensor([row["n_tokens"] for row in rows]),
            torch.tensor([ids[row["problem_id"]] for row in rows]),
            answered=torch.tensor([row["reason"] not in ("no_answer", "truncated") for row in rows]),
            bonus=torch.tensor(
                [0.2 * row["parts"]["format"] + 0.1 * row["parts"]["reflection"] for row in rows]
            ),
            config=arm.advantage,
        )
        np.testing.assert_allclose([row["advantage"] for row in rows], out.advantage, atol=1e-6)
        np.testing.assert_allclose([row["reward"] for row in rows], out.reward, atol=1e-6)
        signal += int(out.live.sum())
        assert all(row["finished"] == (row["reason"] != "truncated") for row in rows)
    assert signal >= 0


def test_the_steps_see_the_problems_of_the_material(run: dict[str, Any]) -> None:
    material = open_material(run["recipe"])
    for step, name in ((0, "step-000001"), (3, "step-000004")):
        seen = [row["problem_id"] for row in run["reader"].samples("lead", name)]
        assert sorted(set(seen)) == sorted(problem.id for problem in material.train(step, 4))


def test_models_come_out_as_directories_that_the_local_engine_reads(run: dict[str, Any], start: Path) -> None:
    local = open_backend(parse_recipe(RECIPE), open_material(parse_recipe(RECIPE)))
    problems = open_material(run["recipe"]).test(3)
    for folder in (start, run["sft"], run["lead"]):
        assert not list(folder.glob("*.bin"))
        ours, theirs = (b.solution_logprobs(folder, problems) for b in (local, run["backend"]))
        assert len(ours) == 3
        for name, values in ours.items():
            assert theirs[name] == pytest.approx(values, abs=1e-3)
    assert (run["sft"].parent / "adapters" / "adapter_model.safetensors").is_file()
    assert (run["lead"].parent / "best" / "model.safetensors").is_file()
    before, after = (local.solution_logprobs(folder, problems) for folder in (start, run["sft"]))
    assert before != after  # the merged model is not the one that it started from


def drawn(sampler: Sampler, problems: list[Problem], settings: Sampling) -> list[Completion]:
    """Two samples of each problem, problem by problem."""
    place = {problem.id: index for index, problem in enumerate(problems)}
    draws = sampler.generate(problems, 2, settings)
    ordered = sorted(draws, key=lambda draw: (place[draw.completion.problem_id], draw.index))
    return [draw.completion for draw in ordered]


def test_samples_of_a_model(run: dict[str, Any]) -> None:
    problems = open_material(run["recipe"]).test(3)
    sampler, settings = run["backend"].sampler(run["lead"]), Sampling(16)
    first, second = (drawn(sampler, problems, settings) for _ in range(2))
    assert first == second
    assert [c.problem_id for c in first] == [problem.id for problem in problems for _ in range(2)]
    assert all(1 <= c.n_tokens <= 16 and (c.finished or c.n_tokens == 16) for c in first)
    assert sampler.prompt_text(problems[0]).startswith(problems[0].prompt)
    # an evaluation that was stopped goes on with the samples that it would have drawn
    whole = list(sampler.generate(problems, 2, settings))
    rest = list(sampler.generate(problems, 2, settings, done={draw.key for draw in whole[:3]}))
    assert rest == whole[3:]


@pytest.mark.parametrize(("name", "stop"), [("sft", 3), ("lead", 3)])
def test_an_interrupted_stage_ends_where_it_would_have(
    run: dict[str, Any], start: Path, tmp_path: Path, name: str, stop: int
) -> None:
    backend, source = run["backend"], {"sft": start, "lead": run["sft"]}[name]
    work = {"sft": backend.sft, "lead": backend.grpo}[name]
    with RunWriter(tmp_path / "run") as writer:
        with pytest.raises(Interrupted, match="state saved"):
            work(stage(writer, name, stop_after=stop), source)
        writer.metric({"arm": name, "stage": "rl", "step": 4, "loss": 99.0})  # of a step that the kill undid
        folder = work(stage(writer, name), source)
    kept = ("arm", "stage", "step", "loss", "pass@1", "mean_tokens")
    whole = [{key: row.get(key) for key in kept} for row in run["reader"].metrics(name)]
    again = [{key: row.get(key) for key in kept} for row in RunReader(tmp_path / "run").metrics(name)]
    assert again == whole
    weights = (run[name] / "model.safetensors").read_bytes()
    assert (folder / "model.safetensors").read_bytes() == weights
    assert names_of(folder.parent) == names_of(run[name].parent)


def names_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", ["sft", "lead"])
def test_a_stage_killed_before_its_last_save_only_saves(
    run: dict[str, Any], start: Path, tmp_path: Path, name: str
) -> None:
    """TRL had finished, and its last checkpoint is there, but not the directory that the next stage starts from."""
    backend, source = run["backend"], {"sft": start, "lead": run["sft"]}[name]
    folder = tmp_path / "run" / "checkpoints" / name
    shutil.copytree(run[name].parent / "trl", folder / "trl")
    with RunWriter(tmp_path / "run") as writer:
        again = {"sft": backend.sft, "lead": backend.grpo}[name](stage(writer, name), source)
        assert RunReader(tmp_path / "run").metrics() == []
    assert again == folder / "step-000004"
    assert (again / "model.safetensors").read_bytes() == (run[name] / "model.safetensors").read_bytes()


def test_steps_without_a_finite_gradient_are_skipped_and_three_in_a_row_stop(tmp_path: Path) -> None:
    from leadline.runs.backends.trl.callback import StageCallback

    model = torch.nn.Linear(2, 1)
    rows: list[dict[str, object]] = []
    stage = SimpleNamespace(
        name="lead",
        writer=SimpleNamespace(metric=rows.append),
        on_row=lambda row: None,
        interrupts=SimpleNamespace(requested=False),
    )
    callback = StageCallback(stage, "sft")  # type: ignore[arg-type]
    state = SimpleNamespace(global_step=7, max_steps=9)

    def step(value: float) -> bool:
        model.zero_grad()
        (model(torch.ones(1, 2)).sum() * value).backward()
        callback.on_pre_optimizer_step(None, state, None, model=model)
        return model.weight.grad is not None

    assert [step(value) for value in (1.0, math.nan, math.inf, 1.0, math.nan, math.nan)] == [
        True,
        False,
        False,
        True,
        False,
        False,
    ]
    assert callback.skipped == 4
    for _ in range(2):  # a line counts the steps of its own, as those of the local engine do
        callback.on_log(None, state, None, logs={"loss": 1.0})
    assert [row["skipped_steps"] for row in rows] == [4, 0]
    with pytest.raises(TrainingError, match="step 8"):
        step(math.nan)


LAUNCH = (
    "trl.launch=[--multi_gpu, --num_processes, '2', --num_machines, '1', --mixed_precision, 'no',"
    " --dynamo_backend, 'no', --main_process_port, '0']"
)


@pytest.mark.slow
def test_two_processes_under_accelerate_launch_stop_and_go_on(start: Path, tmp_path: Path) -> None:
    # One group of 16 per step: each process generates half of it. Far more steps than the request to stop, which comes
    # as a file, can take to arrive.
    steps = 25
    recipe, backend = through_trl(
        start,
        LAUNCH,
        "rl.prompts=1",
        "rl.group_size=16",
        "rl.updates=1",
        f"rl.steps={steps}",
        "rl.checkpoint_every=5",
    )
    with RunWriter(tmp_path / "run") as writer:
        with pytest.raises(Interrupted, match="state saved"):
            backend.grpo(stage(writer, "lead", stop_after=1), start)
        stopped = max(row["step"] for row in RunReader(tmp_path / "run").metrics("lead"))
        folder = backend.grpo(stage(writer, "lead"), start)
    reader = RunReader(tmp_path / "run")
    assert stopped < steps
    assert [row["step"] for row in reader.metrics("lead") if row["stage"] == "rl"] == [*range(1, steps + 1)]
    rows = list(reader.samples("lead", "step-000001"))
    assert len(rows) == 16
    assert len({row["problem_id"] for row in rows}) == 1
    out = group_advantages(
        torch.tensor([row["correct"] is True for row in rows]),
        torch.tensor([row["n_tokens"] for row in rows]),
        torch.zeros(16, dtype=torch.int64),
        answered=torch.tensor([row["reason"] not in ("no_answer", "truncated") for row in rows]),
        bonus=torch.tensor([0.2 * row["parts"]["format"] + 0.1 * row["parts"]["reflection"] for row in rows]),
        config=recipe.arms["lead"].advantage,
    )
    np.testing.assert_allclose([row["advantage"] for row in rows], out.advantage, atol=1e-6)
    problems = open_material(recipe).test(2)
    here = through_trl(start, "rl.prompts=1", "rl.group_size=16", "rl.updates=1")[1]
    there, ours = backend.sampler(folder), here.sampler(folder)  # the first in a process of its own
    assert drawn(there, problems, Sampling(16)) == drawn(ours, problems, Sampling(16))
    assert there.prompt_text(problems[0]) == ours.prompt_text(problems[0])


def test_what_a_process_raises_comes_back_as_what_it_was(
    start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leadline.runs.backends.trl import subprocess_stage as launch
    from leadline.runs.backends.trl import worker

    changes = ["backend=trl", f"model.source={start}", "rl.prompts=1", "rl.group_size=3", "rl.updates=1"]
    recipe = parse_recipe(RECIPE, [*changes, LAUNCH])
    spec = {
        "kind": "grpo",
        "name": "lead",
        "start": str(start),
        "folder": str(tmp_path),
        "recipe": recipe.to_yaml(),
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    monkeypatch.setenv("WORLD_SIZE", "2")
    worker.main([str(tmp_path / "spec.json")])
    [said] = (tmp_path / "events.jsonl").read_text().splitlines()
    error = launch._error(json.loads(said), 0, tmp_path / "log.txt")
    assert isinstance(error, ConfigError)
    assert "3 rows, which do not divide over 2 processes" in str(error)
    (tmp_path / "log.txt").write_text("Traceback\nMemoryError")
    assert "MemoryError" in str(launch._error({}, -9, tmp_path / "log.txt"))


# --- refusals: everything that can be known before a model is loaded ---------------------------------------------


def test_what_trl_cannot_do_is_said_all_at_once() -> None:
    recipe = parse_recipe(
        RECIPE,
        [
            "backend=trl", "sft.optimiser.name=muon", "trl.grpo.temperature=0.5", "trl.grpo.nonsense=1", "trl.ppo=1",
            "arms.kl={advantage: rloo, loss: {kl: k1_in_reward, beta: 0.1}}",
        ],
    )  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        open_backend(recipe, open_material(recipe))
    assert [fault.split(":")[0] for fault in caught.value.problems] == [
        "trl.ppo", "model.source", "sft.optimiser.name", "arms.kl.loss.kl", "trl.grpo.temperature", "trl.grpo.nonsense",
    ]  # fmt: skip


def test_models_that_cannot_be_had_are_refused(start: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model\.source: .*nothing here: no such directory"):
        through_trl(tmp_path / "nothing here")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"(?s)config\.json.*safetensors"):
        through_trl(tmp_path / "empty")
    (tmp_path / "bare").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "bare" / name).write_bytes((start / name).read_bytes())
    with pytest.raises(CheckpointError, match="tokenizer"):
        through_trl(tmp_path / "bare")
