"""trackio: a local database and dashboard (``trackio show``); where it lies is its own affair (``TRACKIO_DIR``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.tracking.sink import Tracked

__all__ = ["TrackioTracker"]


class TrackioTracker:
    """One run; numbers as ``<arm>/<stage>/<name>``, each arm over its own steps."""

    def __init__(self, run: Tracked) -> None:
        import trackio

        self._trackio: Any = trackio
        trackio.init(
            project="leadline",
            name=run.name,
            config=dict(run.settings),
            embed=False,
            auto_log_cpu=False,
            auto_log_gpu=False,
        )

    def metrics(self, arm: str, step: int, numbers: Mapping[str, float]) -> None:
        self._trackio.log({f"{arm}/{name}": value for name, value in numbers.items()}, step=step)

    def samples(self, arm: str, step: int, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        import pandas as pd

        frame = pd.DataFrame([list(row) for row in rows], columns=list(columns))
        self._trackio.log({f"{arm}/samples": self._trackio.Table(dataframe=frame)}, step=step)

    def alert(self, title: str, text: str) -> None:
        self._trackio.alert(title=title, text=text, level=self._trackio.AlertLevel.WARN)

    def close(self) -> None:
        self._trackio.finish()
