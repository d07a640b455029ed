"""Which versions of TRL were tested, and which of its hooks the trainer needs: checked at import, not guessed at."""

from __future__ import annotations

import inspect
import warnings

from packaging.version import InvalidVersion, Version

from leadline.errors import MissingExtra

__all__ = ["HOOKS", "TESTED_TRL", "VersionWarning", "check_trl", "missing_hooks", "unsuited"]

TESTED_TRL = ("1.16.0",)
"""Releases of TRL that the tests ran with, local and post releases of them included. Others work as long as the hooks
below are there, with a warning.
"""

HOOKS = {
    "_compute_loss": ("model", "inputs"),
    "_calculate_rewards": ("inputs", "prompts", "completions", "completion_ids_list"),
    "_generate": ("prompts",),
    "_generate_and_score_completions": ("inputs",),
    "_get_train_sampler": ("dataset",),
    "_load_from_checkpoint": ("resume_from_checkpoint", "model"),
    "_load_optimizer_and_scheduler": ("checkpoint",),
    "_load_rng_state": ("checkpoint",),
    "_prepare_inputs": ("generation_batch",),
    "_save_rng_state": ("output_dir",),
    "log": ("logs", "start_time"),
}
"""Methods of ``trl.GRPOTrainer`` that are overridden or relied on, with their parameters."""

_SOURCE = (
    "_step",
    "_buffered_inputs",
    "eos_token_ids",
    "_logs",
    "_metrics",
    "max_completion_length",
    "num_generations_eval",
    "reward_func_names",
)
"""Attributes that ``GRPOTrainer`` must still use; looked for by name in its code."""


class VersionWarning(UserWarning):
    """TRL is of another version than the tested ones."""


def base_release(version: str) -> str:
    """The release that a post or local version is built from.

    >>> base_release("1.16.0.post1+cu128"), base_release("1.17.0.dev0"), base_release("built here")
    ('1.16.0', '1.17.0.dev0', 'built here')
    """
    try:
        parsed = Version(version)
    except InvalidVersion:
        return version
    return version if parsed.is_prerelease else parsed.base_version


def missing_hooks(trainer: type) -> list[str]:
    """What this ``GRPOTrainer`` lacks of what the mixin needs; empty when it fits."""
    missing = []
    for name, parameters in HOOKS.items():
        method = getattr(trainer, name, None)
        if method is None:
            missing.append(f"method {name}")
            continue
        found = tuple(inspect.signature(method).parameters)[1:]
        if found[: len(parameters)] != parameters:
            missing.append(f"method {name}({', '.join(parameters)}): it takes ({', '.join(found)})")
    try:
        source = inspect.getsource(trainer)
    except OSError:  # installed without its sources: nothing to look in
        return missing
    return missing + [f"attribute {name}" for name in _SOURCE if f"self.{name}" not in source]


def unsuited(trainer: type) -> str | None:
    """Why the mixins cannot stand before this trainer; None when they can, or when it is no trainer yet."""
    names = [base.__name__ for base in trainer.__mro__]
    if "GRPOTrainer" in names[: names.index("LeadMixin") if "LeadMixin" in names else 0]:
        return "its mixins stand behind GRPOTrainer, where they do nothing: (LeadMixin, ResumeMixin, GRPOTrainer)"
    if "RLOOTrainer" in names:
        return (
            "RLOOTrainer takes the KL term off its rewards, which another advantage would leave out: use GRPOTrainer "
            "with advantage=AdvantageConfig.rloo()"
        )
    if "AsyncGRPOTrainer" in names:
        return (
            "AsyncGRPOTrainer computes advantages in its rollout worker, another process that takes no function of "
            "ours: use GRPOTrainer, with vLLM in server mode where generation is to run elsewhere"
        )
    return None


def check_trl() -> None:
    """Raise unless a TRL is installed that the trainer fits; warn if it is another than the tested ones.

    Raises:
        MissingExtra: no TRL, or one without a hook that is needed; says which, and which versions were
            tested.
    """
    try:
        import trl
    except ImportError as error:
        raise MissingExtra("LeadGRPOTrainer needs TRL: pip install 'leadline[trl]'") from error
    faults = missing_hooks(trl.GRPOTrainer)
    if faults:
        raise MissingExtra(
            f"trl {trl.__version__} does not fit: GRPOTrainer lacks {'; '.join(faults)}. "
            f"Tested: {', '.join(TESTED_TRL)}: pip install 'leadline[trl]'"
        )
    if base_release(trl.__version__) not in TESTED_TRL:
        warnings.warn(
            f"leadline was tested with trl {', '.join(TESTED_TRL)}, not {trl.__version__}; "
            "every hook it needs is there",
            VersionWarning,
            stacklevel=2,
        )
