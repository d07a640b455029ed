"""One arm of a recipe through two backends on the same completions: what each optimiser step's gradient was."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from safetensors.torch import load_file

from leadline.engine import collector
from leadline.engine.optimiser import Optimiser
from leadline.engine.signals import Interrupts
from leadline.model import load_model, save_decoder
from leadline.recipes.reading import parse_recipe
from leadline.runs.backends import Stage, open_backend
from leadline.runs.backends.trl.callback import StageCallback
from leadline.runs.backends.trl.train_policy import _Trainer
from leadline.runs.training_data import open_material
from leadline.storage.run_directory import RunWriter

RECIPE = """
threads: 1
data: {world: {steps: [1, 2]}}
model: {hidden_size: 32, intermediate_size: 64, num_layers: 1, num_heads: 2, initial_scale: 0.1}
sft: {method: none}
rl: {steps: 2, prompts: 4, group_size: 4, max_tokens: 16, micro_tokens: 300, validate_every: 999,
     validation_problems: 1, samples_every: 99,
     optimiser: {learning_rate: 3.0e-3, max_grad_norm: 1.0e9, warmup: 0.5, weight_decay: 0.1, decay: cosine}}
arms: {arm: {advantage: ADVANTAGE}}
evaluation: {problems: 2, samples: 1, ks: [1]}
"""


@dataclass
class Trace:
    """Gradients by parameter, one dict an optimiser step; the completions of each step; where the model ended up."""

    gradients: list[dict[str, torch.Tensor]] = field(default_factory=list)
    completions: list[list[list[int]]] = field(default_factory=list)
    end: Path = Path()


def stage(folder: Path, writer: RunWriter) -> Stage:
    return Stage("arm", folder, writer, Interrupts(), lambda row: None)


def start(folder: Path, changes: list[str]) -> Path:
    recipe = parse_recipe(RECIPE.replace("ADVANTAGE", "grpo"), changes)
    with RunWriter(folder / "start") as writer:
        base = open_backend(recipe, open_material(recipe)).base(stage(folder / "base", writer))
    model, tokenizer = load_model(base)
    with (
        torch.no_grad()
    ):  # a tenth of its tokens is the end, so that both finished and cut completions come up
        model.get_parameter("model.embed_tokens.weight").add_(1.0)
        model.get_parameter("lm_head.weight")[tokenizer.pad_token_id] -= (
            1.0  # transformers has no gradient for it
        )
        model.get_parameter("lm_head.weight")[tokenizer.eos_token_id] += 4.0 / recipe.model.hidden_size
    (folder / "model").mkdir()
    save_decoder(model, folder / "model", tokenizer)
    return folder / "model"


def through_local(folder: Path, text: str, changes: list[str], model: Path) -> Trace:
    """Train with the local engine and write down what it drew and which gradients came of it."""
    recipe = parse_recipe(text, [*changes, f"model.source={model}"])
    trace, draw, apply = Trace(), collector.sample, Optimiser.step

    def recording_sample(*args: Any, **kwargs: Any) -> Any:
        rollouts = draw(*args, **kwargs)
        rows = zip(rollouts.tokens.tolist(), rollouts.lengths.tolist(), strict=True)
        trace.completions.append([ids[:length] for ids, length in rows])
        return rollouts

    def recording_step(self: Optimiser, step: int, loss: float) -> Any:
        trace.gradients.append({n: p.grad.clone() for n, p in self.parameters.items() if p.grad is not None})
        return apply(self, step, loss)

    with (
        mock.patch.object(collector, "sample", recording_sample),
        mock.patch.object(Optimiser, "step", recording_step),
        RunWriter(folder / "local") as writer,
    ):
        backend = open_backend(recipe, open_material(recipe))
        trace.end = backend.grpo(stage(folder / "local-arm", writer), model)
    return trace


def through_trl(
    folder: Path, text: str, changes: list[str], model: Path, drawn: list[list[list[int]]]
) -> Trace:
    """Train with TRL on completions that were drawn before."""
    recipe = parse_recipe(text, [*changes, "backend=trl", f"model.source={model}"])
    trace, before = Trace(completions=drawn), StageCallback.on_pre_optimizer_step
    left, generate = iter(drawn), _Trainer._generate_single_turn

    def replayed(self: Any, *args: Any, **kwargs: Any) -> Any:
        return (next(left), None) if self.model.training else generate(self, *args, **kwargs)

    def recording(self: Any, args: Any, state: Any, control: Any, model: Any = None, **more: Any) -> None:
        trace.gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
        before(self, args, state, control, model, **more)

    with (
        mock.patch.object(_Trainer, "_generate_single_turn", replayed),
        mock.patch.object(StageCallback, "on_pre_optimizer_step", recording),
        RunWriter(folder / "trl") as writer,
    ):
        backend = open_backend(recipe, open_material(recipe))
        trace.end = backend.grpo(stage(folder / "trl-arm", writer), model)
    return trace


def apart(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    """Largest difference of two gradients, as a share of the first one's norm."""
    assert a.keys() == b.keys()
    norm = torch.stack([value.norm() for value in a.values()]).norm()
    return float(torch.stack([(a[n] - b[n]).norm() for n in a]).norm() / norm.clamp(min=1e-12))


def movement(begin: Path, end: Path) -> dict[str, torch.Tensor]:
    first, last = (load_file(folder / "model.safetensors") for folder in (begin, end))
    return {name: last[name].float() - first[name].float() for name in first}
