"""Samples from leadline's own engine: for Llama, Qwen2 and Qwen3 directories that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from leadline.engine.draw import noise
from leadline.engine.logprobs import text_logprobs
from leadline.engine.prompts import Prompts
from leadline.engine.sampler import ROWS_AT_ONCE, SamplingConfig, batches, decode_rows
from leadline.engine.scored_batch import completions_of
from leadline.errors import ConfigError
from leadline.model import load_model, load_tokenizer
from leadline.model.codec import Codec
from leadline.samplers.base import (
    Draw,
    Drawn,
    Prompting,
    Sampling,
    check_lengths,
    check_prompts,
    pass_under_way,
    within,
)
from leadline.seeds import torch_rng
from leadline.types import Problem

__all__ = ["LocalSampler", "refuse_cut"]


def refuse_cut(cut: bool) -> None:
    """This engine samples from the whole distribution.

    Raises:
        ConfigError: top-p or min-p.
    """
    if cut:
        raise ConfigError("the local engine has neither top-p nor min-p; use --engine transformers or vllm")


class LocalSampler:
    """Loads a model directory into leadline's decoder and samples whole groups, each prompt read once.

    The numbers that decide a sample depend on the seed, its problem's id and its index alone. A run that goes on draws
    whole batches of the one that was stopped, so that it ends with the same samples, last digits of a batch and all.

    Args:
        model: a directory.
        device: ``cuda`` or ``cpu``; the first GPU if there is one.
        prompting: system turn and prompt template.
        batch_size: completions decoded together, in whole groups.
        problems: what it will be asked, looked at before the weights are loaded.

    Raises:
        CheckpointError: the directory cannot be used, or its tokenizer does not fit its model.
        InputError: problems that cannot be put to it.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        device: str | None = None,
        prompting: Prompting | None = None,
        batch_size: int = ROWS_AT_ONCE,
        problems: Sequence[Problem] = (),
    ) -> None:
        self.name = str(model)
        self.prompting = prompting or Prompting()
        self._batch_size = batch_size
        place = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if problems:
            codec = Codec(load_tokenizer(model), self.prompting.system)
            check_prompts(problems, lambda problem: codec.prompt_text(self.prompting.apply(problem)))
        self._model, tokenizer = load_model(model, device=place)
        self._codec = Codec(tokenizer, self.prompting.system)

    def generate(
        self, problems: Sequence[Problem], n: int, sampling: Sampling, *, done: Drawn = frozenset()
    ) -> Iterator[Draw]:
        """Draw samples 0..n-1 of every problem that are not in ``done``.

        Raises:
            ConfigError: top-p or min-p, which this engine does not have.
        """
        refuse_cut(sampling.cut)
        indices = pass_under_way(problems, n, done)
        prompts = self._codec.encode_prompts([self.prompting.apply(problem) for problem in problems])
        asked = {problem.id: ids for problem, ids in zip(problems, prompts, strict=True)}
        positions = self._model.config.max_positions
        check_lengths(problems, asked, positions)
        for which in batches(len(problems), len(indices), self._batch_size):
            batch = problems[which.start : which.stop]
            if all((problem.id, index) in done for problem in batch for index in indices):
                continue
            together = Prompts.pad(prompts[which.start : which.stop], self._model.device)
            room = within(sampling, together.tokens.shape[1], positions)
            config = SamplingConfig(room.max_tokens, sampling.temperature)
            uniform = torch.cat([_own_noise(room, problem, indices) for problem in batch])
            rollouts = decode_rows(
                self._model, together, len(indices), config, self._codec.eos, uniform.to(self._model.device)
            )
            owners = [batch[owner] for owner in rollouts.owner.tolist()]
            for row, completion in enumerate(completions_of(owners, rollouts, self._codec)):
                draw = Draw(indices[row % len(indices)], completion)
                if draw.key not in done:
                    yield draw

    def prompt_text(self, problem: Problem) -> str:
        """The text that a completion of ``problem`` continues."""
        return self._codec.prompt_text(self.prompting.apply(problem))

    def solution_logprobs(
        self, problems: Sequence[Problem], texts: Sequence[str], temperature: float
    ) -> list[float]:
        """Log-probability in nats of known solutions, for the teacher-forced bound on the correct mass."""
        asked = [self.prompting.apply(problem) for problem in problems]
        return text_logprobs(self._model, self._codec, asked, texts, temperature)

    def answer(self, prompt: str, sampling: Sampling, n: int = 1) -> list[str]:
        """Completions of one prompt, as plain texts."""
        problem = Problem(id="prompt", prompt=prompt, answer="")
        return [draw.completion.text for draw in self.generate([problem], n, sampling)]


def _own_noise(sampling: Sampling, problem: Problem, indices: range) -> Tensor:
    """``[len(indices), max_tokens]`` uniform numbers.

    Drawn on the CPU, where the first ones do not depend on how many follow: fewer samples are the first of more.
    """
    generator = torch_rng(sampling.seed, "evaluation", problem.id)
    return noise(indices.stop, sampling.max_tokens, generator)[indices.start :]
