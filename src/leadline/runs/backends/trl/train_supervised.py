"""The supervised stage through TRL's SFTTrainer: full, or by LoRA with the adapters saved and merged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import LoraConfig as PeftConfig
from peft import PeftModel
from transformers import PrinterCallback
from trl import SFTTrainer

from leadline.model.codec import Codec
from leadline.model.pretrained import load_causal_lm
from leadline.recipes.schema import Recipe
from leadline.runs.backends.protocol import Stage, StageWriter
from leadline.runs.backends.trl.callback import StageCallback
from leadline.runs.backends.trl.checkpoints import save_checkpoint
from leadline.runs.backends.trl.recipe_step import RecipeOptimiser
from leadline.runs.backends.trl.settings import sft_config
from leadline.runs.backends.trl.train_policy import run_trainer
from leadline.runs.training_data import Material
from leadline.storage.checkpoints import Checkpoints

__all__ = ["train_supervised"]


class _Trainer(RecipeOptimiser, SFTTrainer):  # type: ignore[misc]
    """With the recipe's rates."""


def train_supervised(
    stage: Stage[StageWriter], start: Path, recipe: Recipe, material: Material, codec: Codec
) -> Path:
    """Fine-tune ``start`` on the material's examples; returns the directory of the whole (merged) model.

    Raises:
        Interrupted: a signal came; TRL's checkpoint was saved.
        TrainingError: steps without a finite gradient, one after the other.
    """
    sft = recipe.sft
    checkpoints = Checkpoints(stage.folder, every=sft.checkpoint_every)
    done = checkpoints.latest()
    if done is not None and done.step == sft.steps:
        return done.folder
    examples = example_rows(recipe, material, codec)
    longest = max(map(len, examples["input_ids"]))
    callback = StageCallback(stage, "sft")
    trainer = _Trainer(
        model=str(start),
        args=sft_config(recipe, stage.folder / "trl", row_tokens=longest),
        train_dataset=examples,
        processing_class=codec.tokenizer,
        peft_config=_adapters(recipe) if sft.method == "lora" else None,
        callbacks=[callback],
    )
    trainer.schedule = (sft.optimiser, sft.steps, 1)
    trainer.remove_callback(PrinterCallback)
    callback.trainer = trainer
    run_trainer(trainer, callback, stage, sft.steps)
    if sft.method != "lora":
        return save_checkpoint(trainer, checkpoints, sft.steps, {"method": sft.method})
    adapters = save_checkpoint(trainer, checkpoints, sft.steps, {}, name="adapters")
    if trainer.accelerator.is_main_process:
        checkpoints.save(sft.steps, lambda folder: merge(start, adapters, folder, codec), {"method": "lora"})
    trainer.accelerator.wait_for_everyone()
    return checkpoints.root / f"step-{sft.steps:06d}"


def merge(start: Path, adapters: Path, folder: Path, codec: Codec) -> None:
    """Write ``start`` with the adapters added to its weights. From the disk: in memory they may be sharded."""
    whole = load_causal_lm(start)
    PeftModel.from_pretrained(whole, str(adapters)).merge_and_unload().save_pretrained(folder)
    codec.tokenizer.save_pretrained(folder)


def example_rows(recipe: Recipe, material: Material, codec: Codec) -> Dataset:
    """Prompt and completion tokens of every step, in order; only the completion is learned (label -100 elsewhere)."""
    sft = recipe.sft
    easy = int(sft.easy_share * sft.steps)
    rows: dict[str, list[list[int]]] = {"input_ids": [], "labels": []}
    for step in range(sft.steps):
        pairs = material.examples(step, sft.batch_size, sft.easy_steps if step < easy else None)
        prompts = codec.encode_prompts([problem for problem, _ in pairs])
        completions = codec.encode_completions([text for _, text in pairs])
        for prompt, completion in zip(prompts, completions, strict=True):
            rows["input_ids"].append(prompt + completion)
            rows["labels"].append([-100] * len(prompt) + completion)
    return Dataset.from_dict(rows)


def _adapters(recipe: Recipe) -> Any:
    lora = recipe.sft.lora
    return PeftConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets),
        bias="none",
        task_type="CAUSAL_LM",
    )
