"""From a recipe to verl's keys, and what a recipe asks for that verl does not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leadline.errors import ConfigError
from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.integrations.verl.guard import MANAGER
from leadline.integrations.verl.scoring import SIGNAL, check_bonus
from leadline.integrations.verl.settings import RewardSettings
from leadline.recipes.schema import ArmConfig, OptimiserConfig, Recipe
from leadline.runs.backends.verl.section import VerlSection, flat

__all__ = ["VALIDATION_SAMPLES", "arm_keys", "recipe_faults"]

VALIDATION_SAMPLES = 4
"""Completions a validation problem, as in the other backends."""

_AGGREGATION = {
    "token_mean": "token-mean",
    "sequence_mean": "seq-mean-token-mean",
    "constant": "seq-mean-token-sum-norm",
}
_KL = {"k2": "k2", "k3": "k3"}
_ACTOR, _ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"


def recipe_faults(recipe: Recipe, section: VerlSection) -> list[str]:
    """What stands in the recipe and cannot be run through verl."""
    faults = []
    if recipe.model.source is None:
        faults.append(
            "model.source: verl trains a checkpoint: give its directory or Hugging Face id (--model)"
        )
    if recipe.sft.method != "none":
        faults.append(
            "sft.method: verl gets the reinforcement-learning stage only: run the supervised one with backend trl or "
            "local, then give its model with --model and --set sft.method=none"
        )
    if recipe.rl.mask_truncated:
        faults.append("rl.mask_truncated: verl has no such option")
    if recipe.rl.steps < 1:
        faults.append("rl.steps: must be at least 1")
    faults += _optimiser_faults(recipe.rl.optimiser)
    longest = section.max_prompt_tokens + recipe.rl.max_tokens
    if recipe.rl.micro_tokens < longest:
        faults.append(
            f"rl.micro_tokens: {recipe.rl.micro_tokens} tokens a GPU do not hold one prompt and completion of "
            f"{longest} (verl.max_prompt_tokens + rl.max_tokens)"
        )
    world = section.nodes * section.gpus_per_node
    rows = recipe.rl.prompts * recipe.rl.group_size // recipe.rl.updates
    if rows % world:
        faults.append(f"rl: {rows} completions an update do not divide over {world} GPUs")
    for name, arm in recipe.arms.items():
        faults += [f"arms.{name}.{line}" for line in _arm_faults(arm)]
    return faults + _key_faults(recipe, section)


def _optimiser_faults(optimiser: OptimiserConfig) -> list[str]:
    faults = []
    if optimiser.name != "adamw":
        faults.append(f"rl.optimiser.name: {optimiser.name!r} is not in verl; use adamw")
    if optimiser.decay == "linear":
        faults.append("rl.optimiser.decay: verl's FSDP engine has constant and cosine")
    return faults


def _arm_faults(arm: ArmConfig) -> list[str]:
    faults = []
    if arm.loss.kl == "k1_in_reward":
        faults.append(
            "loss.kl: k1_in_reward cannot be handed to verl: the reward carries the score; use k2 or k3"
        )
    try:
        check_bonus(RewardSettings(weights=arm.rewards, options=arm.reward_options, grader=arm.grader))
    except ConfigError as error:
        faults += list(error.problems)
    return faults


def _key_faults(recipe: Recipe, section: VerlSection) -> list[str]:
    """Keys of the recipe's own ``verl.keys`` that would overrule the recipe."""
    decided = _decided(recipe, section, ArmConfig(loss=LossConfig(kl="k3", beta=1.0)), Path())
    return [
        f"verl.keys.{key}: the recipe decides this ({key}={decided[key]})"
        for key in flat(section.keys)
        if key in decided
    ]


def arm_keys(recipe: Recipe, section: VerlSection, name: str, folder: Path, attempt: int) -> dict[str, Any]:
    """All keys of one arm's run, in the order they are printed.

    Args:
        folder: what verl writes goes under it; absolute, on storage that all nodes share.
        attempt: number of this start; verl begins its metrics file anew, so that each start has one of its own.
    """
    arm = recipe.arms[name]
    keys = _decided(recipe, section, arm, folder) | _chosen(recipe, name, folder, attempt)
    return keys | flat(section.keys)


