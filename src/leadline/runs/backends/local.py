"""The engine of this package: one process, one device, small models, exact resume."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import torch

from leadline.engine.learner import Learner
from leadline.engine.lora import Lora
from leadline.engine.micro_batches import tokens_in_memory
from leadline.engine.optimiser import Optimiser
from leadline.engine.policy_trainer import PolicyTrainer
from leadline.engine.supervised_trainer import SupervisedTrainer
from leadline.errors import CheckpointError, ConfigError, DataError, InputError
from leadline.model import (
    Decoder,
    build_tokenizer,
    load_model,
    save_decoder,
)
from leadline.model.checkpoint import check_model_directory, read_config
from leadline.model.codec import Codec
from leadline.model.pretrained import check_weights
from leadline.recipes.schema import PolicyConfig, Recipe, SupervisedConfig
from leadline.rewards import Scorer
from leadline.runs.backends.checks import check_model
from leadline.runs.backends.lifting import lift_of
from leadline.runs.backends.protocol import Stage
from leadline.runs.model_shapes import own_shape
from leadline.runs.training_data import Material, gold_completion
from leadline.samplers import Prompting
from leadline.samplers.local import LocalSampler
from leadline.seeds import torch_rng
from leadline.storage.checkpoints import Checkpoints
from leadline.storage.run_directory import RunWriter
from leadline.types import Problem

__all__ = ["LocalBackend", "check_local_recipe"]

_Stage = TypeVar("_Stage", SupervisedConfig, PolicyConfig)

_ADAPTABLE = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def check_local_recipe(recipe: Recipe, material: Material | None) -> None:
    """Refuse whatever can be known to be wrong without the model's weights.

    Raises:
        ConfigError: adapters for layers that the decoder does not have.
        DataError: problems are chats, and a new model has no chat template.
        CheckpointError: no such model, none that the decoder can hold, or one that the problems cannot be put to.
    """
    source = recipe.model.source
    unknown = [t for t in recipe.sft.lora.targets if t.rpartition(".")[2] not in _ADAPTABLE]
    if recipe.sft.method == "lora" and unknown:
        raise ConfigError(
            f"sft.lora.targets: no layer is called {unknown[0]!r:.60}; there are {', '.join(_ADAPTABLE)}"
        )
    if source is not None:
        try:
            read_config(Path(source))
            check_model(Path(source), recipe, material)
        except InputError as fault:
            raise CheckpointError(
                [f"model.source: {line}{_remedy(source)}" for line in fault.problems]
            ) from fault
    elif material is not None and material.chats:
        raise DataError(
            f"{recipe.data.train}: problems such as {material.chats[0].id!r} are chats, and a new model has no chat "
            "template: give one that has (--model)"
        )
    _check_memory(recipe)


def _check_memory(recipe: Recipe) -> None:
    """Refuse what cannot fit this machine: the layers of a new model in training, and the completions of one step.

    Raises:
        ConfigError: names the settings, with what there is.
    """
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    model, rl = recipe.model, recipe.rl
    layer = model.hidden_size * (2 * model.hidden_size + 3 * model.intermediate_size)
    needs = {
        "model: hidden_size, intermediate_size and num_layers": 0
        if model.source
        else 16 * model.num_layers * layer,
        "rl: prompts, group_size and max_tokens": 16
        * rl.prompts
        * rl.group_size
        * rl.max_tokens,  # token, noise
    }
    faults = [
        f"{names} take {need / 1e9:,.0f} GB of memory at least, and this machine has {there / 1e9:.0f} GB"
        for names, need in needs.items()
        if need > there
    ]
    if faults:
        raise ConfigError(faults)


class LocalBackend:
    """Runs every stage in this process.

    Raises:
        CheckpointError: the recipe starts from a model directory that the decoder cannot hold.
    """

    def __init__(self, recipe: Recipe, material: Material) -> None:
        self.recipe, self.material = recipe, material
        torch.set_num_threads(recipe.threads or os.cpu_count() or 1)
        self.device = torch.device(_device(recipe.device))
        if recipe.model.source is not None:
            check_model_directory(Path(recipe.model.source))  # its faults show before anything is written
            check_weights(Path(recipe.model.source))

    def base(self, stage: Stage[RunWriter]) -> Path:
        if self.recipe.model.source is not None:
            return Path(self.recipe.model.source)
        checkpoints = Checkpoints(stage.folder)
        there = checkpoints.latest()
        if there is not None:
            return there.folder
        tokenizer = build_tokenizer(self.material.pieces)
        model = Decoder(own_shape(self.recipe, len(tokenizer)))
        model.initialise(torch_rng(self.recipe.seed, "init"), self.recipe.model.initial_scale)
        return checkpoints.save(0, lambda folder: save_decoder(model, folder, tokenizer), {})

    def sft(self, stage: Stage[RunWriter], start: Path) -> Path:
        config = self.recipe.sft
        checkpoints = Checkpoints(stage.folder, every=config.checkpoint_every)
        merged = stage.folder / "merged"
        if config.method == "lora" and merged.is_dir():
            return merged
        model, codec = self._load(start)
        config = self._within_memory(config, model)
        lora = Lora(model, config.lora, self.recipe.seed) if config.method == "lora" else None
        easy = int(config.easy_share * config.steps)
        SupervisedTrainer(
            model=model,
            optimiser=Optimiser(model.named_parameters(), config.optimiser, config.steps),
            lora=lora,
            codec=codec,
            config=config,
            examples=lambda step: self.material.examples(
                step, config.batch_size, config.easy_steps if step < easy else None
            ),
            journal=stage.writer,
            checkpoints=checkpoints,
            on_step=stage.on_row,
        ).run(stage.interrupts)
        if lora is not None:
            whole = lora.merge()
            return checkpoints.save(
                config.steps, lambda folder: save_decoder(whole, folder, codec.tokenizer), {}, name="merged"
            )
        return _final(checkpoints, config.steps)

    def grpo(self, stage: Stage[RunWriter], start: Path) -> Path:
        config, arm = self.recipe.rl, self.recipe.arms[stage.name]
        model, codec = self._load(start)
        config = self._within_memory(config, model)
        reference = None
        if arm.loss.kl != "none":
            reference = self._load(start)[0].requires_grad_(False)
        learner = Learner(
            model=model,
            optimiser=Optimiser(
                model.named_parameters(), config.optimiser, config.steps, arm.learning_rate_scale
            ),
            config=arm.loss,
            temperature=config.temperature,
            max_tokens=config.max_tokens,
            micro_tokens=config.micro_tokens,
            updates=config.updates,
            reference=reference,
        )
        checkpoints = Checkpoints(stage.folder, config.keep, config.checkpoint_every)
        with Scorer(
            arm.rewards,
            options=arm.reward_options,
            grader=arm.grader or stage.grader,
            gap=arm.advantage.margin(config.group_size),
        ) as scorer:
            PolicyTrainer(
                arm=stage.name,
                seed=self.recipe.seed,
                learner=learner,
                codec=codec,
                config=config,
                advantage=arm.advantage,
                scorer=scorer,
                problems=lambda step: self.material.train(step, config.candidates),
                validation=self.material.validation(config.validation_problems),
                journal=stage.writer,
                checkpoints=checkpoints,
                on_step=stage.on_row,
                known=self.material.known,
                lift=lift_of(self.recipe, stage.name, codec, scorer, lambda: self.sampler(start)),
            ).run(stage.interrupts)
        return _final(checkpoints, config.steps)

    def _within_memory(self, config: _Stage, model: Decoder) -> _Stage:
        """The stage with a micro-batch that a CPU's memory has room for."""
        if self.device.type == "cuda":
            return config
        most = min(config.micro_tokens, tokens_in_memory(model.config))
        return config.model_copy(update={"micro_tokens": most})

    def sampler(self, model: Path) -> LocalSampler:
        prompting = Prompting(system=self.recipe.data.system_prompt)
        return LocalSampler(model, device=str(self.device), prompting=prompting)

    def solution_logprobs(self, model: Path, problems: Sequence[Problem]) -> dict[str, list[float]]:
        texts = [gold_completion(problem) for problem in problems]
        temperature = self.recipe.evaluation.temperature or 1.0
        values = self.sampler(model).solution_logprobs(problems, texts, temperature)
        return {problem.id: [value] for problem, value in zip(problems, values, strict=True)}

    def _load(self, folder: Path) -> tuple[Decoder, Codec]:
        model, tokenizer = load_model(folder, device=self.device)
        return model, Codec(tokenizer, self.recipe.data.system_prompt)


def _remedy(source: str) -> str:
    """How the model that a packaged recipe names comes to be, where it is not there."""
    from leadline.runs.model_directory import KNOWN

    name = Path(source).name
    if Path(source).exists() or name not in KNOWN:
        return ""
    return f": `leadline model fetch {name} --out {source}` makes it; or name another with --model"


def _final(checkpoints: Checkpoints, steps: int) -> Path:
    checkpoint = checkpoints.latest()
    if checkpoint is None or checkpoint.step != steps:
        raise CheckpointError(f"{checkpoints.root}: the checkpoint of step {steps} is missing or corrupt")
    return checkpoint.folder


def _device(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise CheckpointError("device: cuda was asked for, and torch sees none")
    return wanted
