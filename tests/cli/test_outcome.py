"""How commands end: exit codes that schedulers read, one line for whatever goes wrong, nothing that moves a cursor."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from leadline.display.visible import visible

BEGINNING = """
    import sys
    from leadline.cli import main
    from leadline.cli.main import app
"""


def process(code: str, *words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    whole = textwrap.dedent(BEGINNING) + textwrap.dedent(code)
    command = [sys.executable, "-c", whole, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, **settings)  # type: ignore[call-overload,no-any-return]


def command(name: str, body: str) -> str:
    return f"""
@app.command("{name}")
def broken():
{textwrap.indent(textwrap.dedent(body), "    ")}
main.main()
"""


def test_a_name_that_no_disk_holds_is_refused_in_a_line() -> None:
    done = process("main.main()", "probe", "x" * 5000)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 500
    assert "name too long" in done.stderr


@pytest.mark.parametrize("how", ["exec('raise KeyboardInterrupt')", "raise KeyboardInterrupt"])
def test_a_handled_interrupt_ends_with_130_and_not_by_a_signal(how: str) -> None:
    """CPython kills itself at the end when an interrupt left code compiled from a string, as dataclasses are."""
    body = f"""
    from leadline.errors import Interrupted
    try:
        {how}
    except KeyboardInterrupt as stop:
        raise Interrupted("stopped while base was measured") from stop
    """
    done = process(command("x", body), "x")
    assert (done.returncode, done.stderr) == (130, "leadline: stopped while base was measured\n")


def test_a_signal_behind_the_last_line_changes_nothing() -> None:
    body = """
    import atexit, os, signal
    from leadline.errors import Interrupted
    atexit.register(lambda: [os.kill(os.getpid(), n) for n in (signal.SIGINT, signal.SIGTERM)])
    raise Interrupted("stopped")
    """
    done = process(command("x", body), "x")
    assert (done.returncode, done.stderr) == (130, "leadline: stopped\n")


def test_a_fault_of_our_own_is_one_line_and_shown_on_request() -> None:
    code = command("x", "raise TypeError('odd\\n\\x1b[31mthing')")
    done = process(code, "x")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "fault of leadline itself: TypeError: odd" in line
    assert "leadline --traceback x" in line
    assert "\x1b" not in line
    done = process(code, "--traceback", "x")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    body = f"raise PermissionError(13, 'Permission denied', {str(tmp_path)!r})"
    done = process(command("x", body), "x")
    assert (done.returncode, done.stderr) == (2, f"leadline: {tmp_path}: Permission denied\n")
    done = process(command("x", "raise MemoryError"), "x")
    assert (done.returncode, done.stderr) == (1, "leadline: not enough memory\n")


def test_a_terminal_of_ascii_shows_escapes() -> None:
    done = process(command("x", "print('µ ½ \\ud800')"), "x", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout) == (0, "\\xb5 \\xbd \\ud800\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_standard_output_that_is_full_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "leadline.cli.main", "recipes", "show", "quickstart"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "No space left" in line


def test_control_characters_are_made_visible() -> None:
    assert visible("\x1b]0;pwned\x07 \u202eabc\r\x00\x9b1m\n\tfine é ½") == (
        "\\x1b]0;pwned\\x07 \\u202eabc\\r\\x00\\x9b1m\n\tfine é ½"
    )
    assert visible("x" * 10_000).endswith("... (10,000 characters)")
    assert len(visible("x" * 10_000_000)) < 2100
