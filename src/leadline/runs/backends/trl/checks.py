"""What backend ``trl`` refuses before a model is loaded: settings, processes that do not share a batch, packages."""

from __future__ import annotations

import os
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

from leadline.errors import CheckpointError, ConfigError, InputError, MissingExtra, Refusals
from leadline.integrations.trl.guard import VersionWarning, check_trl
from leadline.model.pretrained import first_line, load_config
from leadline.recipes.schema import Recipe
from leadline.runs.backends.checks import check_model
from leadline.runs.training_data import Material
from leadline.storage.huggingface_hub import is_hub_name, model_files

__all__ = [
    "check_trl_recipe",
    "matrix_layers",
    "trl_environment_faults",
]


def check_trl_recipe(recipe: Recipe, material: Material | None, *, planning: bool = False) -> list[str]:
    """Refuse whatever can be known to be wrong without the model's weights, all at once.

    Args:
        recipe: with backend ``trl``.
        material: of the recipe; None where it could not be had.
        planning: the run need not happen on this machine: what is only missing here is no fault but a note, and the
            hub is not asked.

    Returns:
        what is missing here, when planning.

    Raises:
        InputError: settings, packages, the model's files, or problems that cannot be put to it.
    """
    refusals, missing = Refusals(), Refusals()
    with refusals:
        check_settings(recipe)
    with missing if planning else refusals:
        check_packages(recipe)
    elsewhere = planning and recipe.model.source is not None and is_hub_name(recipe.model.source)
    with refusals:
        if not elsewhere:
            check_source(recipe, material)
    refusals.raise_all()
    notes = [line for fault in missing.found for line in fault.problems]
    return notes + ([f"model.source: {recipe.model.source} was not looked at"] if elsewhere else [])


def check_settings(recipe: Recipe) -> None:
    """Refuse what TRL cannot do, or would refuse itself when the stages before have been paid for.

    Raises:
        MissingExtra: no TRL, or one that does not fit.
        ConfigError: every such setting.
    """
    check_trl()
    from leadline.runs.backends.trl.launch_words import are_words, processes
    from leadline.runs.backends.trl.settings import grpo_config, sft_config, trl_recipe_faults

    words = recipe.trl.get("launch")
    refusals, world = Refusals(), int(os.environ.get("WORLD_SIZE", "1"))
    with refusals:
        if words and are_words(words):
            world = processes(words)
    with refusals:
        faults = trl_recipe_faults(recipe, world)
        if faults:
            raise ConfigError(faults)
    refusals.raise_all()
    if words:
        return  # in other processes TRL's arguments mean other things
    with tempfile.TemporaryDirectory(prefix="leadline-") as folder:
        if recipe.sft.method != "none":
            with refusals:
                sft_config(recipe, folder, row_tokens=recipe.rl.max_tokens)
        for name in recipe.arms if recipe.rl.steps else ():
            with refusals:
                grpo_config(recipe, name, folder, prompt_tokens=recipe.rl.max_tokens)
    refusals.raise_all()


def check_packages(recipe: Recipe) -> None:
    """Refuse what needs a package that is not installed here.

    Raises:
        ConfigError: all of them.
    """
    grpo, sft = (recipe.trl.get(name) or {} for name in ("grpo", "sft"))
    faults = []
    if isinstance(grpo, dict) and grpo.get("use_vllm") and find_spec("vllm") is None:
        faults.append("trl.grpo.use_vllm: vLLM is not installed: pip install vllm (needs a GPU)")
    asked = ["trl.launch"] if _starts_deepspeed(recipe) else []
    asked += [
        f"trl.{name}.deepspeed" for name, given in (("grpo", grpo), ("sft", sft)) if "deepspeed" in given
    ]
    if asked and find_spec("deepspeed") is None:
        faults.append(f"{asked[0]}: DeepSpeed is not installed: pip install deepspeed")
    if faults:
        raise ConfigError(faults)


def _starts_deepspeed(recipe: Recipe) -> bool:
    """Whether accelerate would start DeepSpeed, by its words or by its configuration file."""
    from leadline.runs.backends.trl.launch_words import launch_arguments, launch_words

    try:
        words = launch_words(recipe)
        return bool(words) and bool(launch_arguments(words).use_deepspeed)
    except ConfigError:
        return False  # words that accelerate refuses are a fault of their own (`check_settings`)


def check_source(recipe: Recipe, material: Material | None) -> None:
    """Refuse a model that is not there, or cannot be asked; of one on the hub only the small files are fetched.

    Raises:
        CheckpointError: ``model.source: why``.
        ConfigError: adapters for layers that this model does not have.
    """
    source = recipe.model.source
    if source is None:
        return  # a setting that is missing: the table says so
    refusals = Refusals()
    try:
        folder = model_files(source)
        with refusals:
            check_model(folder, recipe, material)
        with refusals:
            layers = matrix_layers(folder)
        refusals.raise_all()
    except InputError as fault:
        raise CheckpointError([f"model.source: {line}" for line in fault.problems]) from fault
    targets = recipe.sft.lora.targets
    if recipe.sft.method == "lora" and not any(
        f".{layer}".endswith(f".{t}") for layer in layers for t in targets
    ):
        there = sorted({layer.rpartition(".")[2] for layer in layers} - {"lm_head"})
        raise ConfigError(
            f"sft.lora.targets: {source} has no {', '.join(targets)}; there are {', '.join(there)}"
        )


def matrix_layers(folder: Path) -> set[str]:
    """Paths of the layers that adapters can be put on, from the configuration alone.

    Raises:
        CheckpointError: the installed transformers cannot build such a model.
    """
    import torch
    from transformers import AutoModelForCausalLM

    config = load_config(folder)
    try:
        with torch.device("meta"):  # shapes without numbers
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as fault:  # unknown types and missing fields share no class
        raise CheckpointError(
            f"{folder}: transformers cannot build the model of its config.json: {first_line(fault)}"
        ) from fault
    weights = ((name, getattr(module, "weight", None)) for name, module in model.named_modules())
    return {name for name, weight in weights if weight is not None and weight.ndim == 2}


def trl_environment_faults() -> list[str]:
    """What keeps backend trl from running in this environment. Imports TRL when it is there."""
    faults = [
        f"{package}: not installed: pip install 'leadline[trl]'"
        for package in ("trl", "accelerate")
        if find_spec(package) is None
    ]
    if faults:
        return faults
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionWarning)  # said in a line of its own
            check_trl()
    except MissingExtra as fault:
        return list(fault.problems)
    except Exception as error:  # TRL's lazy imports fail in many ways
        return [f"trl: cannot be imported: {type(error).__name__}: {' '.join(str(error).split())}"]
    return []
