"""The table of backend ``verl``: what each part of a recipe is called in verl, or why verl cannot do it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leadline.errors import ConfigError
from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.integrations.verl.guard import MANAGER
from leadline.integrations.verl.scoring import SIGNAL, check_bonus
from leadline.integrations.verl.settings import RewardSettings
from leadline.recipes.schema import SAMPLER_WEIGHT_CAP, VALIDATION_SAMPLES, ArmConfig, OptimiserConfig, Recipe
from leadline.runs.backends.translation import Line, batch_line, overruled, refusals, settings
from leadline.runs.backends.verl.section import VerlSection, flat

__all__ = ["arm_keys", "verl_recipe_faults"]


_AGGREGATION = {
    "token_mean": "token-mean",
    "sequence_mean": "seq-mean-token-mean",
    "constant": "seq-mean-token-sum-norm",
}
_ACTOR, _ROLLOUT, _OPTIM = (
    "actor_rollout_ref.actor",
    "actor_rollout_ref.rollout",
    "actor_rollout_ref.actor.optim",
)


def verl_run_lines(recipe: Recipe, section: VerlSection) -> list[Line]:
    """The run as a whole, and what verl does not do at all."""
    return [
        Line.refused_if(
            not recipe.model.source,
            "model.source",
            "verl trains a checkpoint: give its directory or Hugging Face id (--model)",
            {"actor_rollout_ref.model.path": recipe.model.source},
        ),
        Line.refused_if(
            recipe.sft.method != "none",
            "sft.method",
            "verl gets the reinforcement-learning stage only: run the supervised one with backend trl or "
            "local, then give its model with --model and --set sft.method=none",
        ),
        Line("verl.nodes, --nodes", {"trainer.nnodes": section.nodes}),
        Line("verl.gpus_per_node, --gpus-per-node", {"trainer.n_gpus_per_node": section.gpus_per_node}),
        Line(
            "seed",
            dict.fromkeys(("data.seed", f"{_ROLLOUT}.seed", f"{_ACTOR}.data_loader_seed"), recipe.seed),
        ),
    ]


def step_lines(recipe: Recipe, section: VerlSection, folder: Path) -> list[Line]:
    """Batches, sampling and the schedule of a run."""
    rl = recipe.rl
    longest = section.max_prompt_tokens + rl.max_tokens
    mini = {f"{_ACTOR}.ppo_mini_batch_size": rl.prompts // rl.updates, f"{_ACTOR}.ppo_epochs": 1}
    return [
        Line.refused_if(rl.mask_truncated, "rl.mask_truncated", "verl has no such option"),
        Line.refused_if(
            not rl.steps, "rl.steps", "must be at least 1", {"trainer.total_training_steps": rl.steps}
        ),
        Line.refused_if(
            rl.micro_tokens < longest,
            "rl.micro_tokens",
            f"{rl.micro_tokens} tokens a GPU do not hold one prompt and completion of {longest} "
            "(verl.max_prompt_tokens + rl.max_tokens)",
            {f"{_ACTOR}.use_dynamic_bsz": True, f"{_ACTOR}.ppo_max_token_len_per_gpu": rl.micro_tokens},
        ),
        batch_line(recipe, section.nodes * section.gpus_per_node, mini),
        Line.refused_if(
            rl.updates > 1,
            "rl.updates",
            "verl sorts the rows by length before it cuts them into updates, which splits groups: must be 1",
        ),
        correction_line(rl.sampler_mismatch),
        Line.refused_if(
            rl.select != "none",
            "rl.select",
            "verl is handed the problems of all steps before the first; verl.dynamic_sampling draws on instead",
        ),
        Line("rl.prompts", {"data.train_batch_size": rl.prompts}),
        Line("rl.group_size", {f"{_ROLLOUT}.n": rl.group_size}),
        Line("rl.max_tokens", {"data.max_response_length": rl.max_tokens}),
        Line("verl.max_prompt_tokens", {"data.max_prompt_length": section.max_prompt_tokens}),
        *sampling_lines(recipe),
        *schedule_lines(recipe, folder.parent / "data"),
    ]


def sampling_lines(recipe: Recipe) -> list[Line]:
    """How completions are drawn."""
    rl = recipe.rl
    return [
        Line(
            "rl.temperature",
            {f"{_ROLLOUT}.temperature": rl.temperature, f"{_ROLLOUT}.val_kwargs.temperature": rl.temperature},
        ),
        Line(
            "what is trained on is sampled from the whole distribution",
            {f"{_ROLLOUT}.top_p": 1.0, f"{_ROLLOUT}.top_k": -1, f"{_ROLLOUT}.val_kwargs.do_sample": True},
        ),
    ]


def schedule_lines(recipe: Recipe, data: Path) -> list[Line]:
    """The problems, and what happens between the steps."""
    rl = recipe.rl
    return [
        Line(
            "the problems of every step, in order",
            {
                "data.train_files": str(data / "train.parquet"),
                "data.val_files": str(data / "valid.parquet"),
                "data.shuffle": False,
            },
        ),
        Line("rl.checkpoint_every", {"trainer.save_freq": rl.checkpoint_every}),
        Line("rl.keep", {"trainer.max_actor_ckpt_to_keep": rl.keep}),
        Line(
            "rl.validate_every",
            {
                "trainer.test_freq": rl.validate_every if rl.validation_problems else -1,
                f"{_ROLLOUT}.val_kwargs.n": VALIDATION_SAMPLES,
            },
        ),
    ]


def correction_line(mismatch: str) -> Line:
    """Weights for what another engine sampled, and no tokens thrown away: they would be missing from the lengths."""
    start = "algorithm.rollout_correction"
    weights = mismatch != "none"
    return Line(
        "rl.sampler_mismatch",
        {
            f"{start}.rollout_is": "token" if weights else None,
            f"{start}.rollout_is_threshold": SAMPLER_WEIGHT_CAP,
            f"{start}.rollout_rs": None,
            f"{start}.bypass_mode": False,
            f"{_ROLLOUT}.calculate_log_probs": weights,
        },
    )


def verl_optimiser_lines(optimiser: OptimiserConfig, scale: float) -> list[Line]:
    """AdamW and its schedule."""
    eps = {f"{_OPTIM}.override_optimizer_config": {"eps": optimiser.eps}} if optimiser.eps != 1e-8 else {}
    return [
        Line.refused_if(
            optimiser.name != "adamw", "rl.optimiser.name", f"{optimiser.name!r} is not in verl; use adamw"
        ),
        Line(
            "rl.optimiser.decay",
            {f"{_OPTIM}.lr_scheduler_type": optimiser.decay, f"{_OPTIM}.min_lr_ratio": optimiser.floor},
            "verl's FSDP engine has constant and cosine" if optimiser.decay == "linear" else None,
        ),
        Line(
            "rl.optimiser",
            {
                f"{_OPTIM}.lr": optimiser.learning_rate * scale,
                f"{_OPTIM}.betas": list(optimiser.betas),
                f"{_OPTIM}.weight_decay": optimiser.weight_decay,
                f"{_OPTIM}.clip_grad": optimiser.max_grad_norm,
                f"{_OPTIM}.lr_warmup_steps_ratio": optimiser.warmup,
                **eps,
            },
        ),
    ]


def arm_lines(recipe: Recipe, section: VerlSection, name: str, folder: Path) -> list[Line]:
    """What differs between the arms: advantages, rewards, loss, learning rate."""
    arm = recipe.arms[name]
    return [
        Line(
            f"arms.{name}.advantage",
            {"algorithm.adv_estimator": "leadline", **_advantage_keys(arm.advantage)},
        ),
        Line(
            "the length controller's state, beside the checkpoints that it belongs to",
            {
                "trainer.default_local_dir": str(folder / "checkpoints"),
                "+algorithm.leadline.state": str(folder / "checkpoints"),
            },
        ),
        reward_line(name, arm, folder),
        Line.refused_if(
            arm.lift != "none",
            f"arms.{name}.lift",
            "verl's trainer has no step of imitation; use backend local or trl",
        ),
        Line("verl.dynamic_sampling", _filter_keys(section)),
        *verl_loss_lines(f"arms.{name}.loss", arm.loss, recipe.rl.max_tokens),
        *verl_optimiser_lines(recipe.rl.optimiser, arm.learning_rate_scale),
    ]


def reward_line(name: str, arm: ArmConfig, folder: Path) -> Line:
    """The reward manager and its settings."""
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
    refused = None
    try:
        check_bonus(RewardSettings(weights=arm.rewards, options=arm.reward_options, grader=arm.grader))
    except ConfigError as error:
        refused = "; ".join(line.removeprefix("rewards: ") for line in error.problems)
    return Line(f"arms.{name}.rewards", keys, refused)


def verl_loss_lines(place: str, loss: LossConfig, cap: int) -> list[Line]:
    """The objective. With one update a batch the ratio is 1, where k2 and ``reverse`` have the same gradient."""
    keys: dict[str, Any] = {"algorithm.use_kl_in_reward": False, f"{_ACTOR}.use_kl_loss": loss.kl_in_loss}
    if loss.kl_in_loss:
        name = "k3+" if loss.kl == "reverse" else loss.kl  # value of k3, gradient of k2
        keys |= {f"{_ACTOR}.kl_loss_type": name, f"{_ACTOR}.kl_loss_coef": loss.beta}
    aggregation: dict[str, Any] = {f"{_ACTOR}.loss_agg_mode": _AGGREGATION[loss.aggregation]}
    if loss.aggregation == "constant":
        aggregation[f"{_ACTOR}.loss_scale_factor"] = cap
    mode = "gspo" if loss.level == "sequence" else "vanilla"
    refused = "the reward carries the score, so that nothing can be taken off it: use reverse, k2 or k3"
    return [
        Line(f"{place}.kl", keys, refused if loss.kl == "k1_in_reward" else None),
        Line(f"{place}.clip_low", {f"{_ACTOR}.clip_ratio_low": loss.clip_low}),
        Line(f"{place}.clip_high", {f"{_ACTOR}.clip_ratio_high": loss.clip_high}),
        Line("there is no third bound", {f"{_ACTOR}.clip_ratio_c": 1.0e9}),
        Line(f"{place}.level", {f"{_ACTOR}.policy_loss.loss_mode": mode}),
        Line(f"{place}.aggregation", aggregation),
    ]


def verl_recipe_faults(recipe: Recipe, section: VerlSection) -> list[str]:
    """Everything in the recipe that verl cannot do, and everything under ``verl.keys`` that it may not decide."""
    lines = [*verl_run_lines(recipe, section), *step_lines(recipe, section, Path())]
    for name in recipe.arms:
        lines += arm_lines(recipe, section, name, Path())
    every = verl_loss_lines("arms.NAME.loss", LossConfig(kl="k3", beta=1.0, aggregation="constant"), 1)
    return refusals(lines) + overruled([*lines, *every], flat(section.keys), "verl.keys")


def arm_keys(recipe: Recipe, section: VerlSection, name: str, folder: Path, attempt: int) -> dict[str, Any]:
    """All keys of one arm's run, in the order they are printed.

    Args:
        folder: what verl writes goes under it; absolute, on storage that all nodes share.
        attempt: number of this start; verl begins its metrics file anew, so that each start has one of its own.
    """
    lines = [
        *arm_lines(recipe, section, name, folder),
        *verl_run_lines(recipe, section),
        *step_lines(recipe, section, folder),
    ]
    return settings(lines) | _chosen(recipe, name, folder, attempt) | flat(section.keys)


def _chosen(recipe: Recipe, name: str, folder: Path, attempt: int) -> dict[str, Any]:
    """What a recipe has no word for; ``verl.keys`` may say otherwise."""
    return {
        f"{_ACTOR}.strategy": "fsdp2",
        "actor_rollout_ref.ref.strategy": "fsdp2",
        f"{_ROLLOUT}.name": "vllm",
        f"{_ROLLOUT}.tensor_model_parallel_size": 1,
        "trainer.total_epochs": 1000,  # the steps decide
        "trainer.val_before_train": False,
        "trainer.project_name": "leadline",
        "trainer.experiment_name": f"{recipe.name}-{name}",
        "trainer.logger": ["console", "file"],
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


def _filter_keys(section: VerlSection) -> dict[str, Any]:
    if not section.dynamic_sampling:
        return {}
    return {"algorithm.filter_groups.enable": True, "algorithm.filter_groups.metric": SIGNAL}
