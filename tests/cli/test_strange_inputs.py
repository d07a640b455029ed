"""Values of options and files that no command can use: exit code 2 and a line, with nothing written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from leadline.cli.main import app
from leadline.cli.outcome import run

COUNTS = "".join(f'{{"problem_id": "p{i}", "n_correct": {i}, "n_samples": 8}}\n' for i in range(9))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("c.jsonl").write_text(COUNTS)
    Path("p.jsonl").write_text('{"id": "p0", "prompt": "1+1?", "answer": "2"}\n')
    Path("s.jsonl").write_text('{"problem_id": "p0", "completion": "2", "n_tokens": 1}\n')
    Path("huge.jsonl").write_text('{"problem_id": "p", "n_correct": 1, "n_samples": 9000000000000000}\n')
    Path("long_id.jsonl").write_text(f'{{"problem_id": "{"x" * 2001}", "n_correct": 1, "n_samples": 2}}\n')
    Path("taken").mkdir()
    for name in ("metrics.json", "samples.jsonl"):
        Path("taken", name).write_text('{"problem_id": "mine"}\n')
    return tmp_path


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    sys.argv = ["leadline", *words]
    code = run(lambda: app(list(words), standalone_mode=False), traceback=lambda: False)
    said = capsys.readouterr()
    assert (code, said.out) == (2, ""), said.err
    assert "fault of leadline" not in said.err
    assert all(line.startswith("leadline: ") and "\x1b" not in line for line in said.err.splitlines())
    return said.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("probe c.jsonl --group 1", "--group must lie"),
        ("probe c.jsonl --group -1 --batch -5 --steps -1", "--steps must lie"),
        ("probe c.jsonl --samples -1 --limit -3", "--limit must lie"),
        ("probe c.jsonl --url http://x/v1", "--data"),
        ("compare c.jsonl c.jsonl --tau nan", "--tau must lie"),
        ("probe huge.jsonl", "more than 10,000,000"),
        ("eval s.jsonl --data p.jsonl --samples 1 --split nope", "a file has no splits"),
        ("probe c.jsonl --data gym:chain_sum?size=999999999999", "size must lie"),
        ("probe c.jsonl --data gym:chain_sum?size=[", "not YAML"),
        ("probe c.jsonl --write-problems c.jsonl", "nothing is written over it"),
        ("probe c.jsonl --html p.jsonl", "is not replaced"),
        ("compare c.jsonl c.jsonl --html c.jsonl", "nothing is written over it"),
        ("eval s.jsonl --data p.jsonl --samples 3", "every problem has 1 samples at least (--samples)"),
        ("eval s.jsonl --data p.jsonl --samples 1 --temperature 1e-300", "temperature must be 0, or"),
        ("study depth --quick --out c.jsonl/x", "c.jsonl is not a folder"),
        ("grade c.jsonl", "holds no row that can be graded"),
        ("grade c.jsonl --workers 0", "workers must lie"),
        ("convert s.jsonl --out c.jsonl", "c.jsonl: exists, and is not replaced"),
        ("eval s.jsonl --data p.jsonl --samples 1 --out new.jsonl", "leave out .jsonl"),
        ("eval s.jsonl --data p.jsonl --samples 1 --out taken", "metrics.json: exists, and is not replaced"),
        ("export s.jsonl --to dataset --out taken", "samples.jsonl: exists, and is not replaced"),
        ("export s.jsonl --to dataset --out new.csv", "leave out .csv"),
        ("probe s.jsonl --data p.jsonl --html new --write-problems new", "nothing is written over it"),
        ("probe long_id.jsonl", "long_id.jsonl:1: an id of 2,001 characters"),
        (
            "run quickstart --out o --set model.hidden_size=131072 --set model.num_layers=1024",
            "GB of memory at least",
        ),
        (
            "run quickstart --out o --set rl.prompts=1000000 --set rl.group_size=65536",
            "rl: prompts, group_size",
        ),
        ("run quickstart --out o --set rl.max_tokens=1000000000000", "rl.max_tokens"),
        ("run quickstart --out o --set seed=true", "true and false are no values here"),
    ],
)
def test_one_line_and_nothing_written(
    here: Path, capsys: pytest.CaptureFixture[str], words: str, why: str
) -> None:
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    assert why in refusal(capsys, *words.split())
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_the_collection_of_hostile_files(
    here: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strangers = shared_data / "strangers"
    for parquet in sorted(strangers.glob("pq_*.parquet")):
        assert parquet.name in refusal(capsys, "probe", "c.jsonl", "--data", str(parquet))
    for name in ("badcrc.jsonl.gz", "fakegz.jsonl.gz", "trunc.jsonl.gz", "utf16.jsonl", "nangold.jsonl"):
        assert name in refusal(capsys, "grade", str(strangers / name), "--out", "graded.jsonl")
    for name in ("counts_huge.jsonl", "escprob.jsonl"):
        refusal(capsys, "probe", str(strangers / name))
    assert "RED" in refusal(capsys, "probe", "c.jsonl", "--data", str(strangers / "escprob.jsonl"))
    assert not Path("graded.jsonl").exists()
