"""Runs that leadline did not start, as others write them: what is read of them, and what `audit` says and returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from command import call
from leadline.errors import DataError, InputError
from leadline.health.sources.opening import open_records


def trl_directory(folder: Path, *, truncated: float = 0.0, steps: int = 12) -> Path:
    """As TRL 1.16 writes it: the state in a checkpoint, a table of completions a step."""
    log: list[dict[str, Any]] = []
    for step in range(1, steps + 1):
        log.append(
            {
                "step": step, "epoch": step / 20, "loss": -0.03, "grad_norm": 0.5, "reward": 0.5, "reward_std": 0.5,
                "rewards/accuracy_reward/mean": 0.5, "rewards/accuracy_reward/std": 0.5, "num_tokens": 5000.0 * step,
                "frac_reward_zero_std": 0.25, "completions/mean_length": 60.0, "entropy": 0.4, "step_time": 2.0,
                "completions/clipped_ratio": truncated, "clip_ratio/region_mean": 0.0,
            }
        )  # fmt: skip
        rows = [
            {
                "step": step, "prompt": [{"role": "user", "content": f"{step}-{row // 4}?"}],
                "completion": [{"role": "assistant", "content": f"it is {row}"}],
                "accuracy_reward": float(row % 2), "advantage": 0.7 if row % 2 else -0.7,
            }
            for row in range(32)
        ]  # fmt: skip
        path = folder / "completions" / f"completions_{step:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
    log.insert(
        6, {"step": 6, "eval_loss": 0.0, "eval_rewards/accuracy_reward/mean": 0.44, "eval_reward": 0.44}
    )
    for at in (6, steps):
        state = folder / f"checkpoint-{at}" / "trainer_state.json"
        state.parent.mkdir()
        state.write_text(
            json.dumps({"log_history": [row for row in log if row["step"] <= at], "max_steps": 100})
        )
    return folder


def test_a_trl_directory_that_leadline_did_not_start(tmp_path: Path) -> None:
    records = open_records(trl_directory(tmp_path / "out"))
    assert (records.kind, records.total, list(records.arms)) == ("trl", 100, ["out"])
    seen = records.arms["out"]
    assert [one.step for one in seen if "valid" not in one.values] == list(range(1, 13))
    assert [one.values for one in seen if "valid" in one.values] == [{"valid": 0.44}]
    second = seen[1]
    assert second.values["groups"] == 8
    assert second.values["live"] == 0.75  # what the log says stands before what the table tells
    assert second.values["tokens_per_second"] == 2500.0
    assert second.parts == {"accuracy_reward": 0.5}
    done = call("audit", str(tmp_path / "out"))
    assert done.returncode == 0
    assert "no alarm in 12 steps" in done.stdout
    [said] = [line for line in done.stdout.splitlines() if "nothing to judge by: " in line]
    assert "length_pull" in said
    assert "truncation" not in said


def test_audit_names_the_cause_and_returns_1(tmp_path: Path) -> None:
    folder = trl_directory(tmp_path / "out", truncated=0.9)
    done = call("audit", str(folder), "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["kind"] == "trl"
    [alarm] = [one for one in found["arms"]["out"]["found"] if one["kind"] == "alarm"]
    assert (alarm["check"], alarm["follows_from"]) == ("truncation", [])
    assert alarm["interval"][0] < 0.9 < alarm["interval"][1]
    done = call("audit", str(folder))
    assert done.returncode == 1
    assert "change: Raise the cap" in done.stdout


def test_completions_of_an_evaluation_are_no_training_steps(tmp_path: Path) -> None:
    """TRL writes them over the table of the step, and again at the next one if that generates none."""
    folder = trl_directory(tmp_path / "out")
    asked = [
        {
            "step": 6,
            "prompt": "held out",
            "completion": f"it is {row}",
            "accuracy_reward": 1.0,
            "advantage": 0.0,
        }
        for row in range(32)
    ]
    for step in (6, 7):
        table = pa.Table.from_pylist([{**row, "step": step} for row in asked])
        pq.write_table(table, folder / "completions" / f"completions_{step:05d}.parquet")
    for step in (18, 19):  # behind the last checkpoint; the run evaluates every six steps
        rows = [{**row, "step": step, "completion": f"{step} {i}"} for i, row in enumerate(asked)]
        table = pa.Table.from_pylist(rows)
        pq.write_table(table, folder / "completions" / f"completions_{step:05d}.parquet")
    newest = folder / "checkpoint-12" / "trainer_state.json"
    newest.write_text(json.dumps(json.loads(newest.read_text()) | {"eval_steps": 6, "global_step": 12}))
    seen = [one for one in open_records(folder).arms["out"] if "valid" not in one.values]
    assert [one.step for one in seen if "groups" in one.values] == [*range(1, 6), *range(8, 13), 19]
    assert {one.values["groups"] for one in seen if one.step < 13 and "groups" in one.values} == {8}
    assert [one.step for one in seen] == [*range(1, 13), 19]


def test_the_state_that_reaches_furthest_is_read(tmp_path: Path) -> None:
    """A directory's own trainer_state.json may be of a run before the newest checkpoint."""

    def write(folder: Path, steps: int) -> None:
        folder.mkdir(exist_ok=True)
        log = [
            {"step": step, "loss": 0.1, "reward": 0.5, "step_time": 2.0, "num_tokens": 100.0 * step}
            for step in range(5, steps + 1, 5)
        ]
        state = {"max_steps": steps, "global_step": steps, "log_history": log}
        (folder / "trainer_state.json").write_text(json.dumps(state))

    write(tmp_path, 10)
    write(tmp_path / "checkpoint-20", 20)
    records = open_records(tmp_path)
    [seen] = records.arms.values()
    assert (seen[-1].step, records.total) == (20, 20)
    assert seen[-1].values["tokens_per_second"] == 50.0, "100 tokens a step, 2 s each, whatever logging_steps"
    write(tmp_path, 25)
    assert open_records(tmp_path).total == 25


