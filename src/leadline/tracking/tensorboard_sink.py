"""TensorBoard: event files under ``track/tensorboard/<arm>``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.tracking.sink import Tracked

__all__ = ["TensorBoardTracker"]


class TensorBoardTracker:
    """One writer an arm, so that TensorBoard draws the arms in one chart."""

    def __init__(self, run: Tracked) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._folder = run.folder / "track" / "tensorboard"
        self._open = SummaryWriter
        self._writers: dict[str, Any] = {}
        self._alerts = 0

    def metrics(self, arm: str, step: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            self._writer(arm, step).add_scalar(name, value, step)
        self._writer(arm, step).flush()

    def samples(self, arm: str, step: int, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = [columns, ["---"] * len(columns), *rows]
        lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table]
        self._writer(arm, step).add_text("samples", "\n".join(lines), step)

    def alert(self, title: str, text: str) -> None:
        self._alerts += 1
        self._writer("alerts").add_text("alerts", f"**{_cell(title)}** {_cell(text)}", self._alerts)

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def _writer(self, arm: str, step: int | None = None) -> Any:
        """What an earlier session, cut back to its checkpoint, has shown from ``step`` on is hidden: it comes again."""
        if arm not in self._writers:
            self._writers[arm] = self._open(log_dir=str(self._folder / arm), purge_step=step)
        return self._writers[arm]


def _cell(text: str) -> str:
    """Text that no table of Markdown takes for its own, nor a browser for markup."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;").replace("`", "&#96;")
    return " ".join(escaped.split())
