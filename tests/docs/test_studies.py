"""The example of docs/studies.md, run as written."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from leadline.errors import InputError
from leadline.studies import study as study_module
from leadline.studies.design.axes import AXES, find_axis
from leadline.studies.experiment.algorithms import ALGORITHMS, find_algorithm
from leadline.studies.plan import make_plan
from leadline.studies.study import run_study
from tiny_study import TINY

ROOT = Path(__file__).resolve().parents[2]

TEXT = (ROOT / "docs" / "studies.md").read_text()


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    assert code.count("\n") < 40
    (tmp_path / "my_study.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_study", raising=False)
    return tmp_path


def test_the_example_runs(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_plan
    monkeypatch.setattr(
        study_module, "make_plan", lambda axis, **settings: made(axis, scale=TINY, **settings)
    )
    result = run_study(
        "my_study:walks",
        example / "out",
        quick=True,
        seeds=1,
        steps=(10,),
        algorithms=["lead", "my_study:hinted"],
        workers=0,
    )
    assert result["axis"] == "walks"
    ran = {(entry["cell"], entry["algorithm"]) for entry in result["conditions"]}
    assert ("three edges, overlap 0.01", "my_study:hinted") in ran
    hinted = next(
        e for e in result["conditions"] if e["algorithm"] == "my_study:hinted" and e["side"] == "trained"
    )
    assert hinted["N"][0] == 9 * TINY.group  # the tenth step imitates and draws nothing


def test_the_document_names_every_axis_and_algorithm() -> None:
    assert all(f"`{name}`" in TEXT for name in (*AXES, *ALGORITHMS))


@pytest.mark.usefixtures("example")
def test_names_that_lead_nowhere_are_refused() -> None:
    for name in ("my_study:absent", "nothing:here"):
        with pytest.raises(InputError, match="axis"):
            find_axis(name)
        with pytest.raises(InputError, match="algorithm"):
            find_algorithm(name)
    with pytest.raises(InputError, match="not an Axis"):
        find_axis("builtins:dict")
