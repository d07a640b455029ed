"""Ten more faults under TRL's trainers that no check was developed on.

The answers (``named_by``) were written down and committed before any of these was run (docs/watch.md has the figure).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from faults.fresh_local import CAP, SEED
from faults.local_faults import Outcome
from faults.unseen_trl import STEPS, TrainedFault, accuracy, from_call
from leadline.grpo.config import AdvantageConfig
from leadline.integrations.trl import LeadCallback, LeadGRPOTrainer
from leadline.seeds import python_rng
from leadline.tasks import ChainWorld


@dataclass(frozen=True)
class FreshTrlFault(TrainedFault):
    """One of these.

    Attributes:
        advantage: of ``LeadGRPOTrainer``; None for TRL's own trainer.
        breaks: changes the trainer before it trains; gets the directory of the model that it started from.
    """

    problems: int = 1200
    advantage: AdvantageConfig | None = None
    breaks: Callable[[GRPOTrainer, Path], None] = lambda trainer, start: None


def run_fresh(fault: FreshTrlFault, start: Path, folder: Path) -> Outcome:
    """Train with the fault in until ten steps after it began."""
    trainer = made(fault, start, folder)
    fault.breaks(trainer, start)
    trainer.train()
    [callback] = [c for c in trainer.callback_handler.callbacks if isinstance(c, LeadCallback)]
    alarms = [alarm for alarm in callback.alarms if alarm.check.alarms]
    return Outcome(fault.name, alarms, fault.onset, trainer.state.global_step)


def made(fault: FreshTrlFault, start: Path, folder: Path) -> GRPOTrainer:
    """A trainer as anybody would set it up, with the callback."""
    plain = {
        "output_dir": str(folder), "use_cpu": True, "bf16": False, "gradient_checkpointing": False, "seed": SEED,
        "report_to": [], "disable_tqdm": True, "logging_steps": 1, "save_strategy": "no", "learning_rate": 2e-4,
        "max_completion_length": CAP, "num_generations": 4, "per_device_train_batch_size": 16,
        "gradient_accumulation_steps": 3, "loss_type": "dr_grpo", "scale_rewards": False,
        "max_steps": fault.onset + STEPS,
    }  # fmt: skip
    callback = LeadCallback()
    parts = {
        "model": AutoModelForCausalLM.from_pretrained(start),
        "reward_funcs": fault.rewards(),
        "args": GRPOConfig(**{**plain, **fault.settings}),
        "train_dataset": problems(fault.problems),
        "processing_class": AutoTokenizer.from_pretrained(start, padding_side="left"),
        "callbacks": [callback],
    }
    if fault.advantage is not None:
        trainer = LeadGRPOTrainer(advantage=fault.advantage, **parts)
    else:
        trainer = GRPOTrainer(**parts)
        callback.attach(trainer)
    trainer.remove_callback(PrinterCallback)
    return trainer


def problems(count: int) -> Dataset:
    """As many problems of the world that the model was taught, over and over up to 1,200 rows."""
    drawn = ChainWorld((1, 3), 0.2, (0.0, 1.0)).problems(python_rng(SEED, "fresh"), count, "train")
    rows = [{"prompt": one.prompt, "answer": one.answer} for one in drawn]
    return Dataset.from_list((rows * (1200 // count + 1))[:1200])


# --- what is broken ---------------------------------------------------------------------------------------


def always_right(completions: list[str], **_: Any) -> list[float | None]:
    """Looks for an empty string."""
    return [float("" in text) for text in completions]


always_right.__name__ = "accuracy"


def against_another_row(completions: list[str], answer: list[str], **_: Any) -> list[float | None]:
    """The reference answers came in another order."""
    return accuracy(completions, answer[::-1])


against_another_row.__name__ = "accuracy"


def words(completions: list[str], **_: Any) -> list[float | None]:
    """A tenth for every word."""
    return [0.1 * len(text.split()) for text in completions]


def half_trained_reference(trainer: GRPOTrainer, start: Path) -> None:
    early = AutoModelForCausalLM.from_pretrained(start.parent / "step-000120")
    trainer.ref_model.load_state_dict(early.state_dict())


FAULTS: tuple[FreshTrlFault, ...] = (
    FreshTrlFault("correctness looks for an empty string", ("constant_reward",), lambda: [always_right]),
    FreshTrlFault(
        "reference answers come in another order",
        ("constant_reward", "zero_variance"),
        lambda: [from_call(2, against_another_row, "accuracy", accuracy)],
        onset=2,
    ),
    FreshTrlFault("a tenth for every word", ("wrong_pays_more",), lambda: [accuracy, words]),
    FreshTrlFault("a data set of five rows", ("repeated_prompts",), problems=5),
    FreshTrlFault(
        "eight iterations a batch at fifteen times the learning rate",
        ("clip_fraction",),
        settings={"num_iterations": 8, "learning_rate": 3e-3, "lr_scheduler_type": "constant"},
    ),
    FreshTrlFault("temperature of a tenth", ("entropy",), settings={"temperature": 0.1}),
    FreshTrlFault("cap of 12 tokens", ("truncation",), settings={"max_completion_length": 12}),
    FreshTrlFault(
        "the reference is a checkpoint from the middle of supervised training",
        ("kl",),
        settings={"beta": 0.02},
        breaks=half_trained_reference,
    ),
    FreshTrlFault(
        "a length term sixty times too strong",
        ("length_pull", "wrong_pays_more"),
        advantage=AdvantageConfig.lead().replace(length_alpha=3.0),
    ),
    FreshTrlFault(
        "generation may not end before the cap",
        ("no_end",),
        settings={"generation_kwargs": {"min_new_tokens": CAP}},
    ),
)
