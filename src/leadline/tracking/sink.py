"""What a tracker must be able to do for us, and the trackers that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from leadline.errors import MissingExtra

__all__ = ["Tracked", "Tracker", "connect"]


@dataclass(frozen=True)
class Tracked:
    """The run that is shown.

    Attributes:
        folder: its directory; what a tracker keeps locally goes to ``folder/track``.
        name: of the run.
        settings: its recipe, as plain values.
    """

    folder: Path
    name: str
    settings: Mapping[str, Any]


class Tracker(Protocol):
    """One connection. Any method may raise whatever it likes, or take for ever: :mod:`leadline.tracking.background`."""

    def metrics(self, arm: str, step: int, numbers: Mapping[str, float]) -> None:
        """Numbers of one step, names as ``stage/name``."""

    def samples(self, arm: str, step: int, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table of completions."""

    def alert(self, title: str, text: str) -> None:
        """Something for people to look at."""

    def close(self) -> None:
        """The run is over."""


def connect(name: str, run: Tracked) -> Tracker:
    """Open a tracker by name.

    Raises:
        MissingExtra: its package is not installed. Whatever else the tracker's own code raises.
    """
    opener = _OPENERS[name]
    try:
        return opener(run)
    except ImportError as error:
        raise MissingExtra(
            f"track: {name} is not installed ({error}): pip install 'leadline[track]'"
        ) from error


def _tensorboard(run: Tracked) -> Tracker:
    from leadline.tracking.tensorboard_sink import TensorBoardTracker

    return TensorBoardTracker(run)


def _wandb(run: Tracked) -> Tracker:
    from leadline.tracking.wandb_sink import WandbTracker

    return WandbTracker(run)


def _trackio(run: Tracked) -> Tracker:
    from leadline.tracking.trackio_sink import TrackioTracker

    return TrackioTracker(run)


_OPENERS: Mapping[str, Callable[[Tracked], Tracker]] = {
    "trackio": _trackio,
    "tensorboard": _tensorboard,
    "wandb": _wandb,
}
