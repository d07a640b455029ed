"""The memory of an arm's length controller under verl: one line a step, beside verl's checkpoints.

verl calls an advantage estimator as a plain function, once a step, in the process of its trainer, and saves nothing of
it. So the weigher lives here, a folder each, and writes its state down behind every batch. A process that begins asks
verl's own note in that folder which step it goes on from, and takes the state up from that line.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from leadline.errors import CheckpointError
from leadline.grpo.config import AdvantageConfig
from leadline.grpo.weighing import Weighed, Weigher

__all__ = ["LOG", "LengthMemory", "memory_of"]

LOG = "leadline_length.jsonl"
_NOTE = "latest_checkpointed_iteration.txt"
_MEMORIES: dict[tuple[str, AdvantageConfig], LengthMemory] = {}


def memory_of(folder: str, config: AdvantageConfig) -> LengthMemory:
    """The one memory of this process for a folder and an arm.

    Raises:
        CheckpointError: see :class:`LengthMemory`.
    """
    key = (folder, config)
    if key not in _MEMORIES:
        _MEMORIES[key] = LengthMemory(Path(folder), config)
    return _MEMORIES[key]


class LengthMemory:
    """A weigher whose state outlives the process.

    Args:
        folder: verl's ``trainer.default_local_dir``, on storage that every node sees.
        config: of the arm.

    Raises:
        CheckpointError: verl goes on from a step whose state was not written down, or the log is damaged.
    """

    def __init__(self, folder: Path, config: AdvantageConfig) -> None:
        self.path, self.weigher = folder / LOG, Weigher(config)
        done = _resumed_step(folder / _NOTE)
        lines = [line for line in _lines(self.path) if line["batches"] == done]
        if lines:
            self.weigher.restore(lines[-1])  # the last: a step may have been done again after a stop
        elif done and config.remembers:
            raise CheckpointError(
                f"{self.path}: verl goes on from step {done}, of which no state was written: the length term would "
                "start anew; begin the run anew, or set length_control=fixed"
            )

    def weigh(self, **columns: Any) -> Weighed:
        """Advantages of a step, with the state behind it written down.

        Raises:
            CheckpointError: it cannot be written.
            InputError: see :class:`~leadline.grpo.weighing.Weigher`.
        """
        weighed = self.weigher(**columns)
        line = json.dumps(self.weigher.saved() | weighed.metrics) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as log:
                log.write(line)
        except OSError as fault:
            raise CheckpointError(f"{self.path}: {fault.strerror}") from fault
        return weighed


def _resumed_step(note: Path) -> int:
    try:
        return int(note.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as fault:
        raise CheckpointError(f"{note}: cannot be read: {fault}") from fault


def _lines(path: Path) -> list[dict[str, Any]]:
    """Whole lines of the log; half a last one, of a process that was killed, is left out."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as fault:
        raise CheckpointError(f"{path}: cannot be read: {fault}") from fault
    whole = text.split("\n")[:-1]
    try:
        lines = [json.loads(line) for line in whole]
        return [{**line, "batches": int(line["batches"])} for line in lines]
    except (ValueError, KeyError, TypeError) as fault:
        raise CheckpointError(f"{path}: not a log of the length controller: {fault!r}") from fault
