"""The GPU kit on the CPU: its lines are JSON, a part that fails says so, and so does the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def check(tmp_path: Path, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    out = tmp_path / "out.jsonl"
    command = ["bash", "benchmarks/gpu/check.sh", "--out", str(out), *arguments]
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    lines = out.read_text().splitlines() if out.is_file() else []
    assert [line for line in done.stdout.splitlines() if line.startswith("{")] == lines
    return done.returncode, [json.loads(line) for line in lines]


def test_one_part_on_the_cpu(tmp_path: Path) -> None:
    code, figures = check(tmp_path, "--device", "cpu", "--only", "sampler")
    assert code == 0
    assert figures[0]["figure"] == "machine"
    assert figures[0]["card"] == "cpu"
    speeds = {line["program"]: line["tokens_per_second"] for line in figures[1:] if "skipped" not in line}
    assert speeds.keys() == {"leadline", "generate"}
    assert min(speeds.values()) > 0
    assert {line["figure"] for line in figures[1:]} == {"sampler"}


def test_a_part_that_fails_is_a_line_and_an_exit_code(tmp_path: Path) -> None:
    code, figures = check(
        tmp_path, "--device", "cpu", "--only", "sampler", "--model", str(tmp_path / "nowhere")
    )
    assert code == 1
    assert [line["figure"] for line in figures if "failed" in line] == ["sampler"]


@pytest.mark.parametrize("arguments", [["--device", "tpu"], ["--only"], ["--fast", "1"]])
def test_what_it_does_not_know_is_refused(arguments: list[str], tmp_path: Path) -> None:
    code, figures = check(tmp_path, *arguments)
    assert code == 2
    assert not figures
