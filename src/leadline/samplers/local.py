"""Samples from leadline's own engine: for Llama, Qwen2 and Qwen3 directories that fit into memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import torch

from leadline.engine.logprobs import text_logprobs
from leadline.engine.prompts import Prompts
from leadline.engine.sampler import SamplingConfig, sample
from leadline.engine.scored_batch import completions_of
from leadline.errors import ConfigError
from leadline.model import load_model, load_tokenizer
from leadline.model.codec import Codec
from leadline.samplers.base import Draw, Prompting, Sampling, check_lengths, check_prompts, pending
from leadline.seeds import torch_rng
from leadline.types import Problem

__all__ = ["LocalSampler"]


class LocalSampler:
    """Loads a model directory into leadline's decoder and samples whole groups, each prompt read once.

    The same seed gives the same samples only for the same set of samples to draw.

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
        batch_size: int = 256,
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
        self,
        problems: Sequence[Problem],
        n: int,
        sampling: Sampling,
        *,
        done: Collection[tuple[str, int]] = frozenset(),
    ) -> Iterator[Draw]:
        """Draw samples 0..n-1 of every problem that are not in ``done``.

        Raises:
            ConfigError: top-p or min-p, which this engine does not have.
        """
        if sampling.top_p != 1.0 or sampling.min_p != 0.0:
            raise ConfigError(
                "the local engine has neither top-p nor min-p; use --engine transformers or vllm"
            )
        config = SamplingConfig(sampling.max_tokens, sampling.temperature)
        missing: dict[str, list[int]] = {}
        for item in pending(problems, n, done):
            missing.setdefault(item.problem.id, []).append(item.index)
        todo = [problem for problem in problems if problem.id in missing]
        asked_ids = self._codec.encode_prompts([self.prompting.apply(problem) for problem in todo])
        prompts = {problem.id: ids for problem, ids in zip(todo, asked_ids, strict=True)}
        check_lengths(todo, prompts, self._model.config.max_positions)
        size = max(1, self._batch_size // n)
        for start in range(0, len(todo), size):
            chunk = todo[start : start + size]
            most = max(len(missing[problem.id]) for problem in chunk)
            rollouts = sample(
                self._model,
                Prompts.pad([prompts[problem.id] for problem in chunk], self._model.device),
                most,
                config,
                eos=self._codec.eos,
                generator=torch_rng(sampling.seed, chunk[0].id, len(done), device=self._model.device),
            )
            owners = [chunk[index] for index in rollouts.owner.tolist()]
            completions = completions_of(owners, rollouts, self._codec)
            for row, completion in enumerate(completions):
                indices = missing[completion.problem_id]
                if row % most < len(indices):
                    yield Draw(indices[row % most], completion)

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
