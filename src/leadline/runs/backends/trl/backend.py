"""The backend: what the pipeline asks for, handed to TRL."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from leadline.model import load_tokenizer
from leadline.model.codec import Codec
from leadline.model.pretrained import check_weights
from leadline.recipes.schema import Recipe
from leadline.runs.backends.protocol import Stage
from leadline.runs.backends.trl.subprocess_stage import LaunchedSampler, launched
from leadline.runs.training_data import Material, gold_completion
from leadline.samplers import Sampler
from leadline.storage.huggingface_hub import whole_model
from leadline.storage.run_directory import RunWriter
from leadline.types import Problem

__all__ = ["TrlBackend"]


class TrlBackend:
    """Runs the stages through TRL: in this process, or with ``trl.launch`` in several that accelerate starts.

    :func:`leadline.runs.backends.trl.checks.check_trl_recipe` has looked at the recipe before.

    Raises:
        CheckpointError: the weights cannot be downloaded.
    """

    def __init__(self, recipe: Recipe, material: Material) -> None:
        from transformers.utils import logging

        from leadline.runs.backends.trl.settings import uses_cuda

        logging.disable_progress_bar()  # the pipeline shows its own
        self.recipe, self.material = recipe, material
        torch.set_num_threads(recipe.threads or os.cpu_count() or 1)
        self.device = torch.device("cuda" if uses_cuda(recipe) else "cpu")
        assert recipe.model.source is not None  # check_recipe
        self.source = whole_model(recipe.model.source)
        check_weights(self.source)

    def base(self, stage: Stage[RunWriter]) -> Path:
        return self.source

    def sft(self, stage: Stage[RunWriter], start: Path) -> Path:
        if self.recipe.trl.get("launch"):
            return launched("sft", stage, start, self.recipe)
        from leadline.runs.backends.trl.train_supervised import train_supervised

        return train_supervised(stage, start, self.recipe, self.material, self._codec(start))

    def grpo(self, stage: Stage[RunWriter], start: Path) -> Path:
        if self.recipe.trl.get("launch"):
            return launched("grpo", stage, start, self.recipe)
        from leadline.runs.backends.trl.train_policy import train_policy

        return train_policy(stage, start, self.recipe, self.material, self._codec(start))

    def sampler(self, model: Path) -> Sampler:
        if self.recipe.trl.get("launch"):
            return LaunchedSampler(model, self.recipe)
        from leadline.runs.backends.trl.sampling import evaluation_sampler

        return evaluation_sampler(model, self.recipe, self.device)

    def solution_logprobs(self, model: Path, problems: Sequence[Problem]) -> dict[str, list[float]]:
        from leadline.runs.backends.trl.sampling import LogProbs

        logprobs = LogProbs(model, self._codec(model), self.device)
        temperature = self.recipe.evaluation.temperature or 1.0
        return {p.id: [logprobs.of(p, gold_completion(p), temperature)] for p in problems}

    def _codec(self, folder: Path) -> Codec:
        """A new one: TRL's trainers change the tokenizer that they are given."""
        return Codec(load_tokenizer(folder), self.recipe.data.system_prompt)
