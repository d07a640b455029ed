"""Faults under TRL's own trainer that no check was developed on, with a small model that knows its problems halfway.

The answers (``named_by``) were written down and committed before any of these was run (docs/watch.md has both figures).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from faults.local_faults import Outcome
from faults.unseen_local import CAP, SEED
from leadline.health import Watchdog
from leadline.health.sources.opening import open_records
from leadline.integrations.trl import LeadCallback
from leadline.seeds import python_rng
from leadline.tasks import ChainWorld

STEPS = 10
"""Of the fault."""

Reward = Callable[..., list[float | None]]


@dataclass(frozen=True)
class TrainedFault:
    """One kind of fault of a training that starts from a taught model.

    Attributes:
        name: what is broken.
        named_by: checks any of which is the right first word on it.
        rewards: functions, made anew for every run (some count their calls).
        settings: of ``GRPOConfig``.
        problems: how many different ones there are.
        onset: steps before the fault begins.
    """

    name: str
    named_by: tuple[str, ...]
    rewards: Callable[[], list[Reward]] = lambda: [accuracy]
    settings: Mapping[str, Any] = field(default_factory=dict)
    problems: int = 2000
    onset: int = 0


@dataclass(frozen=True)
class UnseenTrlFault(TrainedFault):
    """One of these.

    Attributes:
        endless: start from the model that was never taught to end.
        breaks: changes the trainer before it trains.
        resumed: the run is stopped at the onset and goes on from a checkpoint; its directory is audited.
    """

    endless: bool = False
    breaks: Callable[[GRPOTrainer], None] = lambda trainer: None
    resumed: bool = False


def run_unseen(fault: UnseenTrlFault, starts: Mapping[str, Path], folder: Path) -> Outcome:
    """Train with the fault in until ten steps after it began."""
    if fault.resumed:
        made(fault, starts, folder, fault.onset).train()
        trainer = made(fault, starts, folder, fault.onset + STEPS)
        trainer.train(resume_from_checkpoint=str(folder / f"checkpoint-{fault.onset}"))
        dog = Watchdog()
        [seen] = open_records(folder).arms.values()
        dog.see_all(seen)
        alarms = dog.alarms
    else:
        trainer = made(fault, starts, folder, fault.onset + STEPS)
        fault.breaks(trainer)
        trainer.train()
        [callback] = [c for c in trainer.callback_handler.callbacks if isinstance(c, LeadCallback)]
        alarms = callback.alarms
    return Outcome(fault.name, [a for a in alarms if a.check.alarms], fault.onset, trainer.state.global_step)


def made(fault: UnseenTrlFault, starts: Mapping[str, Path], folder: Path, steps: int) -> GRPOTrainer:
    """TRL's trainer as anybody would set it up, with the callback."""
    start = starts["endless" if fault.endless else "taught"]
    plain = {
        "output_dir": str(folder), "use_cpu": True, "bf16": False, "gradient_checkpointing": False, "seed": SEED,
        "report_to": [], "disable_tqdm": True, "logging_steps": 1, "save_steps": max(1, fault.onset),
        "save_strategy": "steps" if fault.resumed else "no", "log_completions": fault.resumed,
        "num_completions_to_print": 0, "learning_rate": 1e-4, "max_completion_length": CAP, "num_generations": 6,
        "per_device_train_batch_size": 24, "gradient_accumulation_steps": 2, "max_steps": steps,
    }  # fmt: skip
    callback = LeadCallback()
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(start),
        reward_funcs=fault.rewards(),
        args=GRPOConfig(**{**plain, **fault.settings}),
        train_dataset=problems(fault.problems),
        processing_class=AutoTokenizer.from_pretrained(start, padding_side="left"),
        callbacks=[callback],
    )
    callback.attach(trainer)
    trainer.remove_callback(PrinterCallback)
    return trainer


def problems(count: int) -> Dataset:
    """As many problems of the world that the models were taught, over and over up to two thousand rows."""
    drawn = ChainWorld((2, 4), 0.12, (0.0, 0.3, 1.0)).problems(python_rng(SEED, "unseen"), count, "train")
    rows = [{"prompt": one.prompt, "answer": one.answer} for one in drawn]
    return Dataset.from_list((rows * math.ceil(2000 / count))[:2000])


# --- rewards ----------------------------------------------------------------------------------------------


def accuracy(completions: list[str], answer: list[str], **_: Any) -> list[float | None]:
    return [float(f"<answer>{gold}</answer>" in text) for text, gold in zip(completions, answer, strict=True)]


def from_call(number: int, later: Reward, name: str, before: Reward) -> Reward:
    """A reward that is ``before`` for so many calls, and ``later`` from then on."""
    calls = 0

    def reward(completions: list[str], **columns: Any) -> list[float | None]:
        nonlocal calls
        calls += 1
        return (before if calls <= number else later)(completions, **columns)

    reward.__name__ = name
    return reward


def constant(value: float | None, name: str) -> Reward:
    def reward(completions: list[str], **_: Any) -> list[float | None]:
        return [value] * len(completions)

    reward.__name__ = name
    return reward


