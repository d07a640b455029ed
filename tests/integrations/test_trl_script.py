"""TRL's own GRPO script, as it is in its wheel and without leadline: what `watch` and `audit` say of what it left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import call
from free_port import free_port
from programs import trl_tiny

pytest.importorskip("trl")

STEPS = 7
TEMPLATE = "{% for turn in messages %}{{ turn.content }} {% endfor %}"


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output directory of `trl/scripts/grpo.py`, which knows nothing of leadline."""
    folder = tmp_path_factory.mktemp("trl")
    trl_tiny.model().save_pretrained(folder / "model")
    tokenizer = trl_tiny.tokenizer()
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder / "model")
    rows = [
        {"prompt": [{"role": "user", "content": f"w{i % 29} w{i // 29} w3"}], "solution": f"${i}$"}
        for i in range(200)
    ]
    (folder / "data").mkdir()
    (folder / "data" / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {
        "model_name_or_path": folder / "model", "dataset_name": folder / "data", "output_dir": folder / "out",
        "reward_funcs": "accuracy_reward", "use_cpu": True, "bf16": False, "gradient_checkpointing": False,
        "max_steps": STEPS, "per_device_train_batch_size": 16, "num_generations": 4, "max_completion_length": 8,
        "logging_steps": 1, "save_steps": STEPS, "log_completions": True, "report_to": "none",
    }  # fmt: skip
    arguments = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    own = {
        "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "1", "MASTER_PORT": str(free_port()),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "trl.scripts.grpo", *arguments],
        env=os.environ | own,
        cwd=folder, capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "out"


def test_watch_shows_where_it_stands(left: Path) -> None:
    done = call("watch", str(left), "--once")
    assert done.returncode == 0, done.stderr
    assert "out (trl)" in done.stdout
    assert f"{STEPS}/{STEPS}" in done.stdout
    assert "accuracy" in done.stdout
    assert "entropy" in done.stdout


def test_watch_ends_with_the_run_and_keeps_a_page_about_it(left: Path, tmp_path: Path) -> None:
    done = call("watch", str(left), "--html", str(tmp_path / "page.html"))
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.html").read_text()
    assert "What the checks say" in page
    assert "constant_reward" in page
    assert 'id="plot-reward"' in page


def test_audit_names_what_is_wrong_with_it(left: Path) -> None:
    done = call("audit", str(left), "--json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["kind"] == "trl"
    [arm] = found["arms"].values()
    assert arm["steps"] == STEPS
    assert "constant_reward" in [one["check"] for one in arm["found"]]
    assert call("audit", str(left / "completions")).returncode in (0, 1)  # these tables alone
