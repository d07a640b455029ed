"""Axes and algorithms of a user's own that fail: one line that names them, whatever runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.errors import InputError
from leadline.studies.design.axes import find_axis
from leadline.studies.execution.cost import NO_COST
from leadline.studies.execution.pools import open_pool
from leadline.studies.execution.runner import run_plan
from leadline.studies.plan import make_plan
from leadline.studies.study import run_study
from tiny_study import TINY

AXIS = """
from leadline.studies.design.axes.depth import depth as whole

def broken():
    return whole().no_such_thing

def axis():
    return whole()

def stumbles(student, step):
    raise ValueError("no gold left")
"""


def test_an_axis_of_a_user_that_fails_is_theirs_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was "a fault of leadline itself", as was any function that takes an argument."""
    (tmp_path / "fallible_study.py").write_text(AXIS)
    monkeypatch.chdir(tmp_path)
    for name, says in (
        ("fallible_study:broken", "raised AttributeError: .*fallible_study.py:5"),
        ("json:dumps", "raised TypeError: "),
    ):
        with pytest.raises(InputError, match=f"axis '{name}': {says}"):
            run_study(name, tmp_path / "out", dry_run=True)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_algorithm_of_a_user_that_fails_is_named_wherever_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    (tmp_path / "stumbling_study.py").write_text(AXIS)
    monkeypatch.chdir(tmp_path)
    name = "stumbling_study:stumbles"
    plan = make_plan(find_axis("depth"), seeds=1, algorithms=[name], steps=(1,), quick=True, scale=TINY)
    with pytest.raises(InputError, match=f"algorithm '{name}': raised ValueError: no gold left"):
        run_plan(plan, tmp_path / "out", open_pool(workers), NO_COST)
