"""Samples from a Hugging Face checkpoint with ``transformers``, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from leadline.errors import CheckpointError
from leadline.model.chat_template import fill_template
from leadline.model.pretrained import end_tokens, load_causal_lm, load_config, load_tokenizer
from leadline.samplers.base import (
    Draw,
    Drawn,
    Prompting,
    SampleRequest,
    Sampling,
    check_lengths,
    check_prompts,
    item_seed,
    pass_under_way,
    within,
)
from leadline.storage.huggingface_hub import model_files, whole_model
from leadline.types import Completion, Problem

__all__ = ["TransformersSampler"]


class TransformersSampler:
    """Loads a causal language model and samples from it in batches.

    The prompt is put through the tokenizer's chat template where it has one, else it is plain text. Weights
    are read from safetensors only, and code that a checkpoint brings along is not run. The same seed gives
    the same samples for the same problems, also where a run that was stopped goes on: it draws whole batches of the
    one before.

    Args:
        model: a directory, or a name on the Hugging Face hub.
        batch_size: completions decoded together.
        device: e.g. ``cuda:0``; the first GPU if there is one, else the CPU.
        dtype: e.g. ``bfloat16``; as the checkpoint says when None.
        prompting: system turn and prompt template.
        problems: what it will be asked, looked at before the weights are loaded.

    Raises:
        CheckpointError: no such model, or one without weights, tokenizer or end-of-sequence token.
        InputError: problems that cannot be put to it.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        batch_size: int = 32,
        device: str | None = None,
        dtype: str | None = None,
        prompting: Prompting | None = None,
        problems: Sequence[Problem] = (),
    ) -> None:
        import torch

        self.name = str(model)
        self.prompting = prompting or Prompting()
        self._batch_size = max(1, batch_size)
        self._device = device or ("cuda:0" if torch.cuda.is_available() else "cpu")
        folder = model_files(self.name)
        load_config(folder)
        self._tokenizer: Any = load_tokenizer(folder, needs_end=False)
        self._ends = end_tokens(self._tokenizer, folder)
        check_prompts(problems, self._encode)
        self._model = load_causal_lm(whole_model(self.name), dtype=dtype or "auto")
        self._positions: int | None = getattr(self._model.config, "max_position_embeddings", None)
        self._model.to(self._device).eval()

    def generate(
        self, problems: Sequence[Problem], n: int, sampling: Sampling, *, done: Drawn = frozenset()
    ) -> Iterator[Draw]:
        """Draw samples; prompts of like length are decoded together."""
        indices = pass_under_way(problems, n, done)
        items = [SampleRequest(problem, index) for problem in problems for index in indices]
        prompts = {item.problem.id: self._encode(item.problem) for item in items}
        check_lengths(problems, prompts, self._positions)
        items.sort(key=lambda item: len(prompts[item.problem.id]))
        for start in range(0, len(items), self._batch_size):
            batch = items[start : start + self._batch_size]
            if all(item.key in done for item in batch):
                continue
            asked = [prompts[item.problem.id] for item in batch]
            drawn = self._draw(batch, asked, within(sampling, max(map(len, asked)), self._positions))
            yield from (draw for draw in drawn if draw.key not in done)

    def prompt_text(self, problem: Problem) -> str:
        """The text that a completion of ``problem`` continues."""
        if self._tokenizer.chat_template is None:
            return self.prompting.plain(problem, f"the tokenizer of {self.name} has no chat template")
        return fill_template(self._tokenizer, self.prompting.turns(problem))

    def _encode(self, problem: Problem) -> list[int]:
        text, special = self.prompt_text(problem), self._tokenizer.chat_template is None
        ids: list[int] = self._tokenizer(text, add_special_tokens=special)["input_ids"]
        return ids or [self._ends[0]]

    def _draw(
        self, batch: Sequence[SampleRequest], prompts: Sequence[list[int]], sampling: Sampling
    ) -> Iterator[Draw]:
        import torch

        width = max(map(len, prompts))
        pad = self._ends[0]
        ids = torch.tensor(
            [[pad] * (width - len(prompt)) + prompt for prompt in prompts], device=self._device
        )
        mask = torch.tensor(
            [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=self._device
        )
        devices = [torch.device(self._device)] if self._device.startswith("cuda") else []
        with torch.no_grad(), torch.random.fork_rng(devices=devices):
            torch.manual_seed(item_seed(sampling.seed, *batch[0].key))
            try:
                rows = self._model.generate(input_ids=ids, attention_mask=mask, **self._settings(sampling))
            except RuntimeError as error:
                if "probability tensor" not in str(error):
                    raise
                raise CheckpointError(f"{self.name}: computes probabilities that are no numbers") from error
        for item, row in zip(batch, rows[:, width:].tolist(), strict=True):
            yield Draw(item.index, self._completion(item.problem, row, sampling))

    def _settings(self, sampling: Sampling) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "max_new_tokens": sampling.max_tokens,
            "do_sample": sampling.temperature > 0,
            "eos_token_id": self._ends,
            "pad_token_id": self._ends[0],
        }
        if sampling.temperature > 0:
            # top_k is 50 unless it is said otherwise.
            settings |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
            settings |= {"min_p": sampling.min_p} if sampling.min_p > 0 else {}
        return settings

    def _completion(self, problem: Problem, row: list[int], sampling: Sampling) -> Completion:
        end = next((i for i, token in enumerate(row) if token in self._ends), None)
        finished = end is not None
        # Special tokens stay visible, as in the local engine: a format tag may be one.
        text = self._tokenizer.decode(row[:end], skip_special_tokens=False)
        return Completion(problem.id, str(text), sampling.max_tokens if end is None else end + 1, finished)
