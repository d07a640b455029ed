"""Exact resume for TRL's GRPOTrainer: the right prompts in epoch 2, and the rollouts of a cycle that was cut in two.

TRL 1.16 does neither by itself. Its sampler draws a new permutation every epoch from a generator that a
new process starts from the seed again, so that a resume in epoch 2 replays the order of epoch 1. And one
generation batch serves ``steps_per_generation * num_iterations`` micro-steps: a checkpoint between them
loses the completions, generates new ones at the wrong moment, and from then on every generation comes at
the wrong step.

Beside each checkpoint this writes, next to the random states, ``leadline_trl.json`` and, when the cycle
is not over, ``leadline_rollouts_<rank>.safetensors``.
"""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from leadline.errors import CheckpointError
from leadline.integrations.trl.host import Host
from leadline.integrations.trl.mixin import fingerprint

__all__ = ["STATE_FILE", "ResumeMixin", "ResumeWarning"]

STATE_FILE = "leadline_trl.json"


class ResumeWarning(UserWarning):
    """Checkpoints will be saved that cannot be gone on from."""


class ResumeMixin(Host):
    """Put it before a ``GRPOTrainer``: checkpoints then resume exactly, or are refused with the reason.

    Refused: checkpoints without this state or with files lost, another number of processes, batch shape, data set size
    or seed, streamed data sets, ``ignore_data_skip``, ``sync_ref_model`` (TRL does not save the reference model
    that it moves), and weights that the model does not load under their names.

    Warns:
        ResumeWarning: at the start, where checkpoints are going to be saved that will be refused.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reasons = self._lead_hindrances()
        if reasons and str(getattr(self.args.save_strategy, "value", self.args.save_strategy)) != "no":
            warnings.warn(
                f"checkpoints of this run cannot be resumed from: {'; '.join(reasons)}",
                ResumeWarning,
                stacklevel=2,
            )

    def _lead_hindrances(self) -> list[str]:
        """What will keep any checkpoint of this trainer from being resumed."""
        sized = hasattr(self.train_dataset, "__len__") and hasattr(self.train_dataset, "select")
        moving = getattr(self.args, "sync_ref_model", False)
        reasons = {
            "the data set is streamed: its position cannot be restored": not sized,
            "save_only_model: no random states are saved": self.args.save_only_model,
            "ignore_data_skip: the epoch's prompts would start again": self.args.ignore_data_skip,
            "sync_ref_model: TRL saves no reference model: it would start again from the base model": moving,
        }
        return [reason for reason, holds in reasons.items() if holds]

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        check_names(Path(resume_from_checkpoint), self.model if model is None else model)

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        self._lead_sampler = super()._get_train_sampler(dataset)
        return self._lead_sampler

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        folder = Path(output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        cycle = self.args.steps_per_generation * self.num_iterations
        if self._step % cycle and self._buffered_inputs is not None:
            _save_rollouts(folder / _rollouts_name(self.args.process_index), self._buffered_inputs)
        if self.args.process_index == 0:
            state = {"step": self._step, **self._lead_layout(), **self._memories()}
            (folder / STATE_FILE).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None:
            return
        state = self._lead_state(Path(checkpoint))
        self._step = state["step"]
        weigher = getattr(self, "weigher", None)
        if weigher is not None and "length_controller" in state:
            weigher.restore(state["length_controller"])
        elif weigher is not None and weigher.config.remembers:
            raise CheckpointError(f"{checkpoint}: it lacks the length controller's state")
        if "window" in state and hasattr(self, "window"):
            self.window.restore(state["window"])
        if self._step % (self.args.steps_per_generation * self.num_iterations):
            self._buffered_inputs = _load_rollouts(
                Path(checkpoint) / _rollouts_name(self.args.process_index), self.accelerator.device
            )
        sampler = self._lead_sampler
        if sampler.shuffle:
            # one permutation was drawn in every epoch that is over; the current epoch draws its own again
            for _ in range(math.floor(self.state.epoch or 0)):
                torch.randperm(sampler.num_samples, generator=sampler.generator)

    def _memories(self) -> dict[str, Any]:
        """What the trainer's advantages and its choice of prompts remember, where it has any of this project's."""
        weigher, window = getattr(self, "weigher", None), getattr(self, "window", None)
        return {
            **({} if weigher is None else {"length_controller": weigher.saved()}),
            **({} if window is None else {"window": window.saved()}),
        }

    def _lead_layout(self) -> dict[str, Any]:
        """What must be the same before and after for the steps of a checkpoint to mean the same."""
        args, data = self.args, self.train_dataset
        sized = hasattr(data, "__len__") and hasattr(data, "select")
        first = data.select(range(min(100, len(data)))) if sized else ()
        chooses = getattr(self, "select", "none") != "none"
        return {
            "world_size": args.world_size,
            "per_device_train_batch_size": args.per_device_train_batch_size,
            "gradient_accumulation_steps": args.gradient_accumulation_steps,
            "steps_per_generation": args.steps_per_generation,
            "num_iterations": self.num_iterations,
            "num_generations": self.num_generations,
            "shuffle_dataset": self.shuffle_dataset,
            "seed": args.seed,
            "select": [self.select, self.select_factor] if chooses else None,
            "prompts": len(data) if sized else None,
            "first_prompts": fingerprint([row.get("prompt") for row in first]) if sized else None,
        }

    def _lead_state(self, folder: Path) -> dict[str, Any]:
        """The saved state.

        Raises:
            CheckpointError: it cannot be resumed exactly; lists every reason.
        """
        if not (folder / STATE_FILE).is_file():
            raise CheckpointError(
                f"{folder}: no {STATE_FILE}: saved by another trainer, with save_only_model, or cut short while it was "
                "saved. Resuming would replay the prompts of the first epoch; name the checkpoint before it, or start "
                "a new run from its weights instead"
            )
        state = _read_state(folder / STATE_FILE)
        faults = lost_files(
            folder, self.args.process_index, self.args.world_size, sharded=self.is_deepspeed_enabled
        )
        faults += [
            f"{folder}: {name} was {state.get(name)}, is {value}: resume needs the same"
            for name, value in self._lead_layout().items()
            if state.get(name) != value
        ]
        faults += [f"{folder}: {reason}" for reason in self._lead_hindrances()]
        if faults:
            raise CheckpointError(faults)
        return state


def lost_files(folder: Path, rank: int, ranks: int, *, sharded: bool = False) -> list[str]:
    """What of a checkpoint is gone that transformers goes on without, from other numbers and without a word.

    Args:
        folder: the checkpoint.
        rank, ranks: which process this is, and of how many.
        sharded: DeepSpeed keeps the optimizer in folders of its own, and looks after them itself.
    """
    needed = {"random states": "rng_state.pth" if ranks == 1 else f"rng_state_{rank}.pth"}
    if not sharded:
        needed |= {"optimizer": "optimizer*", "learning rate schedule": "scheduler.pt"}
    return [
        f"{folder}: no {pattern}: the {what} would start anew; name the checkpoint before it"
        for what, pattern in needed.items()
        if not any(folder.glob(pattern))
    ]


def _read_state(path: Path) -> dict[str, Any]:
    """What was written beside a checkpoint.

    Raises:
        CheckpointError: it is damaged.
    """
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(state["step"], int):
            raise TypeError("its step is no number")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: damaged ({error}); name the checkpoint before it") from error
    return dict(state)


def check_names(folder: Path, model: torch.nn.Module) -> None:
    """Refuse a checkpoint whose weights carry other names than the model's: transformers loads none of them then.

    It happens with models whose names are changed when they are saved (LLaVA: 55 of 55 tensors stayed untrained).

    Raises:
        CheckpointError: parameters that are not in the checkpoint.
    """
    file, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if file.is_file():
        with safe_open(file, framework="pt") as weights:
            there = set(weights.keys())
    elif index.is_file():
        there = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"])
    else:
        return  # adapters, sharded states: not loaded by these names
    names: dict[int, list[str]] = {}
    # Tied weights are saved under one name.
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    missing = [aliases[0] for aliases in names.values() if not there & set(aliases)]
    if missing:
        raise CheckpointError(
            f"{folder}: {len(missing)} of {len(names)} parameters are not in it under the names that the model loads, "
            f"such as {missing[0]}: they would stay untrained. Start a new run from its weights instead"
        )


def _rollouts_name(rank: int) -> str:
    return f"leadline_rollouts_{rank}.safetensors"


def _save_rollouts(path: Path, slices: list[dict[str, Any]]) -> None:
    """The buffered generation batch of one process: tensors as such, counts and None in the header."""
    tensors: dict[str, torch.Tensor] = {}
    plain: list[dict[str, Any]] = []
    for i, part in enumerate(slices):
        plain.append({})
        for name, value in part.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{i}.{name}"] = value.detach().cpu().contiguous().clone()
            else:
                plain[i][name] = value
    save_file(tensors, path, metadata={"plain": json.dumps(plain)})


def _load_rollouts(path: Path, device: torch.device) -> list[dict[str, Any]]:
    """What :func:`_save_rollouts` wrote.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            slices: list[dict[str, Any]] = json.loads(file.metadata()["plain"])
            for key in file.keys():  # noqa: SIM118 (not a mapping)
                index, _, name = key.partition(".")
                slices[int(index)][name] = file.get_tensor(key).to(device)
    except (OSError, SafetensorError, KeyError, ValueError, IndexError) as error:
        raise CheckpointError(
            f"{path}: the rollouts of the interrupted cycle cannot be read: {error}"
        ) from error
    return slices