def test_evaluation_sets_are_one_validation_a_step(tmp_path: Path) -> None:
    """eval_dataset={"easy": ..., "hard": ...}: two entries a step, told apart by a few of their keys."""
    rewards = "eval_rewards/accuracy/mean"
    log = [
        {"step": step, rewards: value, f"eval_{name}_loss": 0.0, f"eval_{name}_runtime": 1.0}
        for step in (2, 4)
        for name, value in (("easy", 0.8 + step / 100), ("hard", 0.1))
    ]
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": log}))
    [seen] = open_records(tmp_path).arms.values()
    assert [(one.step, round(one.values["valid"], 3)) for one in seen] == [(2, 0.46), (4, 0.47)]


def test_tables_of_trl_without_the_rest_of_its_directory(tmp_path: Path) -> None:
    tables = trl_directory(tmp_path / "out") / "completions"
    assert [one.step for one in open_records(tables).arms["completions"]] == list(range(1, 13))
    [one] = open_records(tables / "completions_00007.parquet").arms["completions_00007.parquet"]
    assert (one.step, one.values["pass@1"], one.values["groups"]) == (7, 0.5, 8)
    other = tmp_path / "other.parquet"
    pq.write_table(pa.Table.from_pylist([{"text": "no table of completions"}]), other)
    done = call("audit", str(other))
    assert done.returncode == 2
    assert "other.parquet: holds no step" in done.stderr


def test_rollouts_and_metrics_of_verl(tmp_path: Path) -> None:
    for step in (1, 2, 10):
        rows = [
            {
                "input": f"{step}-{i // 4}?",
                "output": f"#### {i}",
                "gts": "0",
                "score": float(i % 4 == 0),
                "step": step,
            }
            for i in range(16)
        ]
        (tmp_path / f"{step}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = {"actor/entropy": 0.3, "response_length/clip_ratio": 0.5, "val-core/gsm8k/acc/mean@1": 0.4}
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"step": 2, "data": said}) + '\n{"step": 3, "da')
    records = open_records(tmp_path)
    assert records.kind == "verl"
    [seen] = records.arms.values()
    assert [one.step for one in seen] == [1, 2, 2, 10]
    assert seen[1].values["truncated"] == 0.5
    assert seen[1].values["pass@1"] == 0.25
    assert seen[2].values == {"valid": 0.4}


