"""Model directories out of a TRL trainer, and which of its checkpoints can be gone on from."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

from leadline.engine.state import CheckpointWarning

__all__ = ["newest", "save_model"]

_PICKLES = ("training_args.bin",)


def save_model(trainer: Any, folder: Path) -> None:
    """Write weights, configuration and tokenizer into ``folder``, and no pickle."""
    trainer.save_model(str(folder))
    for name in _PICKLES:
        (folder / name).unlink(missing_ok=True)


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
