"""``convert`` and ``export`` as commands: other tools' files in, other tools' forms out."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from command import call, refused
from tiny_model import save_tiny_model

ROLLOUTS = [
    {"question": "6 x 7?", "answer": "42", "response": "It is \\boxed{42}.", "score": 1.0},
    {"question": "6 x 7?", "answer": "42", "response": "It is \\boxed{41}.", "score": 0.25},
    {"question": "2 + 2?", "answer": "4", "response": "4", "score": 0.75},
]


@pytest.fixture
def rollouts(tmp_path: Path) -> Path:
    path = tmp_path / "rollouts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROLLOUTS))
    return path


def written(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_convert_wants_a_threshold_for_graded_scores_and_says_which(rollouts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    refused(call("convert", rollouts, "--out", out), "--pass-at")
    assert not out.exists()
    done = call("convert", rollouts, "--out", out, "--pass-at", "0.5")
    assert done.returncode == 0, done.stderr
    assert [row["correct"] for row in written(out)] == [True, False, True]
    assert "3 rows" in done.stdout
    first, second, third = written(out)
    assert first["problem_id"] == second["problem_id"] != third["problem_id"]


def test_convert_counts_tokens_where_the_rows_do_not(rollouts: Path, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    done = call(
        "convert", rollouts, "--out", tmp_path / "out.jsonl", "--pass-at", "0.5", "--tokenizer", str(model)
    )
    assert done.returncode == 0, done.stderr
    lengths = [row["n_tokens"] for row in written(tmp_path / "out.jsonl")]
    assert all(isinstance(length, int) and length > 0 for length in lengths)
    assert lengths[0] > lengths[2]
    refused(
        call("convert", rollouts, "--out", tmp_path / "no.jsonl", "--tokenizer", "nowhere/to/be"),
        "nowhere/to/be",
    )
    assert not (tmp_path / "no.jsonl").exists()


def test_export_takes_other_layouts_and_is_read_back(rollouts: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    done = call("export", rollouts, "--to", "inspect", "--out", log, "--pass-at", "0.5", "--model", "tiny")
    assert done.returncode == 0, done.stderr
    assert "2 problems, 3 samples" in done.stdout
    assert json.loads(log.read_text())["eval"]["model"] == "tiny"
    back = call("convert", log, "--out", tmp_path / "back.jsonl")
    assert back.returncode == 0, back.stderr
    assert [row["correct"] for row in written(tmp_path / "back.jsonl")] == [True, False, True]


def test_export_refuses_before_it_reads(rollouts: Path, tmp_path: Path) -> None:
    given = ("export", rollouts, "--pass-at", "0.5", "--out", tmp_path / "x")
    refused(call(*given, "--to", "parquet"), "--to: 'parquet' is not one of inspect, dataset")
    refused(call(*given, "--to", "eval-results"), "--benchmark OWNER/NAME")
    refused(call(*given, "--to", "eval-results", "--benchmark", "gsm8k"), "--benchmark: 'gsm8k'")
    refused(call("export", rollouts, "--to", "inspect", "--out", rollouts), "is read here")
    assert [p.name for p in tmp_path.iterdir()] == ["rollouts.jsonl"]


def test_what_was_read_and_left_out_is_said_and_the_next_command_reads_it_again(tmp_path: Path) -> None:
    rows = [{"question": f"{i}?", "rate": i % 5 / 4, "other": 1} for i in range(40)] + [
        {"question": "x", "rate": 3}
    ]
    file = tmp_path / "my rates.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    how = ("--columns", "solve_rate=rate,n_samples=16", "--skip-bad-rows")
    done = call("probe", file, *how)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "note: my rates.jsonl: read as columns" in said
    assert "rows were left out: " in said
    assert "the solve rate is '3', not a share" in said
    command = said.partition("leadline probe ")[2].partition(" --data PROBLEMS")[0]
    assert shlex.split(command)[1:] == list(how)
    assert shlex.split(command)[0].endswith("my rates.jsonl")
    compared = call("compare", file, file, *how)
    assert "note: tuned: rows were left out" in " ".join(compared.stdout.split())
    assert any(
        "left out" in note for note in json.loads(call("compare", file, file, *how, "--json").stdout)["notes"]
    )


def test_a_model_to_be_probed_needs_problems(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    refused(call("probe", model), "a model, which needs problems: give them with --data")


def test_columns_of_the_problem_set_beside_samples_are_named_as_its_refusal_says(tmp_path: Path) -> None:
    rows = [{"id": i, "completion": f"{j}: \\boxed{{{i}}}"} for i in range(4) for j in range(2)]
    samples, problems = tmp_path / "samples.jsonl", tmp_path / "set.jsonl"
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    problems.write_text("".join(json.dumps({"id": i, "task": f"{i}?", "key": "2"}) + "\n" for i in range(4)))
    how = ["probe", samples, "--data", problems, "--columns", "completion=completion"]
    done = call(*how)
    assert done.returncode == 2
    assert "no prompt: " in done.stderr
    assert "--columns prompt=COLUMN (data.prompt=COLUMN beside samples)" in done.stderr
    done = call(*how, "--columns", "data.prompt=task,answer=key", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n_samples"] == 8
    done = call("probe", samples, "--columns", "answer=key")
    assert done.returncode == 2
    assert "names a column of the problem set, which is --data" in done.stderr
