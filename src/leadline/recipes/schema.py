"""A recipe: everything that decides what a run does, as one validated, frozen object.

Unknown keys and wrong types are refused; nothing here computes. :mod:`leadline.recipes.reading` makes one of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, field_validator, model_validator

from leadline.grpo.config import PRESETS, AdvantageConfig, LossConfig, kl_faults
from leadline.recipes.data_section import DataConfig, WorldConfig
from leadline.recipes.section import Count, Name, Rate, RecipeSection, Share, TokenCap

__all__ = [
    "SAMPLER_WEIGHT_CAP",
    "ArmConfig",
    "EvaluationConfig",
    "LoraConfig",
    "ModelConfig",
    "OptimiserConfig",
    "PolicyConfig",
    "Recipe",
    "SupervisedConfig",
]

SAMPLER_WEIGHT_CAP = 2.0
"""Largest weight of a token that another engine sampled (:attr:`PolicyConfig.sampler_mismatch`)."""


class OptimiserConfig(RecipeSection):
    """AdamW, or Muon on the hidden matrices with AdamW on everything else."""

    name: Literal["adamw", "muon"] = "adamw"
    learning_rate: Rate = 1e-3
    """Peak rate of AdamW."""
    muon_learning_rate: Rate = 0.02
    """Peak rate of Muon's share of the parameters."""
    betas: tuple[Share, Share] = (0.9, 0.95)
    eps: Rate = 1e-8
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    warmup: Share = 0.05
    """Share of the steps with a linearly rising rate."""
    decay: Literal["constant", "linear", "cosine"] = "constant"
    floor: Share = 0.05
    """Where a decaying rate ends, as a share of its peak."""
    max_grad_norm: Rate = 1.0


class ModelConfig(RecipeSection):
    """A model directory to start from, or the shape of a new one."""

    source: str | None = None
    """A Hugging Face model directory (``--model`` sets it); a new model of the shape below when not given."""
    family: Literal["llama", "qwen2", "qwen3"] = "llama"
    hidden_size: Annotated[int, Field(ge=1, le=2**17)] = 128
    intermediate_size: Annotated[int, Field(ge=1, le=2**20)] = 256
    num_layers: Annotated[int, Field(ge=1, le=1024)] = 2
    num_heads: Annotated[int, Field(ge=1, le=2**12)] = 4
    num_kv_heads: Count | None = None
    rope_theta: Rate = 10000.0
    position: Literal["rope", "none", "learned"] = "rope"
    initial_scale: Rate = 0.02

    @model_validator(mode="after")
    def _shape_fits(self) -> Self:
        if self.source is not None:
            return self
        if self.family == "qwen2":
            raise ValueError(
                "family 'qwen2': transformers reads the tokenizer of such a directory as Qwen's own, whatever it is; "
                "a new model is a llama or a qwen3"
            )
        if self.hidden_size % self.num_heads or self.hidden_size // self.num_heads % 2:
            raise ValueError(
                f"hidden_size {self.hidden_size} must be an even number for each of num_heads {self.num_heads}"
            )
        if self.num_kv_heads is not None and self.num_heads % self.num_kv_heads:
            raise ValueError(f"num_kv_heads {self.num_kv_heads} does not divide num_heads {self.num_heads}")
        return self


class LoraConfig(RecipeSection):
    """Low-rank adapters (arXiv 2106.09685); the defaults are those of arXiv 2603.14041."""

    rank: Count = 16
    alpha: Rate = 64.0
    dropout: Share = 0.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")


class SupervisedConfig(RecipeSection):
    """The supervised stage: full, by LoRA, or none."""

    method: Literal["full", "lora", "none"] = "full"
    steps: Count = 250
    batch_size: Count = 64
    micro_tokens: Count = 8192
    """Computed tokens a micro-batch, pads included."""
    easy_share: Share = 0.0
    """Worlds: share of the steps, at the start, that see short problems only."""
    easy_steps: Count = 2
    """Worlds: how many operations a short problem has at most."""
    checkpoint_every: Count = 100
    optimiser: OptimiserConfig = OptimiserConfig(decay="cosine")
    lora: LoraConfig = LoraConfig()