def _decided(recipe: Recipe, section: VerlSection, arm: ArmConfig, folder: Path) -> dict[str, Any]:
    """What the recipe says, in verl's words."""
    rl = recipe.rl
    data = folder.parent / "data"
    return {
        "algorithm.adv_estimator": "leadline",
        "algorithm.use_kl_in_reward": False,
        **_advantage_keys(arm.advantage),
        **_reward_keys(arm, folder),
        **_filter_keys(section),
        "data.train_files": str(data / "train.parquet"),
        "data.val_files": str(data / "valid.parquet"),
        "data.train_batch_size": rl.prompts,
        "data.max_prompt_length": section.max_prompt_tokens,
        "data.max_response_length": rl.max_tokens,
        "data.shuffle": False,
        "data.seed": recipe.seed,
        "actor_rollout_ref.model.path": recipe.model.source,
        f"{_ROLLOUT}.n": rl.group_size,
        f"{_ROLLOUT}.temperature": rl.temperature,
        f"{_ROLLOUT}.top_p": 1.0,
        f"{_ROLLOUT}.top_k": -1,
        f"{_ROLLOUT}.seed": recipe.seed,
        f"{_ROLLOUT}.val_kwargs.n": VALIDATION_SAMPLES,
        f"{_ROLLOUT}.val_kwargs.do_sample": True,
        f"{_ROLLOUT}.val_kwargs.temperature": rl.temperature,
        f"{_ACTOR}.ppo_mini_batch_size": rl.prompts // rl.updates,
        f"{_ACTOR}.ppo_epochs": 1,
        f"{_ACTOR}.use_dynamic_bsz": True,
        f"{_ACTOR}.ppo_max_token_len_per_gpu": rl.micro_tokens,
        f"{_ACTOR}.data_loader_seed": recipe.seed,
        **_loss_keys(arm.loss, rl.max_tokens),
        **_optimiser_keys(rl.optimiser, arm.learning_rate_scale),
        "trainer.total_training_steps": rl.steps,
        "trainer.save_freq": rl.checkpoint_every,
        "trainer.max_actor_ckpt_to_keep": rl.keep,
        "trainer.test_freq": rl.validate_every if rl.validation_problems else -1,
        "trainer.nnodes": section.nodes,
        "trainer.n_gpus_per_node": section.gpus_per_node,
    }


def _chosen(recipe: Recipe, name: str, folder: Path, attempt: int) -> dict[str, Any]:
    """What a recipe has no word for; ``verl.keys`` may say otherwise."""
    return {
        f"{_ACTOR}.strategy": "fsdp2",
        "actor_rollout_ref.ref.strategy": "fsdp2",
        f"{_ROLLOUT}.name": "vllm",
        f"{_ROLLOUT}.tensor_model_parallel_size": 1,
        "trainer.total_epochs": 1000,  # the steps decide
        "trainer.val_before_train": False,
        "trainer.balance_batch": True,
        "trainer.project_name": "leadline",
        "trainer.experiment_name": f"{recipe.name}-{name}",
        "trainer.logger": ["console", "file"],
        "trainer.default_local_dir": str(folder / "checkpoints"),
        "trainer.rollout_data_dir": str(folder / "rollouts"),
        "trainer.validation_data_dir": str(folder / "validation"),
        "+ray_kwargs.ray_init.runtime_env.env_vars.VERL_FILE_LOGGER_PATH": str(
            folder / f"metrics-{attempt:03d}.jsonl"
        ),
    }


def _advantage_keys(config: AdvantageConfig) -> dict[str, Any]:
    """Every field that differs from plain GRPO; that there is such a section at all means "not LEAD by default"."""
    plain = AdvantageConfig().model_dump()
    changed = {name: value for name, value in config.model_dump().items() if value != plain[name]}
    changed = changed or {"preset": "grpo"}
    return {f"+algorithm.leadline.{name}": value for name, value in changed.items()}


def _reward_keys(arm: ArmConfig, folder: Path) -> dict[str, Any]:
    keys: dict[str, Any] = {
        "reward.reward_manager.source": "importlib",
        "reward.reward_manager.module.path": MANAGER[0],
        "reward.reward_manager.name": MANAGER[1],
        "+reward.leadline.weights": arm.rewards,
        "+reward.leadline.trail": str(folder / "trail"),
    }
    if arm.reward_options:
        keys["+reward.leadline.options"] = arm.reward_options
    if arm.grader:
        keys["+reward.leadline.grader"] = arm.grader
    return keys


def _filter_keys(section: VerlSection) -> dict[str, Any]:
    if not section.dynamic_sampling:
        return {}
    return {"algorithm.filter_groups.enable": True, "algorithm.filter_groups.metric": SIGNAL}


def _loss_keys(loss: LossConfig, cap: int) -> dict[str, Any]:
    keys: dict[str, Any] = {
        f"{_ACTOR}.clip_ratio_low": loss.clip_low,
        f"{_ACTOR}.clip_ratio_high": loss.clip_high,
        f"{_ACTOR}.loss_agg_mode": _AGGREGATION[loss.aggregation],
        f"{_ACTOR}.policy_loss.loss_mode": "gspo" if loss.level == "sequence" else "vanilla",
        f"{_ACTOR}.use_kl_loss": loss.kl_in_loss,
    }
    if loss.aggregation == "constant":
        keys[f"{_ACTOR}.loss_scale_factor"] = cap
    if loss.kl in _KL:
        keys |= {f"{_ACTOR}.kl_loss_type": _KL[loss.kl], f"{_ACTOR}.kl_loss_coef": loss.beta}
    return keys


def _optimiser_keys(optimiser: OptimiserConfig, scale: float) -> dict[str, Any]:
    start = f"{_ACTOR}.optim"
    return {
        f"{start}.lr": optimiser.learning_rate * scale,
        f"{start}.betas": list(optimiser.betas),
        f"{start}.weight_decay": optimiser.weight_decay,
        f"{start}.clip_grad": optimiser.max_grad_norm,
        f"{start}.lr_warmup_steps_ratio": optimiser.warmup,
        f"{start}.lr_scheduler_type": optimiser.decay,
        f"{start}.min_lr_ratio": optimiser.floor,
        **({f"{start}.override_optimizer_config": {"eps": optimiser.eps}} if optimiser.eps != 1e-8 else {}),
    }
