"""Samples from leadline's own engine: for Llama, Qwen2 and Qwen3 directories that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from leadline.engine.logprobs import text_logprobs
from leadline.engine.sampler import ROWS_AT_ONCE, SamplingConfig, sample_many
from leadline.engine.scored_batch import completions_of
from leadline.errors import ConfigError
from leadline.model import load_model, load_tokenizer
from leadline.model.codec import Codec
from leadline.samplers.base import Draw, Drawn, Prompting, Sampling, check_lengths, check_prompts, pending
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

    The same seed gives the same samples only for the same set of samples to draw.

    Args:
        model: a directory.
        device: ``cuda`` or ``cpu``; the first GPU if there is one.
        prompting: system turn and prompt template.
        batch_size: completions decoded together, in whole groups.
        repeatable: a run that was stopped draws all samples again and hands out those that are missing, so that it
            ends with the samples of a run that was not; otherwise it draws the missing ones alone.
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
        repeatable: bool = False,
        problems: Sequence[Problem] = (),
    ) -> None:
        self.name = str(model)
        self.prompting = prompting or Prompting()
        self._batch_size, self._repeatable = batch_size, repeatable
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
        again = bool(done) and not self._repeatable  # draws of its own, for what is missing alone
        # By problem: the indices of its completions in the order in which they are drawn.
        wanted: dict[str, list[int | None]] = {}
        for item in pending(problems, n, done if again else ()):
            wanted.setdefault(item.problem.id, []).append(None if item.key in done else item.index)
        todo = [problem for problem in problems if problem.id in wanted]
        each = max(map(len, wanted.values()), default=1)
        prompts = (
            self._codec.encode_prompts([self.prompting.apply(problem) for problem in todo]) if todo else []
        )
        lengths = {problem.id: ids for problem, ids in zip(todo, prompts, strict=True)}
        check_lengths(todo, lengths, self._model.config.max_positions)
        for which, rollouts in sample_many(
            self._model,
            prompts,
            each,
            SamplingConfig(sampling.max_tokens, sampling.temperature),
            eos=self._codec.eos,
            generator=torch_rng(
                sampling.seed, "evaluation", *([len(done)] if again else []), device=self._model.device
            ),
            rows_at_once=self._batch_size,
        ):
            owners = [todo[which[index]] for index in rollouts.owner.tolist()]
            for row, completion in enumerate(completions_of(owners, rollouts, self._codec)):
                indices = wanted[completion.problem_id]
                index = indices[row % each] if row % each < len(indices) else None
                if index is not None:
                    yield Draw(index, completion)

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
