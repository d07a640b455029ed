"""The backend: what the pipeline asks for, handed to TRL; everything that can be known to be wrong is said first."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from leadline.adapters.trl.guard import check_trl
from leadline.backends.protocol import Stage
from leadline.backends.trl.launch import launched, launched_samples
from leadline.errors import CheckpointError, ConfigError
from leadline.material import Material
from leadline.model import load_tokenizer
from leadline.model.codec import Codec
from leadline.recipe import Recipe
from leadline.types import Completion, Problem

__all__ = ["TrlBackend"]


class TrlBackend:
    """Runs the stages through TRL: in this process, or with ``trl.launch`` in several that accelerate starts.

    Raises:
        MissingExtra: TRL is not installed, or does not fit.
        ConfigError: whatever the recipe asks for and TRL cannot do, all at once, before anything is loaded.
        CheckpointError: the model is neither a directory nor reachable, or lacks weights, tokenizer or end token.
    """

    def __init__(self, recipe: Recipe, material: Material) -> None:
        check_trl()
        from transformers.utils import logging

        from leadline.backends.trl.settings import recipe_faults, uses_cuda

        logging.disable_progress_bar()  # the pipeline shows its own
        faults = recipe_faults(recipe)
        if faults:
            raise ConfigError(faults)
        self.recipe, self.material = recipe, material
        torch.set_num_threads(recipe.threads or os.cpu_count() or 1)
        self.device = torch.device("cuda" if uses_cuda(recipe) else "cpu")
        assert recipe.model.source is not None  # recipe_faults
        self.source = _model_directory(recipe.model.source)
        codec = self._codec(self.source)
        chats = [p.id for p in [*material.train(0, 1), *material.test(1)] if p.messages]
        if chats and codec.tokenizer.chat_template is None:
            raise CheckpointError(
                f"{self.source}: no chat template, and problems such as {chats[0]} are chats"
            )

    def base(self, stage: Stage) -> Path:
        return self.source

    def sft(self, stage: Stage, start: Path) -> Path:
        if self.recipe.trl.get("launch"):
            return launched("sft", stage, start, self.recipe)
        from leadline.backends.trl.supervised import train_supervised

        return train_supervised(stage, start, self.recipe, self.material, self._codec(start))

    def grpo(self, stage: Stage, start: Path) -> Path:
        if self.recipe.trl.get("launch"):
            return launched("grpo", stage, start, self.recipe)
        from leadline.backends.trl.policy import train_policy

        return train_policy(stage, start, self.recipe, self.material, self._codec(start))

    def sample(self, model: Path, problems: Sequence[Problem], count: int) -> list[Completion]:
        if self.recipe.trl.get("launch"):
            return launched_samples(model, problems, count, self.recipe)
        from leadline.backends.trl.sampling import draw

        return draw(model, problems, count, self.recipe, self.device)

    def prompt_text(self, model: Path, problem: Problem) -> str:
        return self._codec(model).prompt_text(problem)

    def solution_logprobs(self, model: Path, problems: Sequence[Problem]) -> dict[str, list[float]]:
        from leadline.backends.trl.sampling import LogProbs

        known = [(problem, gold) for problem in problems if (gold := self.material.gold(problem)) is not None]
        if not known:
            return {}
        logprobs = LogProbs(model, self._codec(model), self.device)
        temperature = self.recipe.evaluation.temperature or 1.0
        return {problem.id: [logprobs.of(problem, gold, temperature)] for problem, gold in known}

    def _codec(self, folder: Path) -> Codec:
        return Codec(load_tokenizer(folder), self.recipe.data.system_prompt)


def _model_directory(source: str) -> Path:
    """The directory itself, or where a model of the Hugging Face hub was downloaded to.

    Raises:
        CheckpointError: neither; or a directory without configuration or safetensors weights.
    """
    folder = Path(source)
    if not folder.is_dir():
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

        wanted = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
        try:
            folder = Path(snapshot_download(source, allow_patterns=wanted))
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as fault:
            raise CheckpointError(
                f"model.source: {source!r} is no directory, and no model of that name could be reached: {fault}"
            ) from fault
    faults = []
    if not (folder / "config.json").is_file():
        faults.append(f"{folder}: no config.json in it")
    if not any(folder.glob("*.safetensors")):
        faults.append(f"{folder}: no *.safetensors in it, so no weights")
    if faults:
        raise CheckpointError(faults)
    return folder
