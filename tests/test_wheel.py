"""The built wheel, installed into an empty environment outside the repository, runs a packaged recipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.slow
def test_a_packaged_recipe_runs_from_the_wheel_alone(tmp_path: Path) -> None:
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--quiet",
        "--wheel-dir",
        tmp_path,
        ROOT,
        cwd=tmp_path,
    )
    [wheel] = tmp_path.glob("leadline-*.whl")
    run(sys.executable, "-m", "venv", "empty", cwd=tmp_path)
    python = tmp_path / "empty/bin/python"
    run(
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",  # of torch alone it takes longer than all that is tested here
        "--constraint",
        ROOT / "constraints.txt",
        wheel,
        cwd=tmp_path,
    )
    where = run(python, "-c", "import leadline; print(leadline.__file__)", cwd=tmp_path)
    assert str(tmp_path) in where
    short = [
        "sft.steps=2",
        "rl.steps=1",
        "rl.prompts=2",
        "rl.group_size=2",
        "evaluation.problems=4",
        "threads=1",
    ]
    changes = [part for change in short for part in ("--set", change)]
    run(tmp_path / "empty/bin/leadline", "run", "quickstart", "--out", "run", *changes, cwd=tmp_path)
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert set(summary["arms"]) == {"base", "sft", "grpo", "lead"}
    assert (tmp_path / "run/report.html").stat().st_size > 1_000_000
