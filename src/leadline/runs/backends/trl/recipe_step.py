"""What a step is, as the recipe says it, inside TRL's trainers: its rate, its decay, and the rows of each update."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from trl.trainer.utils import split_pixel_values_by_grid, split_tensor_dict, unsplit_pixel_values_by_grid

from leadline.engine.optimiser import share_of_peak
from leadline.integrations.trl.host import Host
from leadline.recipes.schema import OptimiserConfig

__all__ = ["RecipeOptimiser", "RecipeUpdates", "update_order"]

_SCALE = "lead_scale"


class RecipeOptimiser(Host):
    """The local engine's schedule and decay: TRL's first warm-up step has rate 0, and norms would not decay.

    Attributes:
        schedule: optimiser settings, steps of the schedule, and optimiser steps that share one rate.
    """

    schedule: tuple[OptimiserConfig, int, int]

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        config, steps, each = self.schedule
        if self.lr_scheduler is None:
            rate = lambda step: share_of_peak(config, step // each, steps)  # noqa: E731
            self.lr_scheduler = LambdaLR(optimizer or self.optimizer, rate)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def get_decay_parameter_names(self, model: Any) -> list[str]:
        return [name for name, _ in model.named_parameters()]


class RecipeUpdates(RecipeOptimiser):
    """Updates by groups, in order, each with a normaliser of its own.

    TRL shuffles the rows of a generation before it deals them out to the optimiser steps, which splits groups; counts
    the tokens of all steps together; and divides by rows that ``mask_truncated`` keeps out of the loss.
    """

    _lead_ordered: dict[str, Any] | None = None

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        output = super()._generate_and_score_completions(inputs)
        self._lead_ordered = output if self.model.training else None
        return output

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        inputs = super()._prepare_inputs(generation_batch)
        if self._lead_ordered is not None:
            self._buffered_inputs = self._dealt(self._lead_ordered)
            self._lead_ordered = None
            inputs = self._buffered_inputs[self._step % self.args.steps_per_generation]
        return inputs

    def _dealt(self, output: dict[str, Any]) -> list[dict[str, Any]]:
        """The rows in order, a micro-step each; see :func:`update_order` for which groups come together."""
        parts = split_tensor_dict(split_pixel_values_by_grid(output), self.args.steps_per_generation)
        slices = [unsplit_pixel_values_by_grid(part) for part in parts]
        micro = self.args.gradient_accumulation_steps
        updates = len(slices) // micro
        for first in range(0, len(slices), micro):
            update = slices[first : first + micro]
            masks = [part["completion_mask"] * part.get("tool_mask", 1) for part in update]
            kept = [mask.any(1) for mask in masks]
            counted = torch.stack(
                [sum_of(masks), sum_of(kept), sum_of([torch.ones_like(rows) for rows in kept])]
            )
            tokens, rows, whole = self.accelerator.gather(counted[None]).sum(0)
            for part in update:
                part["num_items_in_batch"] = tokens * updates  # TRL takes the share of one update of it
                part[_SCALE] = whole / rows.clamp(min=1)
        return slices

    def _compute_loss(self, model: Any, inputs: Any) -> Any:
        loss = super()._compute_loss(model, inputs)
        # dapo counts tokens, of which masked rows have none
        if _SCALE in inputs and self.args.loss_type != "dapo":
            loss = loss * inputs[_SCALE]
        return loss


def sum_of(tensors: list[Tensor]) -> Tensor:
    """Scalar: the sum over all elements of all tensors."""
    return torch.stack([tensor.sum() for tensor in tensors]).sum()


def update_order(count: int, updates: int, world: int) -> list[int]:
    """In which order ``count`` problems of a step are handed to TRL, so that update u has the u-th part of them.

    TRL gives each process a block of consecutive problems and each update a part of that block. With one update the
    order does not matter, and a problem's group may lie in several processes.

    >>> update_order(8, 2, 2), update_order(1, 1, 2)
    ([0, 1, 4, 5, 2, 3, 6, 7], [0])
    """
    if updates == 1:
        return list(range(count))
    part, share = count // updates, count // updates // world
    return [
        update * part + rank * share + i
        for rank in range(world)
        for update in range(updates)
        for i in range(share)
    ]
