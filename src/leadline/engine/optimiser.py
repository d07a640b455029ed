"""The optimiser of a stage: parameter groups, learning-rate schedule, gradient clipping, and the guard against NaN."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from leadline.errors import CheckpointError, TrainingError
from leadline.recipes.schema import OptimiserConfig

__all__ = ["Optimiser", "StepOutcome", "share_of_peak"]

_FAULTS_IN_A_ROW = 3
_MASTER = "master"


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What one step did: the gradient's norm before clipping, and whether the step was skipped as not finite."""

    grad_norm: float
    skipped: bool


def share_of_peak(config: OptimiserConfig, step: int, steps: int) -> float:
    """Share of the peak rate at ``step`` (0-based) of ``steps``: linear warm-up, then the decay down to its floor."""
    warmup = config.warmup * steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1.0, steps - warmup)
    floor = config.floor
    if config.decay == "cosine":
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))
    if config.decay == "linear":
        return floor + (1 - floor) * (1 - progress)
    return 1.0


class Optimiser:
    """AdamW, or Muon on the hidden matrices with AdamW on the rest (which learns small models about twice as fast).

    Parameters of fewer bits (bfloat16 on a GPU) have a float32 master each: gradients are summed there, the
    optimiser moves it, and the parameter is its rounded copy. A step of 1e-6 would be lost in bfloat16's 8 bits.

    Args:
        parameters: (name, parameter) pairs; those that need no gradient are left alone.
        config: settings; the learning rate follows its schedule over ``steps``.
        steps: length of the schedule.
        scale: factor on every learning rate, for arms that differ in nothing else.
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, nn.Parameter]],
        config: OptimiserConfig,
        steps: int,
        scale: float = 1.0,
    ) -> None:
        self.config, self.steps, self.scale = config, steps, scale
        self.parameters = {name: p for name, p in parameters if p.requires_grad}
        self._masters = {
            name: nn.Parameter(p.detach().float())
            for name, p in self.parameters.items()
            if p.dtype.itemsize < torch.float32.itemsize
        }
        self._moved = self.parameters | self._masters
        self.skipped = 0
        self._in_a_row = 0
        matrices = [
            n for n, p in self.parameters.items() if config.name == "muon" and _is_hidden_matrix(n, p)
        ]
        rest = [n for n in self.parameters if n not in set(matrices)]
        self._parts: list[tuple[torch.optim.Optimizer, float]] = []
        if rest:
            adamw = torch.optim.AdamW(
                [self._moved[n] for n in rest],
                betas=config.betas,
                eps=config.eps,
                weight_decay=config.weight_decay,
                fused=True,
            )
            self._parts.append((adamw, config.learning_rate))
        if matrices:
            muon = torch.optim.Muon(
                [self._moved[n] for n in matrices], momentum=0.95, weight_decay=config.weight_decay
            )
            self._parts.append((muon, config.muon_learning_rate))

    def learning_rate(self, step: int) -> float:
        """Share of the peak rate at ``step`` (0-based)."""
        return share_of_peak(self.config, step, self.steps)

    def collect(self) -> None:
        """Take the gradients of one micro-batch over into the masters; nothing to do where there are none."""
        for name, master in self._masters.items():
            grad, self.parameters[name].grad = self.parameters[name].grad, None
            if grad is not None:
                master.grad = grad.float() if master.grad is None else master.grad.add_(grad)

    def gradients(self) -> dict[str, Tensor]:
        """The gradients that :meth:`step` would apply, in float32, of the parameters that have one."""
        self.collect()
        return {name: p.grad for name, p in self._moved.items() if p.grad is not None}

    def step(self, step: int, loss: float) -> StepOutcome:
        """Apply the accumulated gradients, unless loss or gradient is not finite; clears them either way.

        Raises:
            TrainingError: three steps in a row were not finite.
        """
        self.collect()
        norm = float(nn.utils.clip_grad_norm_(self._moved.values(), self.config.max_grad_norm))
        finite = math.isfinite(norm) and math.isfinite(loss)
        if finite:
            self._in_a_row = 0
            share = self.learning_rate(step) * self.scale
            for optimizer, peak in self._parts:
                for group in optimizer.param_groups:
                    group["lr"] = peak * share
                optimizer.step()
            self._round()
        else:
            self.skipped += 1
            self._in_a_row += 1
        for parameter in self._moved.values():
            parameter.grad = None
        if self._in_a_row == _FAULTS_IN_A_ROW:
            raise TrainingError(
                f"step {step}: loss or gradient was not finite {_FAULTS_IN_A_ROW} times in a row "
                f"(loss {loss}, gradient norm {norm}); the last good checkpoint is kept"
            )
        return StepOutcome(norm, not finite)

    def state(self) -> dict[str, Tensor]:
        """Everything the optimiser remembers, as named tensors: ``<parameter>|<what>``."""
        names = {id(parameter): name for name, parameter in self._moved.items()}
        masters = {f"{name}|{_MASTER}": master.detach() for name, master in self._masters.items()}
        return masters | {
            f"{names[id(parameter)]}|{key}": torch.as_tensor(value)
            for optimizer, _ in self._parts
            for parameter, values in optimizer.state.items()
            for key, value in values.items()
        }

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what :meth:`state` gave.

        Raises:
            CheckpointError: the tensors belong to other parameters.
        """
        owner = {
            name: optimizer
            for name, parameter in self._moved.items()
            for optimizer, _ in self._parts
            if any(parameter is p for group in optimizer.param_groups for p in group["params"])
        }
        for full, tensor in tensors.items():
            name, _, key = full.rpartition("|")
            if name not in owner:
                raise CheckpointError(f"optimizer state: {name} is not a parameter of this stage")
            if key == _MASTER and name in self._masters:
                self._masters[name].detach().copy_(tensor)
            else:
                owner[name].state[self._moved[name]][key] = tensor.clone()
        self._round()

    @torch.no_grad()
    def _round(self) -> None:
        """Make the parameters the rounded copies of their masters."""
        if self._masters:
            torch._foreach_copy_(
                [self.parameters[name] for name in self._masters], list(self._masters.values())
            )


def _is_hidden_matrix(name: str, parameter: Tensor) -> bool:
    """Muon is made for matrices between hidden layers, not for embeddings and the output matrix."""
    return parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
