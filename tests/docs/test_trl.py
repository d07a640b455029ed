"""The diff of docs/trl.md changes two lines of a whole script; what comes out trains, and the pages fit a screen."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from free_port import free_port

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)


def side(diff: str, mark: str) -> str:
    """The script before (``-``) or after (``+``) a diff that shows all of it."""
    [_, hunk] = re.split(r"^@@.*@@\n", diff, flags=re.MULTILINE)
    return "".join(line[1:] + "\n" for line in hunk.splitlines() if line[:1] in (" ", mark))


def test_the_diff_changes_two_lines() -> None:
    [diff] = blocks("trl.md", "diff")
    ast.parse(side(diff, "-"))
    added = [line for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    removed = [line for line in diff.splitlines() if line.startswith("-") and not line.startswith("---")]
    assert (len(added), len(removed)) == (2, 2)


def test_every_example_names_what_there_is() -> None:
    import leadline.integrations.trl as adapter
    from leadline.grpo.config import AdvantageConfig

    page = "trl-reference.md"
    text = (DOCS / page).read_text(encoding="utf-8")
    for module in [*blocks(page, "python"), side(blocks("trl.md", "diff")[0], "+")]:
        for node in ast.walk(ast.parse(module)):
            if isinstance(node, ast.ImportFrom) and node.module == "leadline.integrations.trl":
                assert {alias.name for alias in node.names} <= set(adapter.__all__)
    for name in re.findall(r"AdvantageConfig\.(\w+)\(", text):
        assert hasattr(AdvantageConfig, name), name


def test_the_patched_script_trains(tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")
    sys.path.insert(0, str(Path(__file__).parents[1] / "programs"))
    import trl_tiny

    trl_tiny.model().save_pretrained(tmp_path / "model")
    trl_tiny.tokenizer().save_pretrained(tmp_path / "model")
    rows = [{"prompt": f"w{i} w3", "solution": f"{i + 4}"} for i in range(4)]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "train.py").write_text(side(blocks("trl.md", "diff")[0], "+"))
    options = {
        "model_name_or_path": "model", "dataset_name": "problems.jsonl", "output_dir": "out", "use_cpu": "true",
        "bf16": "false", "gradient_checkpointing": "false", "report_to": "none", "max_completion_length": "6",
        "num_generations": "4", "per_device_train_batch_size": "8", "logging_steps": "1", "num_train_epochs": "1",
    }  # fmt: skip
    command = [
        sys.executable,
        "train.py",
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "MASTER_PORT": str(free_port())}
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=env, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "lead/solve_rate" in done.stdout
    assert (tmp_path / "out" / "model.safetensors").is_file()


@pytest.mark.parametrize("page", ["trl.md", "cluster.md"])
def test_the_short_ways_fit_a_screen(page: str) -> None:
    assert len((DOCS / page).read_text(encoding="utf-8").splitlines()) <= 55


def test_what_models_need_is_what_the_benchmark_prints() -> None:
    sys.path.insert(0, str(DOCS.parent / "benchmarks"))
    import gpu_needs

    assert "\n".join(gpu_needs.table()) in (DOCS / "cluster.md").read_text(encoding="utf-8")
