"""Supervised fine-tuning: the log-likelihood of completions, prompts masked out; full or by low-rank adapters."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from leadline.engine.lora import Lora
from leadline.engine.optimiser import Optimiser, StepOutcome
from leadline.engine.resumable_loop import Journal, resume, run_steps
from leadline.engine.signals import StopRequest
from leadline.model import Decoder, load_decoder, save_decoder, selected_logprobs
from leadline.model.codec import Codec
from leadline.recipes.schema import SupervisedConfig
from leadline.storage.checkpoints import Checkpoint, Checkpoints
from leadline.storage.jsonl import Row
from leadline.storage.step_row import step_row
from leadline.types import Problem

__all__ = ["Example", "SupervisedTrainer", "example_batches", "padded_examples", "supervised_step"]


class Example(NamedTuple):
    """Token ids of a prompt and of the completion to learn, end-of-sequence included."""

    prompt: list[int]
    completion: list[int]


def supervised_step(
    model: Decoder, optimiser: Optimiser, examples: Sequence[Example], *, step: int, micro_tokens: int
) -> tuple[float, StepOutcome]:
    """One optimiser step on the mean negative log-likelihood a completion token; returns it with the step's outcome."""
    total = sum(len(example.completion) for example in examples)
    loss = 0.0
    for batch in example_batches(examples, micro_tokens):
        share = -_log_likelihood(model, batch) / total
        share.backward()  # type: ignore[no-untyped-call]
        loss += float(share.detach())
    return loss, optimiser.step(step, loss)


def example_batches(examples: Sequence[Example], budget: int) -> list[list[Example]]:
    """Sorted by length, at most ``budget`` padded tokens each: neighbours are of like length, so few are pads."""
    batches: list[list[Example]] = []
    for example in sorted(examples, key=_size, reverse=True):
        if (
            not batches
            or (len(batches[-1]) + 1) * _size(batches[-1][0]) > budget
            or _wasteful(batches[-1], example)
        ):
            batches.append([])
        batches[-1].append(example)
    return batches


def _wasteful(batch: Sequence[Example], example: Example) -> bool:
    """A row under two thirds of the longest would be mostly pads; a batch of 16 rows keeps the matrix product busy."""
    return len(batch) >= 16 and _size(example) * 3 < _size(batch[0]) * 2


def _size(example: Example) -> int:
    return len(example.prompt) + len(example.completion)


def padded_examples(batch: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Tokens ``[N, T]`` with pads behind, and which of the last T - 1 of each row are to be learned."""
    width = max(map(_size, batch))
    tokens = torch.zeros(len(batch), width, dtype=torch.long)
    target = torch.zeros(len(batch), width - 1, dtype=torch.bool)
    for row, (prompt, completion) in enumerate(batch):
        tokens[row, : len(prompt) + len(completion)] = torch.tensor(prompt + completion)
        target[row, len(prompt) - 1 : len(prompt) + len(completion) - 1] = True
    return tokens, target


def _log_likelihood(model: Decoder, batch: Sequence[Example]) -> Tensor:
    """Summed log-probability of a micro-batch's completion tokens; pads stand behind, where causality hides them."""
    tokens, target = (tensor.to(model.device) for tensor in padded_examples(batch))
    hidden, _ = model(tokens[:, :-1])
    return selected_logprobs(hidden[target], model.lm_head.weight, tokens[:, 1:][target]).sum()


@dataclass
class SupervisedTrainer:
    """The supervised stage.

    Attributes:
        model: the decoder; with ``lora`` its adapters are in place already.
        optimiser: of the parameters that are trained.
        lora: the adapters, or None for full fine-tuning.
        codec: texts to tokens.
        config: of the stage.
        examples: (problem, completion) pairs of a step.
        journal, checkpoints, on_step: as in the policy stage.
    """

    model: Decoder
    optimiser: Optimiser
    lora: Lora | None
    codec: Codec
    config: SupervisedConfig
    examples: Callable[[int], Sequence[tuple[Problem, str]]]
    journal: Journal
    checkpoints: Checkpoints
    on_step: Callable[[Row], None] = lambda row: None

    def run(self, interrupts: StopRequest) -> None:
        """Train to ``config.steps``, from the newest checkpoint if there is one.

        Raises:
            Interrupted: a signal came; the state was saved.
            TrainingError: the loss stayed non-finite.
        """
        config = self.config
        start = resume(self.checkpoints, config.steps, self.journal, self._save, self._restore)
        run_steps("sft", start, config.steps, config.checkpoint_every, self._step, self._save, interrupts)

    def _step(self, step: int) -> None:
        started = time.perf_counter()
        pairs = self.examples(step)
        prompts = self.codec.encode_prompts([problem for problem, _ in pairs])
        completions = self.codec.encode_completions([text for _, text in pairs])
        batch = [Example(*pair) for pair in zip(prompts, completions, strict=True)]
        loss, outcome = supervised_step(
            self.model, self.optimiser, batch, step=step, micro_tokens=self.config.micro_tokens
        )
        seconds = time.perf_counter() - started
        numbers = {
            "loss": loss,
            "grad_norm": outcome.grad_norm,
            "skipped_steps": int(outcome.skipped),
            "tokens_per_second": sum(map(_size, batch)) / seconds,
            "seconds": seconds,
        }
        row = step_row("sft", "sft", step + 1, numbers)
        self.journal.metric(row)
        self.on_step(row)

    def _save(self, step: int) -> None:
        def write(folder: Path) -> None:
            if self.lora is not None:
                self.lora.save(folder)
            else:
                save_decoder(self.model, folder, self.codec.tokenizer)
            save_file(self.optimiser.state(), folder / "optimizer.safetensors")

        state = {
            "metrics_offset": self.journal.metrics_offset(),
            "threads": torch.get_num_threads(),
            "skipped": self.optimiser.skipped,
        }
        self.checkpoints.save(step, write, state)

    def _restore(self, checkpoint: Checkpoint) -> None:
        if self.lora is not None:
            self.lora.load(checkpoint.folder)
        else:
            self.model.load_state_dict(load_decoder(checkpoint.folder, device=self.model.device).state_dict())
        self.optimiser.load_state(load_file(checkpoint.folder / "optimizer.safetensors"))
        self.optimiser.skipped = checkpoint.state["skipped"]