def test_leadlines_codes_are_no_rewards_of_verl(tmp_path: Path) -> None:
    """4 + bonus right, -(4 + bonus) wrong, 0 not scorable: wrong answers earn more here, a quarter has no gold."""
    for step in range(1, 41):
        rows = []
        for i in range(64):
            right, scorable = i % 2 == 0, i % 4 != 3
            bonus = 0.0 if right or not scorable else 3.0
            code = 0.0 if not scorable else 4 + bonus if right else -(4 + bonus)
            rows.append(
                {
                    "input": f"{step}-{i // 8}?", "output": f"#### {i}", "gts": "0", "score": code, "step": step,
                    "acc": float(right and scorable), "scorable": float(scorable), "answered": 1.0, "bonus": bonus,
                    "reason": "", "pred": "0", "part/format": 1.0, "leadline_signal": -1.0, "n_tokens": 5.0,
                    "finished": float(i % 8 != 0),
                }
            )  # fmt: skip
        (tmp_path / f"{step}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = {"critic/score/mean": -1.0, "critic/rewards/mean": -1.0, "actor/entropy": 0.3}
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"step": 2, "data": said}) + "\n")
    [seen] = open_records(tmp_path).arms.values()
    for one in seen[:2]:  # without and with verl's own means of the codes
        values = one.values
        assert (values["pass@1"], values["unscorable"], values["truncated"]) == (0.5, 0.25, 0.125)
        assert (values["inverted"], values["live"]) == (1.0, 1.0)
        assert values["reward"] == pytest.approx((32 * 1 + 16 * 2) / 48)
        assert one.parts == {"format": 1.0}
    found = json.loads(call("audit", str(tmp_path), "--json").stdout)
    alarms = [
        one["check"] for [arm] in [found["arms"].values()] for one in arm["found"] if one["kind"] == "alarm"
    ]
    assert {"wrong_pays_more", "unscorable"} <= set(alarms)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match="no run"):
        open_records(tmp_path)
    done = call("audit", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "no such file" in done.stderr
    state = tmp_path / "trainer_state.json"
    state.write_text("{")
    with pytest.raises(DataError, match="not JSON"):
        open_records(tmp_path)
    state.write_text('{"log_history": [1, {"step": "x"}, {"step": 2, "loss": "NaN", "reward": null}]}')
    [one] = open_records(tmp_path).arms[tmp_path.name]
    assert one.values == {}


def test_prompts_are_the_same_in_whatever_order_a_trainer_deals_them_out(tmp_path: Path) -> None:
    for step in range(1, 8):
        asked = ["a?", "b?", "c?", "a?"] if step % 2 else ["c?", "b?", "a?", "b?"]
        rows = [
            {"input": asked[i // 4], "output": f"#### {i}", "score": float(i % 2), "step": step}
            for i in range(16)
        ]
        (tmp_path / f"{step}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    [seen] = open_records(tmp_path).arms.values()
    assert len({one.batch for one in seen}) == 1
    assert "repeated_prompts" in call("audit", str(tmp_path)).stdout


def test_verdicts_of_verl_that_are_true_and_false(tmp_path: Path) -> None:
    """DAPO's reward manager writes ``acc`` as true and false, and a penalty for length into the score."""
    rows = [
        {"step": 1, "input": f"{i // 4}?", "output": f"it is {i}", "acc": i % 2 == 0}
        | {"score": 1.0 if i % 2 == 0 else -1.2}
        for i in range(16)
    ]
    (tmp_path / "1.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = open_records(tmp_path).arms[tmp_path.name][0].values
    assert (values["pass@1"], values["unscorable"], values["mixed"]) == (0.5, 0, 1)


def test_rewards_of_trl_that_are_true_and_false_are_numbers(tmp_path: Path) -> None:
    rows = [
        {
            "step": 1,
            "prompt": f"{i // 4}?",
            "completion": f"it is {i}",
            "accuracy": i % 2 == 0,
            "form": i % 4 > 0,
        }
        for i in range(16)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "completions_00001.parquet")
    seen = open_records(tmp_path).arms[tmp_path.name][0]
    assert seen.parts == {"accuracy": 0.5, "form": 0.75}
    assert (seen.values["pass@1"], seen.values["unscorable"], seen.values["live"]) == (0.5, 0, 1)


def test_a_verdict_of_minus_one_and_one_is_known_by_its_name(tmp_path: Path) -> None:
    for name, rate in (("correctness", 0.5), ("penalty", None)):
        rows = [
            {"step": 1, "prompt": f"{i // 4}?", "completion": f"{i}", name: 2.0 * (i % 2) - 1}
            for i in range(8)
        ]
        path = tmp_path / name / "completions_00001.parquet"
        path.parent.mkdir()
        pq.write_table(pa.Table.from_pylist(rows), path)
        assert open_records(path.parent).arms[name][0].values.get("pass@1") == rate


def test_the_state_of_a_trl_run_may_be_named_and_a_log_without_rewards_is_no_run(tmp_path: Path) -> None:
    trl_directory(tmp_path / "out")
    records = open_records(tmp_path / "out" / "checkpoint-12" / "trainer_state.json")
    assert (records.kind, len(records.arms["checkpoint-12"])) == ("trl", 13)
    for name, text in (("trl.log", b"{'loss': 0.5}\n"), ("events.out.tfevents.1", b"\xff\x00")):
        (tmp_path / name).write_bytes(text)
        with pytest.raises(InputError, match=r"no run: .* metrics of reinforcement learning that"):
            open_records(tmp_path / name)


def test_what_a_reward_function_logs_beside_itself_is_no_reward(tmp_path: Path) -> None:
    """TRL's ``log_extra`` puts columns into the same table: an answer that was never found is no missing reward."""
    folder = trl_directory(tmp_path / "out")
    for path in (folder / "completions").iterdir():
        rows = pq.read_table(path).to_pylist()
        more = {"accuracy_of_format": 1, "extracted": None, "n_words": 3}
        pq.write_table(pa.Table.from_pylist([{**row, **more} for row in rows]), path)
    second = open_records(folder).arms["out"][1]
    assert second.parts == {"accuracy_reward": 0.5}
    assert second.values["pass@1"] == 0.5
    done = call("audit", str(folder))
    assert "no alarm in 12 steps" in done.stdout


def test_report_names_what_makes_a_page_about_a_run_of_trl(tmp_path: Path) -> None:
    done = call("report", str(trl_directory(tmp_path / "out")))
    assert done.returncode == 2
    assert "a page about it: leadline watch" in done.stderr
    assert "--once --html FILE" in done.stderr


def test_files_that_are_read_alike_are_one_note(tmp_path: Path) -> None:
    done = call("probe", str(trl_directory(tmp_path / "out") / "completions"), "--json")
    notes = json.loads(done.stdout)["notes"]
    assert [note for note in notes if "read as trl" in note] == [
        "completions_00001.parquet and 11 more: read as trl; right or wrong by the column 'accuracy_reward'"
    ]
