"""A run as it stands, drawn for a terminal: leadline's under way, and one that leadline did not start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import call
from fake_run import make_run


def test_a_run_of_leadline_and_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "220")
    root = make_run(tmp_path / "demo", problems=8)
    (root / "summary.json").unlink()
    page = tmp_path / "page.html"
    done = call("watch", str(root), "--once", "--html", str(page), "--every", "4")
    assert done.returncode == 0
    out = done.stdout
    assert "groups with signal" in out
    assert any(block in out for block in "▂▃▄▅▆▇")
    assert "lead: " in out
    assert '<meta http-equiv="refresh" content="4">' in page.read_text()


def test_verls_files_and_what_is_refused(tmp_path: Path) -> None:
    rows = [{"input": f"{i // 4}?", "output": "7", "score": float(i % 2), "step": 3} for i in range(8)]
    (tmp_path / "3.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = call("watch", str(tmp_path), "--once")
    assert done.returncode == 0
    assert "(verl)" in done.stdout
    done = call("watch", str(tmp_path), "--once", "--html", str(tmp_path / "page.html"))
    assert done.returncode == 2
    assert "run directory of leadline" in done.stderr
    assert call("watch", str(tmp_path / "nowhere"), "--once").returncode == 2
