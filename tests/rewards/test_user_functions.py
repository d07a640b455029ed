"""A user's own functions: they cannot end the command, speak for it, or fail without a place; plans do not run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from leadline.errors import ConfigError
from leadline.rewards.scorer import Scorer
from leadline.rewards.user_functions import check_name, guarded, resolve
from leadline.types import Completion, Problem


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def module(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(text)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("import sys; sys.exit(0)", "raised SystemExit: 0"),
        ("return 1 / 0", "raised ZeroDivisionError: division by zero"),
        ("raise ValueError('a\\nb')", "raised ValueError: a b"),
        ("raise MemoryError", "raised MemoryError"),
    ],
)
def test_what_a_grader_raises_is_one_line_with_its_place(here: Path, body: str, why: str) -> None:
    name = f"own_{abs(hash(body))}"
    module(here, name, f"def f(response, gold):\n    {body}\n")
    scorer = Scorer({"accuracy": 1.0}, grader=f"{name}:f")
    with pytest.raises(ConfigError) as refusal:
        scorer.score([Problem("p", "?", "1")], [Completion("p", "1", 1)])
    (line,) = refusal.value.problems
    assert line == f"grader '{name}:f': {why} ({name}.py:2)"


def test_what_a_grader_prints_does_not_reach_standard_output(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module(here, "own_loud", "print('hello')\ndef f(response, gold):\n    print('graded')\n    return True\n")
    scorer = Scorer({"accuracy": 1.0}, grader="own_loud:f")
    [score] = scorer.score([Problem("p", "?", "1")], [Completion("p", "1", 1)])
    assert score.correct
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "hello\ngraded\n")


def test_a_module_that_exits_is_refused(here: Path) -> None:
    module(here, "own_exits", "import sys\nsys.exit(3)\n")
    with pytest.raises(ConfigError, match=r"importing 'own_exits' raised SystemExit: 3 \(own_exits\.py:2\)"):
        resolve("own_exits:f", what="reward")


def test_interrupts_pass() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(stop, "here")()


def test_a_plan_looks_for_modules_and_runs_none(here: Path) -> None:
    module(here, "own_sneaky", "open('PWNED', 'w')\ndef f(response, gold): return True\n")
    check_name("own_sneaky:f")
    for wrong in ("nowhere_at_all:f", "own_sneaky", ":f", "own_sneaky:", ".own_sneaky:f"):
        with pytest.raises(ConfigError):
            check_name(wrong)
    (here / "r.yaml").write_text(
        "data: {world: {}}\narms:\n  a: {grader: 'own_sneaky:f', rewards: {accuracy: 1.0, 'own_sneaky:g': 0.1}}\n"
        "evaluation: {grader: 'own_sneaky:f'}\n"
    )
    command = [sys.executable, "-m", "leadline.cli.main", "run", "r.yaml", "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in here.iterdir() if path.name != "__pycache__") == [
        "own_sneaky.py",
        "r.yaml",
    ]
