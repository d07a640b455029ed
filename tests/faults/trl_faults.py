"""Faults put into small real runs of TRL's own trainer, with LeadCallback looking on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl import GRPOTrainer

from faults.local_faults import Outcome
from leadline.integrations.trl import LeadCallback
from programs import trl_tiny

FAULTED_STEPS = 10
Reward = Callable[..., list[float | None]]


@dataclass(frozen=True)
class TrlFault:
    """One kind of fault: what differs from a trainer that works."""

    name: str
    named_by: tuple[str, ...]
    rewards: tuple[Reward, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    dataset: Callable[[], Dataset] | None = None
    model: Callable[[Any], None] = lambda model: None


def accuracy(completions: list[str], **_: Any) -> list[float | None]:
    """Right for about a third of the texts."""
    return [float(trl_tiny.number(text) % 3 == 0) for text in completions]


def style(completions: list[str], **_: Any) -> list[float | None]:
    return [float(trl_tiny.number(text) % 10) for text in completions]


def nothing(completions: list[str], **_: Any) -> list[float | None]:
    return [None] * len(completions)


def the_same(completions: list[str], **_: Any) -> list[float | None]:
    return [1.0] * len(completions)


def never_ends(model: Any) -> None:
    """The end of sequence (token 1) has no probability, in generation as in training."""
    model.lm_head.register_forward_hook(
        lambda module, given, logits: logits.index_fill(-1, torch.tensor([1]), -1e4)
    )


def sure_of_itself(model: Any) -> None:
    model.lm_head.register_forward_hook(lambda module, given, logits: 2e4 * logits)


def run_trl(fault: TrlFault, start: Path | None, folder: Path, seed: int = 3) -> Outcome:
    """Ten steps of GRPOTrainer with the fault in; ``start`` is not used: the model is made here."""
    plain = {
        "per_device_train_batch_size": 32, "gradient_accumulation_steps": 1, "num_iterations": 1, "seed": seed,
        "learning_rate": 1e-4, "max_completion_length": 12, "max_steps": FAULTED_STEPS,
    }  # fmt: skip
    settings = trl_tiny.settings(folder, **{**plain, **fault.settings})
    callback = LeadCallback()
    model = trl_tiny.model()
    fault.model(model)
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=list(fault.rewards or (accuracy,)),
        args=settings,
        train_dataset=fault.dataset() if fault.dataset else trl_tiny.prompts(400),
        processing_class=trl_tiny.tokenizer(),
        callbacks=[callback],
    )
    callback.attach(trainer)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return Outcome(
        fault.name, [alarm for alarm in callback.alarms if alarm.check.alarms], 0, trainer.state.global_step
    )


def one_prompt() -> Dataset:
    return Dataset.from_dict({"prompt": ["w1 w2 w3"] * 400})


FAULTS: tuple[TrlFault, ...] = (
    TrlFault("a reward column of None", ("missing_reward",), (accuracy, nothing)),
    TrlFault("the correctness column is None", ("missing_reward",), (nothing, style)),
    TrlFault("a reward that is the same for everybody", ("constant_reward",), (the_same,)),
    TrlFault("cap too small", ("truncation",), settings={"max_completion_length": 2}),
    TrlFault("end of sequence never learned", ("truncation", "no_end", "loops"), model=never_ends),
    TrlFault("one prompt for all groups", ("repeated_prompts",), dataset=one_prompt),
    TrlFault(
        "an epoch of one batch, never shuffled",
        ("repeated_prompts",),
        settings={"shuffle_dataset": False},
        dataset=lambda: trl_tiny.prompts(8),
    ),
    TrlFault(
        "a style reward that outweighs being right",
        ("wrong_pays_more",),
        (accuracy, style),
        {"reward_weights": [1.0, 1.0]},
    ),
    TrlFault("the model is sure of all it says", ("entropy",), model=sure_of_itself),
)
