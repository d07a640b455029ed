"""A run as it stands, drawn for a terminal: leadline's under way, and one that leadline did not start."""

from __future__ import annotations

import faulthandler
import io
import itertools
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

import pytest
from rich.cells import cell_len
from rich.console import Console

from command import call
from fake_run import make_run
from leadline.cli.watch import CtrlC
from leadline.diagnosis.watch import verdicts_of
from leadline.health import Observation, Watchdog
from leadline.storage.jsonl import write_json_atomic
from leadline.storage.run_directory import RunWriter
from tiny import TINY_RECIPE

ALARM = {
    "check": "truncation", "kind": "alarm", "step": 4, "seen": "the cap cut off <b>90%</b>", "cost": "Much.",
    "remedy": "Raise the cap.", "follows_from": ["no_end"],
}  # fmt: skip


def test_a_run_of_leadline_and_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "220")
    root = make_run(tmp_path / "demo", problems=8)
    (root / "summary.json").unlink()
    page = tmp_path / "page.html"
    done = call("watch", str(root), "--once", "--html", str(page), "--every", "4")
    assert done.returncode == 0
    out = done.stdout
    assert "signal" in out
    assert any(block in out for block in "▂▃▄▅▆▇")
    assert "lead: " in out
    assert '<html lang="en" data-fresh="4">' in page.read_text()
    assert "What the checks say" not in page.read_text()
    write_json_atomic(root / "alarms.json", {"lead": [ALARM], "gone": [ALARM], "sft": [7, {"check": 7}]})
    call("watch", str(root), "--once", "--html", str(page))
    assert "the cap cut off &lt;b&gt;90%&lt;/b&gt; <small>(follows from no_end)</small>" in page.read_text()


def test_an_alarm_has_a_mark_of_its_own_and_its_remedy() -> None:
    dog = Watchdog()
    for step in range(1, 15):
        dog.see(Observation.of_row({"step": step, "arm": "lead", "truncated": 0.9, "completions": 64}))
    assert [alarm.check.name for alarm in dog.alarms] == ["truncation"]
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(*verdicts_of("lead", dog))
    title, first, *rest = console.export_text().splitlines()
    assert title.startswith("lead: 1 alarm in 14 steps")
    assert first.split()[:2] == ["!", "truncation"]
    assert any(line.strip().startswith("change:") for line in rest)


def drawn(arguments: list[str], columns: int, rows: int, until: str) -> str:
    """What a command writes to a terminal of that size until it has written ``until``; it is interrupted then."""
    ours, theirs = pty.openpty()
    sized = {"COLUMNS": str(columns), "LINES": str(rows), "TERM": "xterm"}
    child = subprocess.Popen(
        [sys.executable, "-m", "leadline", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | sized,
    )  # fmt: skip
    os.close(theirs)
    written = shown = b""
    while select.select([ours], [], [], 300)[0]:
        try:
            written += os.read(
                ours, 65536
            )  # to the end: a terminal that nobody reads holds up who writes to it
        except OSError:  # the other side is closed
            break
        if until.encode() in written and not shown:
            shown = written
            child.send_signal(signal.SIGINT)
    child.wait(300)
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 12)])
def test_a_small_terminal_holds_it_whole(tmp_path: Path, columns: int, rows: int) -> None:
    root = make_run(tmp_path / "demo", problems=4)
    (root / "summary.json").unlink()
    last = "lines more" if rows < 20 else "lead: no alarm"
    lines = drawn(["watch", str(root), "--every", "600"], columns, rows, last).splitlines()
    assert max(map(cell_len, lines)) <= columns
    assert len(lines) < rows
    assert any("reward" in line and any(block in line for block in "▂▃▄▅▆▇") for line in lines)


def test_a_run_that_nobody_writes_is_told_from_one_under_way(tmp_path: Path) -> None:
    """Killed, it has no summary, and no time is left of it; a look does not hinder who goes on with it."""
    root = make_run(tmp_path / "demo", problems=4)
    (root / "recipe.yaml").write_text(TINY_RECIPE.replace("rl: {steps: 4", "rl: {steps: 4000"))
    assert "no process writes this run" not in call("watch", str(root), "--once").stdout
    (root / "summary.json").unlink()
    died = call("watch", str(root), "--once").stdout
    assert "no process writes this run" in died
    assert "/4000" in died
    assert " left" not in died
    with RunWriter(root, resume=True):
        under_way = call("watch", str(root), "--once").stdout
    assert "no process writes this run" not in under_way
    assert " left" in under_way


def test_verls_files_and_what_is_refused(tmp_path: Path) -> None:
    rows = [{"input": f"{i // 4}?", "output": "7", "score": float(i % 2), "step": 3} for i in range(8)]
    (tmp_path / "3.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = call("watch", str(tmp_path), "--once")
    assert done.returncode == 0
    assert "(verl)" in done.stdout
    done = call("watch", str(tmp_path), "--once", "--html", str(tmp_path / "page.html"))
    assert done.returncode == 0
    assert "data-fresh" in (tmp_path / "page.html").read_text()
    assert call("watch", str(tmp_path / "nowhere"), "--once").returncode == 2


def test_ctrl_c_ends_a_wait_before_whichever_line_of_it_falls() -> None:
    """A handler of a signal runs between two lines of whatever is under way, and may meet a lock that is held there."""

    left = 0

    def press(frame: FrameType, event: str, argument: object) -> object:
        nonlocal left
        if event == "line":
            left -= 1
            if left == 0:
                signal.raise_signal(signal.SIGINT)
        return press

    faulthandler.dump_traceback_later(120, exit=True)  # one that waits for itself would wait for ever
    for place in itertools.count(1):
        left = place
        with CtrlC() as stop:
            sys.settrace(press)  # type: ignore[arg-type]
            ended = stop.wait(0.05)
            sys.settrace(None)
            assert ended == stop.pressed == (left <= 0)
        if left > 0:
            break
    faulthandler.cancel_dump_traceback_later()
    assert place > 3
