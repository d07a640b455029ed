"""What verl's own writers leave, as `leadline audit` and `leadline watch` read it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from command import call
from leadline.health.sources.opening import open_records


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven steps of rollouts and metrics, written by verl's trainer class and its file logger."""
    from verl.trainer.ppo.ray_trainer import RayPPOTrainer
    from verl.utils.tracking import Tracking

    folder = tmp_path / "rollouts"
    monkeypatch.setenv("VERL_FILE_LOGGER_PATH", str(folder / "metrics.jsonl"))
    folder.mkdir()
    tracking = Tracking("project", "experiment", default_backend=["file"], config={})
    trainer: Any = RayPPOTrainer.__new__(RayPPOTrainer)
    trainer._init_dump_executor()
    for step in range(1, 8):
        trainer.global_steps = step
        right = [float(row % 4 == 0) for row in range(32)]
        trainer._dump_generations(
            inputs=[f"{step}-{row // 4}?" for row in range(32)],
            outputs=[f"so it is #### {row}" for row in range(32)],
            gts=["0"] * 32,
            scores=right,
            reward_extra_infos_dict={"acc": right},
            dump_path=str(folder),
        )
        said = {"actor/entropy": 0.4, "response_length/clip_ratio": 0.9, "response_length/mean": 80.0}
        tracking.log({**said, "actor/pg_loss": 0.01, "val-core/gsm8k/acc/mean@1": 0.25}, step=step)
    trainer._shutdown_dump_executor()
    return folder


def test_rollouts_and_metrics_are_read_as_they_were_written(left: Path) -> None:
    records = open_records(left)
    assert records.kind == "verl"
    [seen] = records.arms.values()
    steps = [one for one in seen if "valid" not in one.values]
    assert [one.step for one in steps] == [*range(1, 8)]
    assert steps[2].values["pass@1"] == 0.25
    assert steps[2].values["groups"] == 8
    assert steps[2].values["entropy"] == 0.4
    assert [one.values for one in seen if "valid" in one.values] == [{"valid": 0.25}] * 7


def test_audit_and_watch_say_what_is_wrong(left: Path, tmp_path: Path) -> None:
    done = call("audit", str(left), "--json")
    assert done.returncode == 1, done.stderr
    [arm] = json.loads(done.stdout)["arms"].values()
    assert next(one["check"] for one in arm["found"] if one["kind"] == "alarm") == "truncation"
    page = tmp_path / "page.html"
    done = call("watch", str(left), "--once", "--html", str(page))
    assert done.returncode == 0, done.stderr
    assert "(verl)" in done.stdout
    assert "truncation" in page.read_text()
