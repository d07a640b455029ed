"""Samples from a Hugging Face checkpoint with vLLM, inside this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from leadline.errors import CheckpointError, MissingExtra
from leadline.model.chat_template import fill_template
from leadline.model.pretrained import check_directory
from leadline.samplers.base import Draw, Drawn, Prompting, SampleRequest, Sampling, item_seed, pending
from leadline.storage.huggingface_hub import whole_model
from leadline.types import Completion, Problem

__all__ = ["VllmSampler"]


class VllmSampler:
    """Samples with vLLM's own engine; every sample has a seed of its own, so a resumed run draws the same ones.

    Not run by this project's tests, which have no GPU: ``leadline doctor`` says so.

    Args:
        model: a directory, or a name on the Hugging Face hub.
        prompting: system turn and prompt template.
        chunk: samples handed to the engine at a time; what is drawn is saved after each chunk.
        engine: passed on to ``vllm.LLM``, e.g. ``tensor_parallel_size``, ``gpu_memory_utilization``,
            ``dtype``.

    Raises:
        MissingExtra: vLLM is not installed.
        CheckpointError: no such model, or vLLM cannot load it.
    """

    def __init__(
        self, model: str | Path, *, prompting: Prompting | None = None, chunk: int = 4096, **engine: Any
    ) -> None:
        try:
            from vllm import LLM
        except ImportError as error:
            raise MissingExtra("vLLM is not installed: pip install vllm (needs a GPU)") from error
        self.name = f"{model} (vLLM)"
        self.prompting = prompting or Prompting()
        self._chunk = max(1, chunk)
        folder = whole_model(str(model))
        check_directory(folder)
        try:
            self._engine = LLM(model=str(folder), trust_remote_code=False, **engine)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{model}: vLLM cannot load it: {str(error)[:300]}") from error
        self._tokenizer = self._engine.get_tokenizer()
        self._chat = self._tokenizer.chat_template is not None

    def generate(
        self, problems: Sequence[Problem], n: int, sampling: Sampling, *, done: Drawn = frozenset()
    ) -> Iterator[Draw]:
        """Draw samples, chunk by chunk."""
        items = pending(problems, n, done)
        for start in range(0, len(items), self._chunk):
            batch = items[start : start + self._chunk]
            for item, output in zip(batch, self._run(batch, sampling), strict=True):
                yield Draw(item.index, _completion(item.problem, output.outputs[0], sampling))

    def _run(self, batch: Sequence[SampleRequest], sampling: Sampling) -> list[Any]:
        from vllm import SamplingParams

        settings = [
            SamplingParams(
                n=1,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                min_p=sampling.min_p,
                max_tokens=sampling.max_tokens,
                seed=item_seed(sampling.seed, *item.key),
                skip_special_tokens=False,
                include_stop_str_in_output=False,
            )
            for item in batch
        ]
        if self._chat:
            turns = [self.prompting.turns(item.problem) for item in batch]
            return list(self._engine.chat(turns, settings))
        return list(self._engine.generate([self.prompt_text(item.problem) for item in batch], settings))

    def prompt_text(self, problem: Problem) -> str:
        """The text that a completion of ``problem`` continues."""
        if self._chat:
            return fill_template(self._tokenizer, self.prompting.turns(problem))
        return self.prompting.plain(problem, f"the tokenizer of {self.name} has no chat template")


def _completion(problem: Problem, output: Any, sampling: Sampling) -> Completion:
    finished = output.finish_reason != "length"
    length = len(output.token_ids) if finished else sampling.max_tokens
    return Completion(problem.id, output.text, length, finished)
