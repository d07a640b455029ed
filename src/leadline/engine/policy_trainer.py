"""The reinforcement-learning loop: sample, score, weigh, update, record; and continue where it was stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from leadline.engine.collector import Collector
from leadline.engine.learner import Learner
from leadline.engine.lift import Lift
from leadline.engine.memory import release_freed
from leadline.engine.resumable_loop import Journal, resume, run_steps
from leadline.engine.scored_batch import ScoredBatch, Scores
from leadline.engine.signals import StopRequest
from leadline.engine.step_metrics import Graded, completion_metrics, validation_metrics
from leadline.engine.supervised_trainer import supervised_step
from leadline.errors import CheckpointError
from leadline.grpo.config import AdvantageConfig
from leadline.grpo.weighing import Weigher
from leadline.model import load_decoder, save_decoder
from leadline.model.codec import Codec
from leadline.recipes.schema import PolicyConfig
from leadline.storage.checkpoints import Checkpoint, Checkpoints
from leadline.storage.jsonl import Row
from leadline.storage.step_row import step_row
from leadline.types import Problem

__all__ = ["PolicyTrainer"]


@dataclass
class PolicyTrainer:
    """One arm.

    Attributes:
        arm: its name, in every record.
        seed: of the run; arms of equal seed see the same problems and the same sampling noise.
        learner: model, optimiser, loss.
        codec: prompts to tokens, tokens to texts.
        config: of the stage.
        advantage: of the arm.
        scorer: of the arm.
        problems: the problems of a step.
        validation: problems measured now and then, to keep the best checkpoint; may be empty.
        journal: where metrics and samples go.
        checkpoints: where the state goes.
        on_step: called with every metrics row, for live display.
        lift: answers to problems that no completion got right, which are imitated; None without.
        known: (problem, right, completions) of the model before training, for ``select: window``.
    """

    arm: str
    seed: int
    learner: Learner
    codec: Codec
    config: PolicyConfig
    advantage: AdvantageConfig
    scorer: Scores
    problems: Callable[[int], list[Problem]]
    validation: Sequence[Problem]
    journal: Journal
    checkpoints: Checkpoints
    on_step: Callable[[Row], None] = lambda row: None
    lift: Lift | None = None
    known: Sequence[tuple[Problem, float, float]] = ()
    best: tuple[float, float] | None = field(default=None, init=False)
    weigher: Weigher = field(init=False)
    collector: Collector = field(init=False)

    def __post_init__(self) -> None:
        self.weigher = Weigher(self.advantage)
        self.collector = Collector(
            self.seed, self.learner, self.codec, self.config, self.scorer, self.problems, self.weigher
        )
        self.collector.window.begin(self.known)

    def run(self, interrupts: StopRequest) -> None:
        """Train to ``config.steps``, from the newest checkpoint if there is one.

        Raises:
            Interrupted: a signal came; the state was saved.
            TrainingError: the loss stayed non-finite.
        """
        config = self.config
        start = resume(self.checkpoints, config.steps, self.journal, self._save, self._restore)
        run_steps(
            f"arm {self.arm}",
            start,
            config.steps,
            config.checkpoint_every,
            self._step,
            self._save,
            interrupts,
        )

    def _step(self, step: int) -> None:
        started = time.perf_counter()
        batch = self.collector.collect(step)
        sampled = time.perf_counter()
        rollouts, advantage = batch.to_learn()
        take_part = rollouts.finished if self.config.mask_truncated else torch.ones_like(rollouts.finished)
        update = self.learner.update(rollouts, advantage, take_part, step)
        lifted = self._lift(batch, step)
        release_freed(self.learner.model)
        seconds = time.perf_counter() - started
        graded = Graded.of(
            batch.scores,
            batch.rollouts.finished,
            batch.rollouts.owner,
            texts=[completion.text for completion in batch.completions],
            asked=[problem.prompt for problem in batch.problems],
        )
        tokens = batch.rollouts.lengths.sum()
        numbers = completion_metrics(graded, batch.advantages) | {
            **batch.length_metrics,
            "live_per_ktoken": 1000 * len(set(rollouts.owner[advantage != 0].tolist())) / int(tokens),
            **({} if self.collector.retired is None else {"retired": self.collector.retired}),
            "entropy": float(-batch.rollouts.logprobs.sum() / tokens),
            "loss": update.loss,
            "grad_norm": update.grad_norm,
            "clip_share": update.clip_share,
            "kl": update.kl,
            **update.agreement,
            "computed": update.computed_rows / len(batch.scores),
            **lifted,
            "skipped_steps": update.skipped_steps,
            "tokens_per_second": int(tokens) / seconds,
            "seconds": seconds,
            "sampling_seconds": sampled - started,
        }
        self._record(step_row(self.arm, "rl", step + 1, numbers, parts=graded.parts))
        if (step + 1) % self.config.samples_every == 0 or step == 0:
            self.journal.samples(
                self.arm, f"step-{step + 1:06d}", batch.rows(self.arm, step + 1, self.codec.prompt_text)
            )
        if self.validation and (step + 1) % self.config.validate_every == 0:
            self._validate(step + 1)

    def _lift(self, batch: ScoredBatch, step: int) -> dict[str, int]:
        """One step of imitation when enough answers to failed problems are waiting."""
        if self.lift is None:
            return {}
        self.lift.learn(batch.problems, batch.scores, step)
        due = self.lift.due()
        if due:
            model, optimiser = self.learner.model, self.learner.optimiser
            supervised_step(model, optimiser, due, step=step, micro_tokens=self.config.micro_tokens)
        return {"imitated": len(due)}

    def _validate(self, step: int) -> None:
        """Measure on held-out problems with the same noise every time, and keep the best checkpoint apart."""
        measured = validation_metrics(
            self.learner.model, self.validation, self.codec, self.scorer, self.config, self.seed
        )
        self._record(step_row(self.arm, "valid", step, measured))
        quality = (measured["pass@1"], -measured["mean_tokens"])
        if self.best is None or quality > self.best:
            self.best = quality
            self.checkpoints.save(step, self._write_model, {"quality": list(quality)}, name="best")

    def _record(self, row: Row) -> None:
        self.journal.metric(row)
        self.on_step(row)

    def _write_model(self, folder: Path) -> None:
        save_decoder(self.learner.model, folder, self.codec.tokenizer)

    def _save(self, step: int) -> None:
        def write(folder: Path) -> None:
            self._write_model(folder)
            save_file(self.learner.optimiser.state(), folder / "optimizer.safetensors")

        state = {
            "arm": self.arm,
            "seed": self.seed,
            "threads": torch.get_num_threads(),
            "metrics_offset": self.journal.metrics_offset(),
            "best": list(self.best) if self.best else None,
            "skipped": self.learner.optimiser.skipped,
            "length_controller": self.weigher.saved(),
            "window": self.collector.window.saved(),
            "lift": self.lift.saved() if self.lift else [],
        }
        self.checkpoints.save(step, write, state)

    def _restore(self, checkpoint: Checkpoint) -> None:
        restore(self.learner, checkpoint)
        best = checkpoint.state["best"]
        self.best = (best[0], best[1]) if best else None
        self.collector.window.restore(checkpoint.state.get("window", {}))
        if self.lift:
            self.lift.restore(checkpoint.state.get("lift", []))
        if "length_controller" in checkpoint.state:  # those written before there was one lack it
            self.weigher.restore(checkpoint.state["length_controller"])
        elif self.advantage.remembers:
            raise CheckpointError(f"{checkpoint.folder}: it lacks the length controller's state")


def restore(learner: Learner, checkpoint: Checkpoint) -> None:
    """Put a checkpoint's weights and optimiser state into a learner."""
    learner.model.load_state_dict(load_decoder(checkpoint.folder, device=learner.model.device).state_dict())
    learner.optimiser.load_state(load_file(checkpoint.folder / "optimizer.safetensors"))
    learner.optimiser.skipped = checkpoint.state["skipped"]
