"""Model directories out of a TRL trainer, and which of its checkpoints can be gone on from."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadline.storage.checkpoints import Checkpoints, CheckpointWarning

__all__ = ["best_so_far", "newest", "save_checkpoint"]

_PICKLES = ("training_args.bin",)


def save_checkpoint(
    trainer: Any, checkpoints: Checkpoints, step: int, state: Mapping[str, Any], name: str | None = None
) -> Path:
    """Save the trainer's model as a sealed directory. Every process must call it: gathering a sharded model takes all.

    Weights, configuration and tokenizer, and no pickle.
    """
    if trainer.accelerator.is_main_process:
        path = checkpoints.save(step, lambda folder: _save_model(trainer, folder), state, name)
    else:
        path = checkpoints.root / (name or f"step-{step:06d}")
        with tempfile.TemporaryDirectory() as scratch:
            trainer.save_model(scratch)
    trainer.accelerator.wait_for_everyone()
    return path


def _save_model(trainer: Any, folder: Path) -> None:
    trainer.save_model(str(folder))
    for name in _PICKLES:
        (folder / name).unlink(missing_ok=True)


def best_so_far(checkpoints: Checkpoints) -> tuple[float, float] | None:
    """The quality of the best model that an earlier part of this stage kept, if it kept one."""
    try:
        high, low = json.loads((checkpoints.root / "best" / "state.json").read_text())["state"]["quality"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(high), float(low)


def newest(folder: Path) -> Path | None:
    """The newest checkpoint that TRL finished writing; those it did not are removed, with a warning."""
    found = sorted(
        folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True
    )
    for checkpoint in found:
        if (checkpoint / "trainer_state.json").is_file():  # written last
            return checkpoint
        warnings.warn(f"{checkpoint}: torn; going back to the one before", CheckpointWarning, stacklevel=2)
        shutil.rmtree(checkpoint)
    return None
