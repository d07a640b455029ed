"""Metrics that other trainers and trackers keep: known by their names, wherever they lie."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from command import call
from leadline.errors import DataError, InputError
from leadline.health.observation import Observation
from leadline.health.sources.opening import open_records

STEPS = range(1, 13)
VERL = {
    "actor/entropy": 0.4,
    "actor/pg_loss": -0.01,
    "critic/score/mean": 0.5,
    "response_length/mean": 900.0,
    "response_length/clip_ratio": 0.9,
}
TRL = {
    "loss": 0.01,
    "reward": 0.5,
    "reward_std": 0.5,
    "frac_reward_zero_std": 0.2,
    "completions/mean_length": 900.0,
    "completions/clipped_ratio": 0.9,
}
SEEN = {"reward": 0.5, "mean_tokens": 900.0, "truncated": 0.9}


def rows(path: Path, of_step: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(of_step(step)) + "\n" for step in STEPS))
    return path


def the_steps(path: Path, values: dict[str, float] = SEEN) -> list[Observation]:
    records = open_records(path)
    assert records.kind == "metrics"
    (seen,) = records.arms.values()
    assert [one.step for one in seen if "valid" not in one.values] == list(STEPS)
    assert {name: seen[0].values[name] for name in values} == pytest.approx(values)
    return seen


@pytest.mark.parametrize(
    "metrics",
    [
        {
            "rollout/raw_reward": 0.5,
            "rollout/response_len/mean": 900.0,
            "rollout/truncated_ratio": 0.9,
        },  # slime
        {
            "train/reward": 0.5,
            "train/mean_gen_tokens_per_sample": 900.0,
            "train/truncation_rate": 0.9,
        },  # NeMo-RL
        {"objective/scores": 0.5, "val/sequence_lengths": 900.0, "val/stop_rate": 0.1},  # open-instruct
        {"reward/mean": 0.5, "completion_len/mean": 900.0, "is_truncated/mean": 0.9},  # prime-rl
        {f"train/{name}": value for name, value in TRL.items()},  # TRL, as wandb has it
        VERL,
    ],
)
@pytest.mark.parametrize("name", ["step", "_step", "trainer/global_step", "current_steps"])
def test_a_table_of_any_trainers_metrics(metrics: dict[str, float], name: str, tmp_path: Path) -> None:
    the_steps(rows(tmp_path / "run" / "metrics.jsonl", lambda step: {name: step, **metrics}))
    the_steps(tmp_path / "run")


def test_metrics_of_one_step_in_several_rows_are_one_step(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "a.jsonl",
        lambda step: {"step": step, "reward/mean": 0.5, "solve_none": 0.3, "solve_all": 0.1},
    )
    more = "".join(json.dumps({"step": step, "loss/mean": 0.1, "entropy/mean": 0.4}) + "\n" for step in STEPS)
    path.write_text(path.read_text() + more)
    the_steps(path, {"reward": 0.5, "live": 0.6, "loss": 0.1, "entropy": 0.4})


def test_ms_swift_and_a_run_under_way(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "out" / "logging.jsonl", lambda step: {**TRL, "global_step/max_steps": f"{step}/100"}
    )
    the_steps(path, {**SEEN, "live": 0.8})
    path.write_text(path.read_text() + '{"loss": 0.1, "rew')
    the_steps(path)
    path.write_text("{\n" + path.read_text())
    with pytest.raises(DataError, match="not JSON"):
        open_records(path)


def test_an_exported_history_with_validations(tmp_path: Path) -> None:
    names = [f"train/{name}" for name in TRL]
    lines = [",".join(["train/global_step", *names, "eval/rewards/accuracy_reward/mean"])]
    values = ",".join(map(str, TRL.values()))
    lines += [f"{step},{values},{'0.4' if step == 6 else ''}" for step in STEPS]
    (tmp_path / "history.csv").write_text("\n".join(lines) + "\n")
    seen = the_steps(tmp_path / "history.csv")
    assert [(one.step, one.values) for one in seen if "valid" in one.values] == [(6, {"valid": 0.4})]


@pytest.mark.parametrize("kind", ["verl", "slime", "trl"])
def test_console_logs(kind: str, tmp_path: Path) -> None:
    lines = {
        "verl": lambda step: (
            f"\x1b[36m(TaskRunner pid=1)\x1b[0m step:{step} - "
            + " - ".join(f"{name}:np.float64({value})" for name, value in VERL.items())
        ),
        "slime": lambda step: (
            f"(Rollout pid=1) x.py:3 - rollout {step}: "
            "{'rollout/raw_reward': 0.5, 'rollout/response_len/mean': 900.0, 'rollout/truncated_ratio': 0.9}"
        ),
        "trl": lambda step: str({name: str(value) for name, value in TRL.items()}) + "\n 1%|  | 1/100 {x",
    }[kind]
    path = tmp_path / "train.log"
    path.write_text("Starting {up}\n" + "".join(lines(step) + "\n" for step in STEPS))
    the_steps(path)
    done = call("audit", path)
    assert done.returncode == 1
    assert "truncation (step" in done.stdout


def test_an_mlflow_run(tmp_path: Path) -> None:
    for name, value in VERL.items():
        file = tmp_path / "run" / "metrics" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"1700000000 {value} {step}\n" for step in STEPS))
    the_steps(tmp_path / "run")
    file.write_text("1700000000 much 1\n")
    with pytest.raises(DataError, match="'much' is no number"):
        open_records(tmp_path / "run")


def test_event_files(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    with closing(SummaryWriter(str(tmp_path / "tb" / "run1"))) as writer:
        for step in STEPS:
            for name, value in VERL.items():
                writer.add_scalar(name, value, step)
    the_steps(tmp_path / "tb")


def database(path: Path, made: str) -> Path:
    with closing(sqlite3.connect(path)) as opened:
        opened.execute(made)
        if made.startswith("CREATE TABLE"):
            for run in ("a", "b"):
                for step in STEPS:
                    row = (run, step, json.dumps({f"train/{name}": value for name, value in TRL.items()}))
                    opened.execute("INSERT INTO metrics(run_name, step, metrics) VALUES (?, ?, ?)", row)
        opened.commit()
    return path


def test_the_runs_of_a_trackio_database_are_arms(tmp_path: Path) -> None:
    made = "CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_name TEXT, step INTEGER, metrics TEXT)"
    records = open_records(database(tmp_path / "project.db", made))
    assert {name: len(seen) for name, seen in records.arms.items()} == {"a": 12, "b": 12}
    endless = "CREATE VIEW metrics AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id FROM n) SELECT id FROM n"
    with pytest.raises(DataError, match="it has no table of metrics"):
        open_records(database(tmp_path / "view.db", endless))


@pytest.mark.parametrize(
    "row",
    [
        {"loss": 0.1, "grad_norm": 0.2},  # supervised training
        {"reward": 1.0, "loss": 0.1, "prompt": "?", "completion": "4"},  # samples
    ],
)
def test_what_is_no_log_of_reinforcement_learning_is_no_run(row: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run: .* wandb's history as CSV"):
        open_records(rows(tmp_path / "a.jsonl", lambda step: {"step": step, **row}))


def test_lines_without_end_take_no_time(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(
        "step:1 - " + "a" * 900_000 + "\nstep" + " " * 900_000 + "{'reward': 1, 'loss': 2}\n" + "'a" * 500_000
    )
    assert [one.step for one in open_records(path).arms["a.log"]] == [1]
