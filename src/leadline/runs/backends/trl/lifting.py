"""An arm's ``lift`` inside TRL's trainer: answers to failed problems are imitated between two steps of the policy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F
from transformers import TrainerCallback

from leadline.engine.lift import Lift
from leadline.engine.supervised_trainer import Example, example_batches, padded_examples
from leadline.errors import CheckpointError
from leadline.integrations.trl.host import Host
from leadline.recipes.schema import PolicyConfig, Recipe
from leadline.runs.backends.translation import Line

__all__ = ["Lifting", "lift_line"]

_FILE = "leadline_lift.json"


def lift_line(recipe: Recipe, name: str, world: int) -> Line:
    """What the table of backend ``trl`` says of it."""
    given = recipe.trl.get("grpo")
    sharded = isinstance(given, Mapping) and bool({"deepspeed", "fsdp"} & given.keys())
    lift, refused = recipe.arms[name].lift, None
    if lift != "none" and (world > 1 or sharded):
        refused = (
            "the step of imitation runs in one process, without DeepSpeed and FSDP; or use backend local"
        )
    elif ":" in lift and isinstance(given, Mapping) and given.get("use_vllm"):
        refused = "the model that composes is sampled beside the trainer: leave out trl.grpo.use_vllm"
    return Line(f"arms.{name}.lift", refused=refused)


class Lifting(Host):
    """Put it before a ``GRPOTrainer``, and call :meth:`imitate_with`. The queue is part of its checkpoints.

    Attributes:
        lift: the queue; None where the arm imitates nothing.
        lift_micro_tokens: padded tokens a micro-batch of imitation.
        imitated: how many answers the last step imitated.
    """

    lift: Lift | None = None
    lift_micro_tokens: int = 1
    imitated: int = 0

    def imitate_with(self, lift: Lift | None, rl: PolicyConfig) -> None:
        """Imitate what waits in ``lift`` behind every step of the recipe; nothing happens without one."""
        self.lift, self.lift_micro_tokens = lift, rl.micro_tokens
        if lift is not None:
            self.add_callback(_LiftCallback(self, rl.updates))

    def imitate_due(self) -> None:
        """One optimiser step on the waiting answers, at the rate of the policy's update before it."""
        due = self.lift.due() if self.lift else []
        self.imitated = len(due)
        if not due:
            return
        self.optimizer.zero_grad()  # of the update, which is over
        total = sum(len(example.completion) for example in due)
        for batch in example_batches(due, self.lift_micro_tokens):
            with self.compute_loss_context_manager():
                loss = -self._lead_likelihood(batch) / total
            loss.backward()  # type: ignore[no-untyped-call]
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.args.max_grad_norm)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
        self.optimizer.zero_grad()

    def _lead_likelihood(self, batch: Sequence[Example]) -> torch.Tensor:
        """Summed log-probability of the completions' tokens."""
        tokens, target = (tensor.to(self.accelerator.device) for tensor in padded_examples(batch))
        sizes = torch.tensor([len(example.prompt) + len(example.completion) for example in batch])
        real = torch.arange(tokens.shape[1]) < sizes[:, None]
        logits = self.model(input_ids=tokens, attention_mask=real.long().to(tokens.device)).logits[:, :-1]
        return -F.cross_entropy(logits[target].float(), tokens[:, 1:][target], reduction="sum")

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        if self.lift is not None:
            (Path(output_dir) / _FILE).write_text(json.dumps(self.lift.saved()) + "\n", encoding="utf-8")

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None or self.lift is None:
            return
        try:
            self.lift.restore(json.loads((Path(checkpoint) / _FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as fault:
            raise CheckpointError(f"{checkpoint}: it lacks the answers that wait for imitation") from fault


class _LiftCallback(TrainerCallback):  # type: ignore[misc]
    """Imitates behind the last update of a step, before the rate moves on and the checkpoint is written.

    Args:
        trainer: with :class:`Lifting`.
        updates: optimiser steps a step.
    """

    def __init__(self, trainer: Any, updates: int) -> None:
        self.trainer, self.updates = trainer, updates

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if (state.global_step + 1) % self.updates == 0:
            self.trainer.imitate_due()