def ends_in_digit_above_four(completions: list[str], **_: Any) -> list[float | None]:
    """A point of form that has nothing to do with being right."""
    return [float(any(d in text[-12:] for d in "56789")) for text in completions]


def brevity(completions: list[str], **_: Any) -> list[float | None]:
    return [-0.04 * len(text) for text in completions]


def graded_in_time(completions: list[str], answer: list[str], **_: Any) -> list[float | None]:
    """Accuracy, with None for every third answer: the grader did not come back in time."""
    marks = accuracy(completions, answer)
    return [None if row % 3 == 1 else mark for row, mark in enumerate(marks)]


def never_matches(completions: list[str], answer: list[str], **_: Any) -> list[float | None]:
    """Looks for an answer in a box that this model was never taught to draw."""
    return [float(f"\\boxed{{{gold}}}" in text) for text, gold in zip(completions, answer, strict=True)]


def slow(completions: list[str], **_: Any) -> list[float | None]:
    time.sleep(8)
    return [0.0] * len(completions)


# --- what is broken ---------------------------------------------------------------------------------------


def warm_log_probs(trainer: GRPOTrainer) -> None:
    """Old log-probabilities are of another temperature than those they are compared with."""
    plain = trainer._get_per_token_logps_and_entropies

    def rated(*given: Any, **more: Any) -> Any:
        logps, *others = plain(*given, **more)
        return (logps if torch.is_grad_enabled() else 1.6 * logps, *others)

    trainer._get_per_token_logps_and_entropies = rated


def random_reference(trainer: GRPOTrainer) -> None:
    torch.manual_seed(1)
    for weight in trainer.ref_model.parameters():
        if weight.dim() > 1:
            weight.data = torch.randn_like(weight) * weight.std()


FAULTS: tuple[UnseenTrlFault, ...] = (
    UnseenTrlFault(
        "old log-probs of another temperature",
        ("sampler_mismatch",),
        settings={"num_iterations": 2},
        breaks=warm_log_probs,
    ),
    UnseenTrlFault(
        "a column becomes NaN",
        ("missing_reward",),
        lambda: [accuracy, from_call(3, constant(math.nan, ""), "style", ends_in_digit_above_four)],
        onset=3,
    ),
    UnseenTrlFault(
        "a third of the answers is not graded in time",
        ("unscorable", "grader_gave_up"),
        lambda: [from_call(2, graded_in_time, "accuracy", accuracy)],
        onset=2,
    ),
    UnseenTrlFault(
        "brevity outweighs being right", ("wrong_pays_more", "length_pull"), lambda: [accuracy, brevity]
    ),
    UnseenTrlFault(
        "a point of form outweighs being right",
        ("wrong_pays_more",),
        lambda: [accuracy, ends_in_digit_above_four],
        {"reward_weights": [0.3, 1.0]},
    ),
    UnseenTrlFault(
        "the weight of accuracy has the wrong sign", ("wrong_pays_more",), settings={"reward_weights": [-1.0]}
    ),
    UnseenTrlFault(
        "the parser looks for another format",
        ("constant_reward",),
        lambda: [never_matches, constant(1.0, "format")],
    ),
    UnseenTrlFault(
        "the reward service falls back to a half for everybody",
        ("constant_reward",),
        lambda: [from_call(4, constant(0.5, ""), "accuracy", accuracy)],
        onset=4,
    ),
    UnseenTrlFault("cap of 20 tokens", ("truncation",), settings={"max_completion_length": 20}),
    UnseenTrlFault("end of sequence left out of the supervised loss", ("no_end",), endless=True),
    UnseenTrlFault("three problems over and over", ("repeated_prompts",), problems=3),
    UnseenTrlFault(
        "a resume that starts the data over",
        ("repeated_prompts",),
        settings={"ignore_data_skip": True},
        onset=6,
        resumed=True,
    ),
    UnseenTrlFault(
        "learning rate two hundred times too high",
        ("accuracy_fall", "entropy", "skipped_steps", "kl"),
        settings={"learning_rate": 2e-2, "lr_scheduler_type": "constant"},
    ),
    UnseenTrlFault(
        "a reference with random weights", ("kl",), settings={"beta": 0.04}, breaks=random_reference
    ),
    UnseenTrlFault(
        "a clip of 2% with four iterations a batch",
        ("clip_fraction",),
        settings={"num_iterations": 4, "epsilon": 0.02, "learning_rate": 1e-3},
    ),
    UnseenTrlFault("repetition is encouraged", ("loops",), settings={"repetition_penalty": 0.4}),
    UnseenTrlFault("sampled greedily (top_k = 1)", ("entropy", "sampler_mismatch"), settings={"top_k": 1}),
    UnseenTrlFault(
        "the grader takes eight seconds longer",
        ("throughput",),
        lambda: [accuracy, from_call(4, slow, "judge", constant(0.0, ""))],
        onset=4,
    ),
)
