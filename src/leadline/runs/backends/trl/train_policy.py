"""One GRPO arm through TRL: leadline's trainer, fed with the material's problems step by step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from accelerate.utils import gather_object
from datasets import Dataset
from transformers import PrinterCallback

from leadline.errors import Interrupted
from leadline.integrations.trl.trainer import LeadGRPOTrainer
from leadline.model.codec import Codec
from leadline.recipes.schema import PolicyConfig, Recipe
from leadline.rewards import Scorer
from leadline.runs.backends.lifting import lift_of
from leadline.runs.backends.protocol import Stage, StageWriter
from leadline.runs.backends.trl.callback import StageCallback
from leadline.runs.backends.trl.checkpoints import best_so_far, newest, save_checkpoint
from leadline.runs.backends.trl.lifting import Lifting
from leadline.runs.backends.trl.recipe_step import RecipeUpdates, update_order
from leadline.runs.backends.trl.reward_columns import ScoredRewards
from leadline.runs.backends.trl.sampling import evaluation_sampler
from leadline.runs.backends.trl.settings import grpo_config, world
from leadline.runs.training_data import Material
from leadline.storage.checkpoints import Checkpoints
from leadline.types import Problem

__all__ = ["train_policy"]


class _Trainer(Lifting, RecipeUpdates, LeadGRPOTrainer):
    """Writes samples, queues answers to failed problems, and keeps the best model by the validation."""

    scores: ScoredRewards
    stage: Stage[StageWriter]
    samples_every: int
    checkpoints: Checkpoints
    validation: tuple[float, float] | None = None

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        self.scores.begin()
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        step = self._step // self.args.steps_per_generation + 1
        if self.model.training and self.lift is not None:
            self.lift.learn(self.scores.batch.problems, self.scores.batch.scores, step - 1)
        if self.model.training and (step == 1 or step % self.samples_every == 0):
            first = self.accelerator.process_index * len(inputs)
            assert self.lead_batch is not None  # super() made it
            out = self.lead_batch.out
            reward, advantage = (
                values[first : first + len(inputs)].tolist() for values in (out.reward, out.advantage)
            )
            rows = self.scores.sample_rows(reward, advantage)
            rows = gather_object([row | {"arm": self.stage.name, "step": step} for row in rows])
            if self.accelerator.is_main_process:
                self.stage.writer.samples(self.stage.name, f"step-{step:06d}", rows)
        return output

    def problem_at(self, place: int) -> Problem:
        return self.scores.problems[place]

    def in_turn(self, places: list[int]) -> list[int]:
        updates = self.args.steps_per_generation // self.args.gradient_accumulation_steps
        return [places[index] for index in update_order(len(places), updates, self.accelerator.num_processes)]

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        super().log(logs, start_time)
        if "eval_lead/solve_rate" not in logs:
            return
        quality = (float(logs["eval_lead/solve_rate"]), -float(logs["eval_completions/mean_length"]))
        if self.validation is None or quality > self.validation:
            self.validation = quality
            save_checkpoint(self, self.checkpoints, self.state.global_step, {"quality": quality}, name="best")


def train_policy(
    stage: Stage[StageWriter], start: Path, recipe: Recipe, material: Material, codec: Codec
) -> Path:
    """Train ``stage.name`` from the model directory ``start``; returns the directory of the trained model.

    Raises:
        Interrupted: a signal came; TRL's checkpoint was saved.
        TrainingError: steps without a finite gradient, one after the other.
    """
    rl, arm = recipe.rl, recipe.arms[stage.name]
    checkpoints = Checkpoints(stage.folder, rl.keep, rl.checkpoint_every)
    done = checkpoints.latest()
    if done is not None and done.step == rl.steps:
        return done.folder
    problems = step_by_step(material, rl)
    validation = material.validation(rl.validation_problems)
    tokens = max(map(len, codec.encode_prompts([*problems[: rl.prompts], *validation])))
    grader, gap = arm.grader or stage.grader, arm.advantage.margin(rl.group_size)
    with Scorer(arm.rewards, options=arm.reward_options, grader=grader, gap=gap) as scorer:
        scores = ScoredRewards(scorer, codec, [*problems, *validation], arm.rewards)
        more: dict[str, Any] = {} if validation else {"eval_strategy": "no"}
        more |= {"prompt_tokens": tokens, "reward_weights": scores.weights}
        more |= vllm_length(recipe, codec, [*problems, *validation])
        settings = grpo_config(recipe, stage.name, stage.folder / "trl", **more)
        callback = StageCallback(stage, "rl", rl.updates, rl.keep)
        trainer = _Trainer(
            model=str(start),
            reward_funcs=scores.functions,
            args=settings,
            train_dataset=prompt_rows(problems, codec),
            eval_dataset=prompt_rows(validation, codec, first=len(problems)) if validation else None,
            processing_class=codec.tokenizer,
            callbacks=[callback],
            advantage=arm.advantage,
            select=rl.select,
            select_factor=rl.select_factor,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.window.begin(material.known)
        trainer.schedule = (rl.optimiser, rl.steps, rl.updates)
        trainer.scores, trainer.stage, trainer.checkpoints = scores, stage, checkpoints
        trainer.samples_every, trainer.validation = rl.samples_every, best_so_far(checkpoints)
        scores.ends = frozenset([*trainer.eos_token_ids, codec.tokenizer.pad_token_id])
        callback.trainer = trainer
        frozen = partial(evaluation_sampler, start, recipe, trainer.accelerator.device)
        trainer.imitate_with(lift_of(recipe, stage.name, codec, scorer, frozen), rl)
        run_trainer(trainer, callback, stage, rl.steps)
        return save_checkpoint(trainer, checkpoints, rl.steps, {"arm": stage.name})


def vllm_length(recipe: Recipe, codec: Codec, problems: Sequence[Problem]) -> dict[str, int]:
    """Of the longest sequence that vLLM will see: else it wants room for the longest that the model could write."""
    given = recipe.trl.get("grpo") or {}
    if not given.get("use_vllm") or "vllm_max_model_length" in given:
        return {}
    return {"vllm_max_model_length": max(map(len, codec.encode_prompts(problems))) + recipe.rl.max_tokens}


def step_by_step(material: Material, rl: PolicyConfig) -> list[Problem]:
    """The problems of all steps, within a step in the order in which TRL deals them to the processes' updates.

    Where a step's problems are chosen from more (``rl.select``), those that it may ask, in the material's order.
    """
    chosen = rl.select != "none"
    order = range(rl.candidates) if chosen else update_order(rl.prompts, rl.updates, world())
    drawn = [material.train(step, rl.candidates) for step in range(rl.steps)]
    return [step[index] for step in drawn for index in order]


def run_trainer(trainer: Any, callback: StageCallback, stage: Stage[StageWriter], steps: int) -> None:
    """Train from the newest whole checkpoint of TRL, or from the start; the metrics are cut back to it."""
    checkpoint = newest(Path(trainer.args.output_dir))
    step = int(checkpoint.name.rpartition("-")[2]) // callback.updates if checkpoint else 0
    stage.writer.cut_metrics(stage.name, step)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if callback.stopped:
        at = trainer.state.global_step // callback.updates
        raise Interrupted(f"{stage.name}: stopped after step {at} of {steps}; state saved")


def prompt_rows(problems: Sequence[Problem], codec: Codec, first: int = 0) -> Dataset:
    """The data set that TRL sees: prompts as TRL will tokenise them to the codec's tokens, and the problems' places."""
    return Dataset.from_dict(
        {
            "prompt": [codec.turns(p) or codec.prompt_text(p) for p in problems],
            "row": [first + i for i in range(len(problems))],
        }
    )
