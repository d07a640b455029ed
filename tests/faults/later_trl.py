"""Ten faults under TRL's trainers, written after the checks were last mended, on the model of ``later_local``.

The answers (``named_by``) were written down and committed before any of these was run (docs/watch.md has the figure).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from trl import GRPOTrainer

from faults.fresh_trl import FreshTrlFault
from faults.fresh_trl import run_fresh as run_later
from faults.unseen_trl import accuracy, constant, from_call
from leadline.grpo.config import AdvantageConfig

__all__ = ["FAULTS", "run_later"]


def nothing(completions: list[str], **_: Any) -> list[float | None]:
    return [None] * len(completions)


def busy(completions: list[str], **row: Any) -> list[float | None]:
    """Two in five of the answers come back without a verdict."""
    return [None if i % 5 < 2 else value for i, value in enumerate(accuracy(completions, **row))]


busy.__name__ = "accuracy"


def exclamations(completions: list[str], **_: Any) -> list[float | None]:
    """Pays twice as much as being right for an answer whose text has an odd number of characters."""
    return [2.0 * (len(text) % 2) for text in completions]


def noisy_reference(trainer: GRPOTrainer, start: Path) -> None:
    generator = torch.Generator().manual_seed(5)
    for weight in trainer.ref_model.parameters():
        weight.data += 0.5 * torch.randn(weight.shape, generator=generator) * weight.std()


FAULTS: tuple[FreshTrlFault, ...] = (
    FreshTrlFault(
        "a column is None from the third step on",
        ("missing_reward",),
        lambda: [accuracy, from_call(3, nothing, "style", constant(0.5, "style"))],
        onset=3,
    ),
    FreshTrlFault(
        "two answers in five come back without a verdict",
        ("unscorable", "grader_gave_up"),
        lambda: [from_call(2, busy, "accuracy", accuracy)],
        onset=2,
    ),
    FreshTrlFault(
        "a point of form worth two right answers", ("wrong_pays_more",), lambda: [accuracy, exclamations]
    ),
    FreshTrlFault("a data set of two problems", ("repeated_prompts",), problems=2),
    FreshTrlFault(
        "six iterations a batch at twenty times the learning rate",
        ("clip_fraction", "accuracy_fall"),
        settings={"num_iterations": 6, "learning_rate": 4e-3, "lr_scheduler_type": "constant"},
    ),
    FreshTrlFault("temperature of 0.15", ("entropy",), settings={"temperature": 0.15}),
    FreshTrlFault("cap of 15 tokens", ("truncation",), settings={"max_completion_length": 15}),
    FreshTrlFault(
        "a reference with noise in its weights", ("kl",), settings={"beta": 0.03}, breaks=noisy_reference
    ),
    FreshTrlFault(
        "LEAD's length term forty times too strong",
        ("length_pull", "wrong_pays_more"),
        advantage=AdvantageConfig.lead().replace(length_alpha=2.0),
    ),
    FreshTrlFault(
        "learning rate a hundred times too high",
        ("accuracy_fall", "entropy", "skipped_steps", "kl"),
        settings={"learning_rate": 2e-2, "lr_scheduler_type": "constant"},
    ),
)