VALIDATION_SAMPLES = 4
"""Completions per validation problem, in every backend."""


class PolicyConfig(RecipeSection):
    """The reinforcement-learning stage, shared by all arms."""

    steps: Annotated[int, Field(ge=0)] = 60
    prompts: Annotated[int, Field(ge=1, le=2**20)] = 32
    """Problems a step."""
    group_size: Annotated[int, Field(ge=2, le=2**16)] = 8
    """Completions a problem (G)."""
    max_tokens: TokenCap = 96
    temperature: Rate = 1.0
    updates: Count = 1
    """Optimiser steps a batch; the batch is cut into that many parts, by groups."""
    micro_tokens: Count = 16384
    """Most computed tokens a micro-batch, pads and prompts included; a CPU takes 2,048 at most."""
    mask_truncated: bool = False
    """Keep truncated completions out of the loss (decision "Truncated completions")."""
    validate_every: Count = 10
    validation_problems: Count = 64
    """Problems of a validation, four samples each; the best checkpoint by it is kept apart."""
    select: Literal["none", "window", "refill"] = "none"
    """Which problems of a step are asked. ``window``: of ``select_factor`` times as many the ones whose groups would
    most likely be mixed, by what past completions say of each problem and its level (``grpo/solve_window.py``).
    ``refill``: more of them, until ``prompts`` groups have a signal; the update is made of those alone."""
    select_factor: Annotated[int, Field(ge=2, le=64)] = 4
    """How many times ``prompts`` a step may choose from, or ask at most."""
    sampler_mismatch: Literal["token_truncate", "none"] = "token_truncate"
    """Where vLLM or SGLang samples, which give other probabilities than the trainer: the loss of each token times
    min(p_trainer / p_sampler, 2), or nothing. (A weight for the whole completion shrinks with its length.)"""
    samples_every: Count = 10
    checkpoint_every: Count = 20
    keep: Count = 2
    """Checkpoints that are kept, the best one apart."""
    optimiser: OptimiserConfig = OptimiserConfig(learning_rate=3e-4, weight_decay=0.0)

    @property
    def candidates(self) -> int:
        """Problems that a step's are chosen from."""
        return self.prompts * (1 if self.select == "none" else self.select_factor)


