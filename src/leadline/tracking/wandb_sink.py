"""Weights & Biases; offline, or to another server, by its own environment variables (``WANDB_MODE``, ...)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.tracking.sink import Tracked

__all__ = ["WandbTracker"]


class WandbTracker:
    """One run; numbers as ``<arm>/<stage>/<name>``, each arm over its own steps."""

    def __init__(self, run: Tracked) -> None:
        import wandb

        folder = run.folder / "track"
        folder.mkdir(parents=True, exist_ok=True)
        self._wandb: Any = wandb
        settings = wandb.Settings(console="off", silent=True, init_timeout=30)
        self._run: Any = wandb.init(
            project="leadline", name=run.name, dir=str(folder), config=dict(run.settings), settings=settings
        )
        self._arms: set[str] = set()

    def metrics(self, arm: str, step: int, numbers: Mapping[str, float]) -> None:
        if arm not in self._arms:
            self._arms.add(arm)
            self._run.define_metric(f"{arm}/step")
            self._run.define_metric(f"{arm}/*", step_metric=f"{arm}/step")
        self._run.log({f"{arm}/step": step, **{f"{arm}/{name}": value for name, value in numbers.items()}})

    def samples(self, arm: str, step: int, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = self._wandb.Table(columns=list(columns), data=[list(row) for row in rows])
        self._run.log({f"{arm}/step": step, f"{arm}/samples": table})

    def alert(self, title: str, text: str) -> None:
        self._run.alert(title=title, text=text, level=self._wandb.AlertLevel.WARN)

    def close(self) -> None:
        self._run.finish()
