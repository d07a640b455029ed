"""Checkpoints that are whole or absent: written aside, checksummed, fsynced, renamed, verified before use."""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from leadline.errors import StorageError
from leadline.storage.outputs import sync

__all__ = ["Checkpoint", "CheckpointWarning", "Checkpoints", "superfluous"]

_PREFIX = "step-"
_ASIDE = ".writing-"


class CheckpointWarning(UserWarning):
    """A checkpoint is torn or corrupt, and an earlier one is used instead."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified checkpoint: its directory, the step it was taken after, and the JSON state saved with it."""

    folder: Path
    step: int
    state: Mapping[str, Any]


class Checkpoints:
    """The checkpoints of one stage, ``<root>/step-000060/`` and so on, of which the newest ``keep`` are kept.

    One that is not due at a multiple of ``every``, as a stop leaves it, makes room for the next one first: a run that
    was stopped ends with the checkpoints of one that was not.
    """

    def __init__(self, root: Path, keep: int = 2, every: int = 1) -> None:
        self.root, self.keep, self.every = root, keep, every

    def save(
        self, step: int, write: Callable[[Path], None], state: Mapping[str, Any], name: str | None = None
    ) -> Path:
        """Save one checkpoint; whatever happens on the way, those that were there before stay whole.

        Args:
            step: how many steps it contains.
            write: puts the files into the (existing, empty) directory it is given.
            state: JSON values saved beside them.
            name: another directory name, for checkpoints outside of the numbered row (``best``).

        Raises:
            StorageError: the disk refused.
        """
        final = self.root / (name or f"{_PREFIX}{step:06d}")
        aside = self.root / (_ASIDE + final.name)
        try:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            write(aside)
            _seal(aside, {"step": step, "state": dict(state)})
            _replace(aside, final)
        except (OSError, SafetensorError) as fault:
            shutil.rmtree(aside, ignore_errors=True)
            raise StorageError(f"{final}: checkpoint not written: {fault}") from fault
        if name is None:
            self._prune()
        return final

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole; warns of every newer one that is not. None when there is none."""
        for folder in reversed(self._folders()):
            fault, checkpoint = _verify(folder)
            if checkpoint is not None:
                return checkpoint
            warnings.warn(f"{folder}: {fault}; going back to the one before", CheckpointWarning, stacklevel=2)
        return None

    def clear_debris(self) -> None:
        """Remove what a killed process was still writing."""
        for folder in self.root.glob(f"{_ASIDE}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return sorted(p for p in self.root.glob(f"{_PREFIX}*") if p.is_dir())

    def _prune(self) -> None:
        folders = {int(folder.name.removeprefix(_PREFIX)): folder for folder in self._folders()}
        for step in superfluous(list(folders), self.keep, self.every):
            shutil.rmtree(folders[step], ignore_errors=True)


def superfluous(steps: Sequence[int], keep: int, every: int) -> list[int]:
    """Of the steps that have a checkpoint, ascending, those that need none: all but the newest ``keep`` that are due.

    The newest is kept, due or not: a run goes on from it. Due is a multiple of ``every``.

    >>> superfluous([3, 6, 7], keep=2, every=3)  # 7 is what a stop left
    [3]
    >>> superfluous([6, 7, 9], keep=2, every=3)
    [7]
    """
    if not steps:
        return []
    *before, newest = steps
    kept = {*[*(step for step in before if step % every == 0), newest][-keep:]}
    return [step for step in before if step not in kept]


def _seal(folder: Path, content: Mapping[str, Any]) -> None:
    """Write ``state.json`` with the checksum of every file and of itself, and flush all of it to the disk."""
    files = {path.name: _checksum(path) for path in sorted(folder.iterdir())}
    body = {**content, "files": files}
    sealed = {**body, "checksum": _digest(body)}
    (folder / "state.json").write_text(json.dumps(sealed, indent=1) + "\n")
    for path in [*folder.iterdir(), folder]:
        sync(path)


def _verify(folder: Path) -> tuple[str, Checkpoint | None]:
    """Why a checkpoint cannot be used, or the checkpoint."""
    try:
        sealed = json.loads((folder / "state.json").read_text())
        checksum = sealed.pop("checksum")
        if checksum != _digest(sealed):
            return "state.json does not match its checksum", None
        for name, expected in sealed["files"].items():
            if _checksum(folder / name) != expected:
                return f"{name} does not match its checksum", None
        return "", Checkpoint(folder, sealed["step"], sealed["state"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        return f"torn or corrupt ({type(fault).__name__}: {fault})", None


def _replace(aside: Path, final: Path) -> None:
    """Rename a finished directory into place; one of that name steps aside first (a rename cannot overwrite it)."""
    outgoing = final.with_name(f"{_ASIDE}old-{final.name}")
    shutil.rmtree(outgoing, ignore_errors=True)
    if final.exists():
        final.rename(outgoing)
    aside.rename(final)
    sync(final.parent)
    shutil.rmtree(outgoing, ignore_errors=True)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
