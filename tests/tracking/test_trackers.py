"""Trackers show what a run writes; the real packages where they are installed, and none of them can stop a run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from leadline.errors import MissingExtra
from leadline.health import Alarm, check_named
from leadline.runs.tracked import Trackers
from leadline.storage.run_directory import RunWriter
from leadline.tracking.background import Background
from leadline.tracking.sink import Tracked, connect

ALARM = Alarm(check_named("truncation"), 2, "the token cap cut off 80%", 0.8, (0.7, 0.9), "Raise the cap", 1)


def written(folder: Path, names: list[str]) -> list[str]:
    """A run of three steps with samples and an alarm, shown in ``names``; returns the warnings."""
    warnings: list[str] = []
    with RunWriter(folder) as writer:
        trackers = Trackers(names, Tracked(folder, "demo", {"seed": 1}), warnings.append)
        for step in (1, 2, 3):
            row = {"arm": "lead", "stage": "rl", "step": step, "pass@1": 0.1 * step, "kl": None, "batch": "x"}
            writer.metric(row)
            if step == 2:
                sample = {"prompt": "1+1?", "completion": "<script>|2", "correct": True, "reward": 1.0}
                writer.samples("lead", "step-000002", [sample])
            trackers.row(row)
        trackers.alarm("lead", ALARM)
        trackers.verdict("lead against sft", "sharpened")
        trackers.close()
    return warnings


def test_tensorboard_reads_back_what_was_shown(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert written(tmp_path / "run", ["tensorboard"]) == []
    events = EventAccumulator(str(tmp_path / "run" / "track" / "tensorboard" / "lead")).Reload()
    assert [(e.step, round(e.value, 6)) for e in events.Scalars("rl/pass@1")] == [
        (1, 0.1),
        (2, 0.2),
        (3, 0.3),
    ]
    [table] = events.Tensors("samples/text_summary")
    assert b"&lt;script>&#124;2" in table.tensor_proto.string_val[0]
    alerts = EventAccumulator(str(tmp_path / "run" / "track" / "tensorboard" / "alerts")).Reload()
    texts = [e.tensor_proto.string_val[0] for e in alerts.Tensors("alerts/text_summary")]
    assert b"truncation at step 2" in texts[0]
    assert b"sharpened" in texts[1]


def steps_of(folder: Path, tag: str) -> list[int]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "track" / "tensorboard" / "lead")).Reload()
    return [e.step for e in (events.Tensors(tag) if tag.startswith("samples") else events.Scalars(tag))]


def session(folder: Path, steps: list[int], *, resume: bool) -> None:
    """As the engine goes: a step's row first, its samples behind it; then the stage ends, done or stopped."""
    with RunWriter(folder, resume=resume) as writer:
        trackers = Trackers(["tensorboard"], Tracked(folder, "demo", {}), lambda line: None)
        for step in steps:
            row = {"arm": "lead", "stage": "rl", "step": step, "pass@1": 0.1 * step}
            writer.metric(row)
            trackers.row(row)
            writer.samples("lead", f"step-{step:06d}", [{"prompt": f"{step}?", "completion": "2"}])
        trackers.stage_ends()
        trackers.close()


def test_samples_stand_at_their_own_step_and_a_resumed_run_shows_each_step_once(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    session(tmp_path, [1, 2, 3, 4], resume=False)
    assert steps_of(tmp_path, "samples/text_summary") == [1, 2, 3, 4]
    session(tmp_path, [3, 4, 5], resume=True)  # killed after step 4, with a checkpoint of step 2
    assert steps_of(tmp_path, "rl/pass@1") == [1, 2, 3, 4, 5]
    shown = steps_of(
        tmp_path, "samples/text_summary"
    )  # TensorBoard hides no tables: those of 3 and 4 are there twice
    assert sorted(shown) == [1, 2, 3, 3, 4, 4, 5]


def test_wandb_offline_keeps_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert written(tmp_path / "run", ["wandb"]) == []
    wandb.teardown()  # ends the process that writes the file, which may still be at it
    [log] = (tmp_path / "run" / "track").glob("wandb/offline-run-*/*.wandb")
    content = log.read_bytes()
    assert b"lead/rl/pass@1" in content
    assert b"truncation at step 2" in content


def test_trackio_keeps_a_run_in_its_local_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    pytest.importorskip("trackio")
    from trackio.sqlite_storage import SQLiteStorage

    assert written(tmp_path / "run", ["trackio"]) == []
    logs = SQLiteStorage.get_logs("leadline", "demo")
    assert [log["lead/rl/pass@1"] for log in logs if "lead/rl/pass@1" in log] == pytest.approx(
        [0.1, 0.2, 0.3]
    )
    assert any("truncation" in alert["title"] for alert in SQLiteStorage.get_alerts("leadline"))


class Broken:
    """A tracker that takes the first numbers and then has no disk, network or key any more."""

    def metrics(self, arm: str, step: int, numbers: Mapping[str, float]) -> None:
        if step > 1:
            raise OSError(28, "No space left on device")

    def close(self) -> None:
        raise AssertionError("closed after it had failed")


def test_a_tracker_that_fails_costs_one_warning() -> None:
    warnings: list[str] = []
    told = threading.Event()
    tracker: Any = Background("wandb", Broken, lambda line: (warnings.append(line), told.set()))  # type: ignore[arg-type]
    for step in range(1, 50):
        tracker.metrics("lead", step, {"loss": 1.0})
    assert told.wait(30)
    tracker.alert("a", "b")
    tracker.close()
    assert warnings == [
        "track: wandb is left out from here on (OSError: [Errno 28] No space left on device); the run goes on"
    ]


def test_a_wrong_key_and_a_tracker_that_hangs_are_warnings_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Any:
        raise SystemExit("invalid API key")

    warnings: list[str] = []
    told = threading.Event()
    Background("wandb", refused, lambda line: (warnings.append(line), told.set()))  # type: ignore[arg-type]
    assert told.wait(30)
    assert "SystemExit: invalid API key" in warnings[0]

    monkeypatch.setattr("leadline.tracking.background._LAST_SECONDS", 0.05)
    for_ever = threading.Event()
    hanging = Background("trackio", lambda: for_ever.wait(), warnings.append)  # type: ignore[arg-type,return-value]
    hanging.metrics("lead", 1, {})
    hanging.close()
    assert "did not finish" in warnings[1]
    for_ever.set()


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(MissingExtra, match=r"leadline\[track\]"):
        connect("wandb", Tracked(tmp_path, "demo", {}))
    assert "wandb is not installed" in written(tmp_path / "run", ["wandb"])[0]
