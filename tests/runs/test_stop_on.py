"""`stop_on` in a recipe: an alarm ends a local run with a checkpoint, and `--resume` goes on all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from faults.local_faults import SMALL
from leadline.display.progress import Progress
from leadline.errors import ConfigError, StoppedByAlarm
from leadline.recipes.reading import parse_recipe
from leadline.recipes.schema import Recipe
from leadline.runs.pipeline import run_recipe
from leadline.storage.run_directory import RunReader


def stopping(*names: str, steps: int = 9) -> Recipe:
    changes = [
        f"stop_on={json.dumps(names)}",
        f"rl.steps={steps}",
        "sft.steps=2",
        "rl.max_tokens=4",
    ]
    return parse_recipe(SMALL, changes, where="here")


def test_an_alarm_ends_the_run_with_a_checkpoint_and_resume_goes_on(tmp_path: Path) -> None:
    out, quiet = tmp_path / "run", Progress(Console(quiet=True))
    with pytest.raises(StoppedByAlarm, match=r"stop_on: truncation: .* --resume goes on") as told:
        run_recipe(stopping("kl", "truncation"), out, progress=quiet)
    steps = [row["step"] for row in RunReader(out).metrics("grpo")]
    assert len(steps) < 9
    assert f"stopped after step {steps[-1]} of 9" in str(told.value)
    assert told.value.exit_code == 1
    [alarm, *_] = json.loads((out / "alarms.json").read_text())["grpo"]
    assert (alarm["check"], alarm["step"]) == ("truncation", steps[-1])
    assert (out / f"checkpoints/grpo/step-{steps[-1]:06d}").is_dir()
    run_recipe(stopping("truncation"), out, resume=True, progress=quiet)
    assert [row["step"] for row in RunReader(out).metrics("grpo") if row["stage"] == "rl"] == [*range(1, 10)]
    assert (out / "summary.json").is_file()


def test_a_run_whose_alarms_are_not_named_goes_to_its_end(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run_recipe(stopping("kl"), out, progress=Progress(Console(quiet=True)))
    assert "truncation" in (out / "alarms.json").read_text()
    assert (out / "summary.json").is_file()


def test_what_is_no_check_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for names, why in ((["truncated"], "no such check"), (["small_loss"], "is a note")):
        with pytest.raises(ConfigError, match=why):
            run_recipe(stopping(*names), tmp_path / "run", progress=Progress(Console(quiet=True)))
    assert not (tmp_path / "run").exists()
