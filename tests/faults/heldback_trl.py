"""Ten faults under TRL's trainers that were held back until the checks were done, on the model of ``heldback_local``.

The answers (``named_by``) were written down and committed before any of these was run (docs/watch.md has the figure).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from trl import GRPOTrainer

from faults.fresh_trl import FreshTrlFault
from faults.fresh_trl import run_fresh as run_heldback
from faults.unseen_trl import accuracy, brevity, constant, from_call
from leadline.grpo.config import AdvantageConfig

__all__ = ["FAULTS", "run_heldback"]


def noisy_reference(trainer: GRPOTrainer, start: Path) -> None:
    generator = torch.Generator().manual_seed(11)
    for weight in trainer.ref_model.parameters():
        weight.data += 0.7 * torch.randn(weight.shape, generator=generator) * weight.std()


def without_an_end(trainer: GRPOTrainer, start: Path) -> None:
    """The end of sequence has no probability, in generation as in training."""
    end = torch.tensor([trainer.processing_class.eos_token_id])

    def hook(module: Any, given: Any, logits: torch.Tensor) -> torch.Tensor:
        return logits.index_fill(-1, end, -1e4)

    trainer.model.lm_head.register_forward_hook(hook)


FAULTS: tuple[FreshTrlFault, ...] = (
    FreshTrlFault(
        "correctness is NaN from the second step on",
        ("missing_reward", "unscorable"),
        lambda: [from_call(2, constant(math.nan, ""), "accuracy", accuracy)],
        onset=2,
    ),
    FreshTrlFault(
        "the reward service says 0.3 for everybody",
        ("constant_reward",),
        lambda: [from_call(4, constant(0.3, ""), "accuracy", accuracy)],
        onset=4,
    ),
    FreshTrlFault(
        "brevity outweighs being right", ("wrong_pays_more", "length_pull"), lambda: [accuracy, brevity]
    ),
    FreshTrlFault("a data set of four problems", ("repeated_prompts",), problems=4),
    FreshTrlFault(
        "a reference that is mostly noise", ("kl",), settings={"beta": 0.04}, breaks=noisy_reference
    ),
    FreshTrlFault("temperature of 0.05", ("entropy",), settings={"temperature": 0.05}),
    FreshTrlFault("cap of 18 tokens", ("truncation",), settings={"max_completion_length": 18}),
    FreshTrlFault("the end of sequence is masked", ("no_end",), breaks=without_an_end),
    FreshTrlFault(
        "learning rate a hundred times too high",
        ("accuracy_fall", "entropy", "skipped_steps", "kl"),
        settings={"learning_rate": 2e-2, "lr_scheduler_type": "constant"},
    ),
    FreshTrlFault(
        "LEAD's length term thirty times too strong",
        ("length_pull", "wrong_pays_more"),
        advantage=AdvantageConfig.lead().replace(length_alpha=1.5),
    ),
)
