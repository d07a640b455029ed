"""``lift: solutions`` through whole stages: what is imitated, that it resumes to the bit, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from leadline.engine.signals import Interrupts
from leadline.engine.supervised_trainer import Example, supervised_step
from leadline.errors import CheckpointError, ConfigError, Interrupted
from leadline.model import load_decoder
from leadline.recipes.reading import parse_recipe
from leadline.runs.backends import Stage, check_recipe, open_backend
from leadline.runs.training_data import open_material
from leadline.storage.run_directory import RunReader, RunWriter

RECIPE = """
threads: 1
data: {world: {steps: [1, 2]}}
model: {hidden_size: 32, intermediate_size: 64, num_layers: 1, num_heads: 2}
rl:
  {steps: 3, prompts: 4, group_size: 2, max_tokens: 40, validation_problems: 2, validate_every: 99,
   checkpoint_every: 1, keep: 9}
arms: {relift: {lift: solutions, grader: "operator:eq"}}
evaluation: {problems: 2, samples: 1, ks: [1]}
"""


def stage(writer: RunWriter, stop_after: int | None = None) -> Stage[RunWriter]:
    interrupts, seen = Interrupts(), []

    def on_row(row: Any) -> None:
        seen.append(row)
        interrupts.requested = stop_after is not None and len(seen) >= stop_after

    return Stage("relift", writer.root / "checkpoints" / "relift", writer, interrupts, on_row)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = parse_recipe(RECIPE)
    folder = tmp_path_factory.mktemp("local")
    with RunWriter(folder / "run") as writer:
        return open_backend(recipe, open_material(recipe)).base(stage(writer))


def backend(start: Path, name: str, *changes: str) -> Any:
    if name == "trl":
        pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")
    recipe = parse_recipe(RECIPE, [f"backend={name}", f"model.source={start}", *changes])
    return open_backend(recipe, open_material(recipe))


def imitated_in(root: Path) -> list[int]:
    return [row["imitated"] for row in RunReader(root).metrics("relift") if row["stage"] == "rl"]


@pytest.mark.parametrize("name", ["local", "trl"])
def test_solutions_are_imitated_and_a_stopped_run_ends_where_it_would_have(
    start: Path, tmp_path: Path, name: str
) -> None:
    with RunWriter(tmp_path / "whole") as writer:
        whole = backend(start, name).grpo(stage(writer), start)
    imitated = imitated_in(tmp_path / "whole")
    assert len(imitated) == 3
    assert max(imitated) == 4
    with RunWriter(tmp_path / "stopped") as writer:
        with pytest.raises(Interrupted):
            backend(start, name).grpo(stage(writer, stop_after=1), start)
        again = backend(start, name).grpo(stage(writer), start)
    assert imitated_in(tmp_path / "stopped") == imitated
    assert (again / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert (whole / "model.safetensors").read_bytes() != (start / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", ["local", "trl"])
def test_a_frozen_model_composes_beside_the_trainer(
    start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A grader that takes anything: then what the untrained model composes is imitated."""
    (tmp_path / "two_parts.py").write_text(
        "def anything(response, gold):\n    return response.startswith('!')\n"
        "def once(problem, rng):\n    return problem.prompt, lambda said: 'x', lambda one, two: '!' + one[:5]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "two_parts", raising=False)
    changes = ["arms.relift.lift=two_parts:once", "arms.relift.grader=two_parts:anything", "rl.steps=2"]
    changes += ["rl.group_size=8", "rl.max_tokens=120"]
    with RunWriter(tmp_path / "run") as writer:
        backend(start, name, *changes).grpo(stage(writer), start)
    assert sum(imitated_in(tmp_path / "run")) > 0


def test_a_checkpoint_of_trl_without_its_queue_is_refused(start: Path, tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        with pytest.raises(Interrupted):
            backend(start, "trl").grpo(stage(writer, stop_after=1), start)
        (kept,) = (tmp_path / "run").rglob("leadline_lift.json")
        assert isinstance(json.loads(kept.read_text()), list)
        kept.unlink()
        with pytest.raises(CheckpointError, match="wait for imitation"):
            backend(start, "trl").grpo(stage(writer), start)


def test_trl_and_the_local_engine_have_one_gradient_of_imitation(start: Path) -> None:
    pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")
    from types import SimpleNamespace

    from transformers import AutoModelForCausalLM

    from leadline.runs.backends.trl.lifting import Lifting

    examples = [Example([5, 6, 7], [8, 9, 1]), Example([5], [6, 7, 8, 9, 10, 1]), Example([9, 9], [4, 1])]
    theirs = AutoModelForCausalLM.from_pretrained(start)
    trainer: Any = SimpleNamespace(model=theirs, accelerator=SimpleNamespace(device=torch.device("cpu")))
    (-Lifting._lead_likelihood(trainer, examples) / 11).backward()
    ours = load_decoder(start)
    kept: dict[str, torch.Tensor] = {}

    def keep(step: int, loss: float) -> None:
        kept.update({name: p.grad.clone() for name, p in ours.named_parameters() if p.grad is not None})

    supervised_step(ours, SimpleNamespace(step=keep), examples, step=0, micro_tokens=12)  # type: ignore[arg-type]
    for name, parameter in theirs.named_parameters():
        assert torch.allclose(kept[name], parameter.grad, atol=1e-6), name
    assert max(float(gradient.abs().max()) for gradient in kept.values()) > 1e-3


def problems(folder: Path, **more: str) -> Path:
    rows = [{"prompt": f"{i} plus 1?", "answer": str(i + 1), **more} for i in range(60)]
    path = folder / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_data_without_solutions_are_refused(tmp_path: Path) -> None:
    for more, refused in (({}, True), ({"solution": "Count on."}, False)):
        changes = ["data.world=null", f"data.train={problems(tmp_path, **more)}"]
        recipe = parse_recipe(RECIPE, changes)
        if refused:
            with pytest.raises(ConfigError, match=r"arms\.relift\.lift: none of the problems"):
                check_recipe(recipe, open_material(recipe))
        else:
            check_recipe(recipe, open_material(recipe))


def test_verl_and_several_processes_are_refused(start: Path) -> None:
    pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")
    from pathlib import Path as P

    from leadline.runs.backends.trl.lifting import lift_line
    from leadline.runs.backends.verl.section import VerlSection
    from leadline.runs.backends.verl.settings import arm_lines

    recipe = parse_recipe(RECIPE, ["backend=trl", f"model.source={start}"])
    assert lift_line(recipe, "relift", 1).refused is None
    assert "one process" in str(lift_line(recipe, "relift", 2).refused)
    sharded = parse_recipe(RECIPE, ["backend=trl", f"model.source={start}", "trl.grpo.fsdp=full_shard"])
    assert lift_line(sharded, "relift", 1).refused is not None
    lines = arm_lines(recipe, VerlSection(gpus_per_node=1), "relift", P())
    assert any(line.refused for line in lines if line.place == "arms.relift.lift")


@pytest.mark.parametrize("word", ["solutionz", "module:", ":function", ""])
def test_a_word_that_is_no_way_of_lifting_is_refused_with_those_that_are(word: str) -> None:
    with pytest.raises(
        ConfigError, match=r"arms.relift.lift: .* neither none nor solutions nor module:function"
    ):
        parse_recipe(RECIPE.replace("lift: solutions", f"lift: '{word}'"))