class ArmConfig(RecipeSection):
    """One arm: what differs between runs that start from the same supervised model."""

    advantage: AdvantageConfig = AdvantageConfig()
    loss: LossConfig = LossConfig()
    rewards: dict[str, float] = Field(default_factory=lambda: {"accuracy": 1.0})
    """Part -> weight: accuracy, format, reflection, repetition, overlong, placebo, or ``module:function``.
    What is not named is not paid, accuracy included."""
    reward_options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    grader: str | None = None
    """``module:function`` instead of leadline's grader."""
    learning_rate_scale: Rate = 1.0
    lift: str = "none"
    """What is imitated of problems whose group had no right answer, as many at a time as a step has problems
    (``engine/lift.py``). ``solutions``: their reference solutions. ``module:function``: what the model that the arm
    began from answers in two parts, cut by that function, and the scorer finds right (``runs/composer.py``)."""

    @field_validator("lift")
    @classmethod
    def _lift(cls, value: str) -> str:
        module, _, function = value.partition(":")
        if value not in ("none", "solutions") and not (module and function):
            raise ValueError(f"{value!r} is neither none nor solutions nor module:function")
        return value

    @field_validator("advantage", mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        """``lead``, or ``{preset: lead, length_alpha: 0.1}``."""
        if isinstance(value, str):
            value = {"preset": value}
        if not isinstance(value, Mapping) or "preset" not in value:
            return value
        changes = {str(key): item for key, item in value.items() if key != "preset"}
        if value["preset"] not in PRESETS:
            raise ValueError(f"preset {value['preset']!r} is not one of {', '.join(PRESETS)}")
        return getattr(AdvantageConfig, value["preset"])(**changes)

    @model_validator(mode="before")
    @classmethod
    def _accuracy_left_out(cls, value: Any) -> Any:
        """Rewards without ``accuracy`` do not pay it: ``{placebo: 1.0}`` is a placebo."""
        if not isinstance(value, Mapping) or not isinstance(value.get("rewards"), Mapping):
            return value
        if "accuracy" in value["rewards"]:
            return value
        advantage = value.get("advantage") or {}
        if isinstance(advantage, str):
            advantage = {"preset": advantage}
        if isinstance(advantage, AdvantageConfig):
            return {**value, "advantage": advantage.replace(pay_accuracy=False)}
        return {**value, "advantage": {**advantage, "pay_accuracy": False}}

    @model_validator(mode="after")
    def _kl_fits(self) -> Self:
        faults = kl_faults(self.advantage, self.loss)
        if faults:
            raise ValueError("; ".join(faults))
        return self


class EvaluationConfig(RecipeSection):
    """How every stage is measured."""

    problems: Count = 200
    samples: Count = 8
    temperature: Annotated[float, Field(ge=0)] = 1.0
    max_tokens: TokenCap | None = None
    """The training cap when not given."""
    ks: tuple[Count, ...] = (1, 8)
    grader: str | None = None
    """``module:function`` instead of leadline's grader; the same for every stage, whatever its arm was paid by."""


class Recipe(RecipeSection):
    """A whole run: base -> supervised -> one policy per arm -> evaluation of all -> report."""

    name: Name = "run"
    seed: Annotated[int, Field(ge=0)] = 0
    backend: Literal["local", "trl", "verl"] = "local"
    """``verl`` is launched on a cluster (``leadline launch verl``); the others run here (``leadline run``)."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Threads that torch computes with; all cores when not given. Part of what makes a run bit-identical."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig(world=WorldConfig())
    sft: SupervisedConfig = SupervisedConfig()
    rl: PolicyConfig = PolicyConfig()
    arms: dict[Name, ArmConfig] = Field(default_factory=lambda: {"grpo": ArmConfig()})
    evaluation: EvaluationConfig = EvaluationConfig()
    track: list[Literal["trackio", "tensorboard", "wandb"]] = Field(default_factory=list)
    """Where the run is shown besides its directory, which stays the truth (docs/watch.md)."""
    stop_on: list[str] = Field(default_factory=list)
    """Checks whose alarm ends the run with a checkpoint, or ``all`` (docs/watch.md); ``--resume`` goes on."""
    trl: dict[str, Any] = Field(default_factory=dict)
    """Extra arguments for TRL's own configuration objects, backend ``trl`` only."""
    verl: dict[str, Any] = Field(default_factory=dict)
    """Nodes, GPUs and whatever else only verl knows (:class:`leadline.runs.backends.verl.section.VerlSection`)."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        faults = [
            f"arms.{name}: the name is taken by a stage" for name in self.arms if name in ("base", "sft")
        ]
        if max(self.evaluation.ks) > self.evaluation.samples:
            faults.append(
                f"evaluation.ks: {max(self.evaluation.ks)} needs at least as many evaluation.samples, not "
                f"{self.evaluation.samples}: raise these, or set ks, e.g. {sorted({1, self.evaluation.samples})}"
            )
        if self.rl.prompts % self.rl.updates:
            faults.append(f"rl.updates: {self.rl.updates} does not divide rl.prompts {self.rl.prompts}")
        if self.data.max_prompt_tokens is not None and self.model.source is None:
            faults.append("data.max_prompt_tokens counts the tokens of a model: give one (model.source)")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def to_yaml(self) -> str:
        """The resolved recipe, every default written out; :func:`parse_recipe` reads it back to an equal object."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
