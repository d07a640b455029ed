"""``leadline watch``: a run as it goes on, in the terminal and as a page that stays fresh."""

from __future__ import annotations

import select
import signal
import socket
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Self

import typer
from rich.console import Console, RenderableType

from leadline.cli.options import in_range

if TYPE_CHECKING:
    from leadline.diagnosis.watch import Look

__all__ = ["watch_command"]


def watch_command(
    run: Annotated[
        Path, typer.Argument(help="A run directory, TRL's output directory, verl's rollouts, or metrics.")
    ],
    once: Annotated[bool, typer.Option("--once", help="Show it as it stands, and end.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.")] = 5.0,
    html: Annotated[
        Path | None,
        typer.Option(help="Keep a page about it at this place fresh; the open page reads it again."),
    ] = None,
) -> None:
    """Look at a run while it goes on: steps, time left, curves, groups with signal, alarms. Ctrl-C ends it."""
    from rich.live import Live

    from leadline.diagnosis.watch import frame, look

    in_range(every=(every, 0.2, 3600))
    console = Console(highlight=False)

    def seen() -> Look:
        now = look(run)
        if html is not None:
            write_page(now, html, 0 if now.over else max(2, round(every)))
        return now

    now = seen()
    if once:
        console.print(frame(now, console.width))
        return
    with CtrlC() as stop, Live(fitted(console, now), console=console, auto_refresh=False) as live:
        while not now.over and not stop.wait(every):
            now = seen()
            live.update(fitted(console, now), refresh=True)
    if stop.pressed:
        raise KeyboardInterrupt


class CtrlC:
    """A context manager: Ctrl-C ends a wait and raises nothing, as an exception in a drawing may get lost there.

    Python writes every signal's number into a socket, which the wait listens to. A ``threading.Event`` would not do:
    set by a handler that runs while ``wait`` holds the event's lock, it waits for that lock for ever.
    """

    def __enter__(self) -> Self:
        self.pressed = False
        self._heard, self._told = socket.socketpair()
        self._told.setblocking(False)
        self._descriptor = signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)
        self._handler = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._handler)
        signal.set_wakeup_fd(self._descriptor)
        self._heard.close()
        self._told.close()

    def wait(self, seconds: float) -> bool:
        """Whether it was pressed, before or within so many seconds."""
        until = time.monotonic() + seconds
        while not self.pressed and (left := until - time.monotonic()) > 0:
            if select.select([self._heard], [], [], left)[0]:
                self._heard.recv(64)  # of other signals, too, such as a terminal's new size
        return self.pressed

    def _press(self, number: int, place: FrameType | None) -> None:
        self.pressed = True


def write_page(now: Look, out: Path, refresh: int) -> None:
    """The report of a run of leadline; of another trainer's, the same page of what it has written."""
    from leadline.diagnosis.foreign_run import safe_name, write_as_run
    from leadline.report import build_report

    if now.records.kind == "leadline":
        build_report([now.run], out, refresh=refresh)
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / safe_name(now.run.resolve().name)
        write_as_run(now.records, now.found, root)
        build_report([root], out, refresh=refresh)


def fitted(console: Console, now: Look) -> RenderableType:
    """As many lines as the terminal has; where there are more, the last one says where they stand."""
    from rich.segment import Segment, Segments

    from leadline.diagnosis.watch import frame

    shown = frame(now, console.width)
    lines = console.render_lines(shown, pad=False)
    if len(lines) < console.height:
        return shown
    kept = lines[: console.height - 2]
    rest = Segment(f"... {len(lines) - len(kept)} lines more: leadline audit {now.run}"[: console.width - 1])
    return Segments([part for line in [*kept, [rest]] for part in [*line, Segment.line()]][:-1])
