"""How a command ends: an exit code, and for everything that goes wrong one plain line."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

import typer

from leadline.display.visible import visible
from leadline.errors import LeadlineError

__all__ = ["complain", "end", "run"]


def run(command: Callable[[], object], *, traceback: Callable[[], bool]) -> int:
    """Run a command and return its exit code: 0, 1, 2 or 130.

    Args:
        command: the whole of it.
        traceback: whether the fault of our own that comes up is to be raised instead of told in a line.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # in tests it may be any object
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = command()  # a command's typer.Exit comes back as its code
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except LeadlineError as error:
        complain(*str(error).splitlines())
        return error.exit_code
    except typer.Exit as done:
        return done.exit_code
    except (typer.Abort, KeyboardInterrupt):
        complain("interrupted")
        return 130
    except BrokenPipeError:
        return 1
    except OSError as error:
        # What no reader or writer of ours has met: a folder that may not be looked into, say.
        if traceback():
            raise
        complain(f"{error.filename or 'standard output'!s:.300}: {error.strerror or error}")
        ours = isinstance(error, PermissionError | FileNotFoundError | NotADirectoryError)
        return 2 if ours or error.errno == errno.ENAMETOOLONG else 1
    except MemoryError:
        complain("not enough memory")
        return 1
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of click: unknown option, missing argument
            complain(error.format_message())
            return 2
        if traceback():
            raise
        again = shlex.join(["leadline", "--traceback", *sys.argv[1:]])
        complain(
            f"this is a fault of leadline itself: {type(error).__name__}: {' '.join(str(error).split())[:300]}; "
            f"where, is shown by: {visible(again, 500)}"
        )
        return 1


def complain(*lines: str) -> None:
    """Lines on standard error, each with our name in front."""
    for line in lines:
        with contextlib.suppress(OSError):
            print(f"leadline: {visible(line)}", file=sys.stderr)


def end(code: int) -> NoReturn:
    """End the process with ``code``, whatever signals still come.

    CPython notes when a KeyboardInterrupt leaves code that it compiled from a string (a dataclass that is made, say),
    and kills itself by SIGINT at the end, however well the interrupt was handled since; compiling anything else
    takes the note back. Schedulers read the code.
    """
    if code == 130:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    exec("pass")
    _flush()
    sys.exit(code)


def _flush() -> None:
    """Give standard output away where it cannot be written: the interpreter would complain about it at its end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
