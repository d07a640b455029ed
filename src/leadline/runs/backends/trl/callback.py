"""What happens inside a TRL trainer, written down as the local engine does, and the requests to stop that it hears."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import torch
from transformers import TrainerCallback

from leadline.engine.step_metrics import Graded, completion_metrics
from leadline.errors import TrainingError
from leadline.integrations.trl.mixin import LeadBatch
from leadline.runs.backends.protocol import Stage, StageWriter
from leadline.storage.checkpoints import superfluous
from leadline.storage.step_row import step_row

__all__ = ["EventJournal", "StageCallback", "graded_rows"]

_PATIENCE = 3


@dataclass
class StageCallback(TrainerCallback):  # type: ignore[misc]
    """Writes one metrics row a step, skips steps without a finite gradient, stops when asked to.

    Attributes:
        stage: where the rows go.
        kind: ``sft`` or ``rl``.
        updates: optimiser steps a row.
        keep: how many checkpoints of TRL's are kept, unless its own ``save_total_limit`` says so.
        trainer: set once the trainer is made; its ``lead_batch`` holds what the log does not.
    """

    stage: Stage[StageWriter]
    kind: Literal["sft", "rl"]
    updates: int = 1
    keep: int = 2
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

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """TRL keeps the newest, whichever they are: what a stop left would take the place of one that is due."""
        if not args.should_save:
            return
        folders = {int(f.name.rpartition("-")[2]): f for f in Path(args.output_dir).glob("checkpoint-*")}
        for step in superfluous(sorted(folders), args.save_total_limit or self.keep, int(args.save_steps)):
            shutil.rmtree(folders[step], ignore_errors=True)

    on_train_end = on_save  # killed between the last checkpoint and what is done after it

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        logs = logs or {}
        step = state.global_step // self.updates
        if "eval_lead/solve_rate" in logs:
            measured = {
                "pass@1": float(logs["eval_lead/solve_rate"]),
                "mean_tokens": float(logs["eval_completions/mean_length"]),
            }
            self._row(step_row(self.stage.name, "valid", step, measured))
        elif "loss" in logs:
            self._log_step(step, logs)
        self.on_step_end(args, state, control)  # the trainer looks at ``control`` again after logging
        self._since = time.perf_counter()

    def _log_step(self, step: int, logs: Mapping[str, Any]) -> None:
        seconds = time.perf_counter() - self._since
        numbers: dict[str, Any] = {
            "loss": float(logs["loss"]),
            "grad_norm": float(logs.get("grad_norm", math.nan)),
            "skipped_steps": self.skipped,
            "seconds": seconds,
        }
        self.skipped, parts, tokens = 0, None, None
        if self.kind == "rl":
            batch = self.trainer.lead_batch
            graded = graded_rows(batch, list(self.trainer.reward_func_names))
            numbers |= completion_metrics(graded, batch.out) | {
                **batch.length_metrics,
                "entropy": logs.get("entropy"),
                "clip_share": logs.get("clip_ratio/region_mean"),
                "kl": logs.get("kl", 0.0),
                **({"imitated": self.trainer.imitated} if getattr(self.trainer, "lift", None) else {}),
            }
            parts, tokens = graded.parts, int(batch.length.sum())
        elif "num_tokens" in logs:
            tokens, self._tokens = int(logs["num_tokens"]) - self._tokens, int(logs["num_tokens"])
        numbers["tokens_per_second"] = tokens / seconds if tokens else None
        self._row(step_row(self.stage.name, self.kind, step, numbers, parts=parts))

    def _anywhere(self, here: bool) -> bool:
        """Whether it is so in any process: all of them must stop, or skip, at the same step."""
        if self.trainer is None or self.trainer.accelerator.num_processes == 1:
            return here
        accelerator = self.trainer.accelerator
        return bool(accelerator.gather(torch.tensor([here], device=accelerator.device)).any())

    def _row(self, row: dict[str, Any]) -> None:
        self.stage.writer.metric(row)
        self.stage.on_row(row)


def graded_rows(batch: LeadBatch, names: list[str]) -> Graded:
    """A batch of TRL's reward functions, whose values are NaN where a completion is unscorable."""
    column = {name: batch.columns[:, i].cpu() for i, name in enumerate(names)}
    finished = batch.finished.cpu()
    correct = finished & (column["accuracy"] > 0.5)
    parts = {name: column[name].tolist() for name in names if name not in ("accuracy", "answered")}
    return Graded(
        correct=correct,
        wrong=~correct & ~column["accuracy"].isnan(),
        no_answer=finished & (column["answered"] < 0.5),
        finished=finished,
        length=batch.length.cpu(),
        group=batch.group.cpu(),
        parts={name: fmean(v for v in values if not math.isnan(v)) for name, values in parts.items()},
    )


class EventJournal:
    """What a launched process has to say to the run: one JSON line an event, or nothing from all but one process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def metric(self, row: Mapping[str, Any]) -> None:
        self.say({"metric": dict(row)})

    def samples(self, arm: str, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self.say({"samples": [arm, name, [dict(row) for row in rows]]})

    def cut_metrics(self, arm: str, step: int) -> None:
        self.say({"cut": [arm, step]})

    def say(self, event: Mapping[str, Any]) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")
