"""What happens inside a TRL trainer, written down as the local engine does, and the requests to stop that it hears."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from leadline.errors import TrainingError
from leadline.integrations.trl.mixin import LeadBatch
from leadline.runs.backends.protocol import Stage
from leadline.storage.run_directory import RunWriter

__all__ = ["EventJournal", "StageCallback", "cut_metrics", "policy_metrics"]

_PATIENCE = 3


@dataclass
class StageCallback(TrainerCallback):  # type: ignore[misc]
    """Writes one metrics row a step, skips steps without a finite gradient, stops when asked to.

    Attributes:
        stage: where the rows go.
        kind: ``sft`` or ``rl``.
        updates: optimiser steps a row.
        trainer: set once the trainer is made; its ``lead_batch`` holds what the log does not.
    """

    stage: Stage
    kind: str
    updates: int = 1
    trainer: Any = None
    skipped: int = 0
    stopped: bool = False
    best: tuple[float, float] | None = None
    _tokens: int = field(default=0, init=False)
    _unfinite: int = field(default=0, init=False)
    _since: float = field(default_factory=time.perf_counter, init=False)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        if not self._anywhere(not all(bool(torch.isfinite(gradient).all()) for gradient in gradients)):
            self._unfinite = 0
            return
        model.zero_grad()  # the optimiser then has nothing to do
        self.skipped += 1
        self._unfinite += 1
        if self._unfinite == _PATIENCE:
            raise TrainingError(
                f"{self.stage.name}: {_PATIENCE} steps in a row without a finite gradient, the last at step "
                f"{state.global_step + 1}; the checkpoints before are kept"
            )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        whole = state.global_step % self.updates == 0  # a row tells of whole steps only
        if self._anywhere(self.stage.interrupts.requested) and whole and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = self.stopped = True

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        logs = logs or {}
        step = state.global_step // self.updates
        if "eval_lead/solve_rate" in logs:
            self._row({"arm": self.stage.name, "stage": "valid", "step": step, **validation_metrics(logs)})
        elif "loss" in logs:
            row: dict[str, Any] = {"arm": self.stage.name, "stage": self.kind, "step": step}
            row |= {"loss": float(logs["loss"]), "grad_norm": float(logs.get("grad_norm", math.nan))}
            seconds = time.perf_counter() - self._since
            tokens = None
            if self.kind == "rl":
                batch = self.trainer.lead_batch
                row |= policy_metrics(batch, list(self.trainer.reward_func_names), logs)
                tokens = int(batch.length.sum())
            elif "num_tokens" in logs:
                tokens, self._tokens = int(logs["num_tokens"]) - self._tokens, int(logs["num_tokens"])
            row |= {"tokens_per_second": tokens / seconds if tokens else None, "seconds": seconds}
            self._row(row | {"skipped_steps": self.skipped})
        self.on_step_end(args, state, control)  # the trainer looks at ``control`` again after logging
        self._since = time.perf_counter()

    def _anywhere(self, here: bool) -> bool:
        """Whether it is so in any process: all of them must stop, or skip, at the same step."""
        if self.trainer is None or self.trainer.accelerator.num_processes == 1:
            return here
        accelerator = self.trainer.accelerator
        return bool(accelerator.gather(torch.tensor([here], device=accelerator.device)).any())

    def _row(self, row: dict[str, Any]) -> None:
        self.stage.writer.metric(row)
        self.stage.on_row(row)


def validation_metrics(logs: Mapping[str, Any]) -> dict[str, float]:
    return {
        "pass@1": float(logs["eval_lead/solve_rate"]),
        "mean_tokens": float(logs["eval_completions/mean_length"]),
    }


def policy_metrics(batch: LeadBatch, names: list[str], logs: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of one step, by the definitions of the local engine; unscorable rows count as wrong in pass@1."""
    column = {name: batch.columns[:, i] for i, name in enumerate(names)}
    correct = batch.finished & (column["accuracy"] > 0.5)
    length = batch.length.double()
    parts = {
        name: float(values.nanmean())
        for name, values in column.items()
        if name not in ("accuracy", "answered")
    }
    return {
        "reward": float(batch.out.reward.nanmean()),
        "pass@1": float(correct.double().mean()),
        "mean_tokens": float(length.mean()),
        "mean_tokens_correct": float(length[correct].mean()) if bool(correct.any()) else None,
        "truncated": float((~batch.finished).double().mean()),
        "no_answer": float((batch.finished & (column["answered"] < 0.5)).double().mean()),
        "live": logs.get("lead/live"),
        "mixed": logs.get("lead/mixed"),
        "weight": logs.get("lead/weight"),
        "entropy": logs.get("entropy"),
        "clip_share": logs.get("clip_ratio/region_mean"),
        "kl": logs.get("kl", 0.0),
        **parts,
    }


class EventJournal:
    """What a launched process has to say to the run: one JSON line an event, or nothing from all but one process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def metric(self, row: Mapping[str, Any]) -> None:
        self.say({"metric": dict(row)})

    def samples(self, arm: str, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self.say({"samples": [arm, name, [dict(row) for row in rows]]})

    def cut(self, arm: str, step: int) -> None:
        self.say({"cut": [arm, step]})

    def say(self, event: Mapping[str, Any]) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")


def cut_metrics(writer: RunWriter | EventJournal, arm: str, step: int) -> None:
    """Drop the rows of ``arm`` after ``step``, which are about to be written again; nothing else is behind them."""
    if isinstance(writer, EventJournal):
        writer.cut(arm, step)
        return
    path, offset = Path(writer.root) / "metrics.jsonl", 0
    for line in path.read_bytes().splitlines(keepends=True):
        row = json.loads(line)
        if row.get("arm") == arm and row.get("step", 0) > step:
            writer.truncate_metrics(offset)
            return
        offset += len(line)
