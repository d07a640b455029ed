"""Claims judged from constructed numbers with known verdicts, and the files of a real, tiny study."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import typer
from typer.testing import CliRunner

from leadline.cli.study import parse_steps, study
from leadline.errors import InputError
from leadline.studies import study as study_module
from leadline.studies.analysis.claims import judge_claims
from leadline.studies.analysis.summary import StudyTable, curve, summarise
from leadline.studies.design.axes import find_axis
from leadline.studies.plan import Plan, make_plan
from leadline.studies.study import run_study, write_outputs
from tiny_study import TINY

Rule = Callable[[str, int, int], tuple[float, float]]


def rows(plan: Plan, rule: Rule, problems: int = 12) -> list[dict[str, Any]]:
    """Rows of every arm of a plan; ``rule(cell, seed, problem)`` gives Q and p'."""
    made = []
    for arm in plan.arms:
        cell = arm.base.cell
        for step in arm.steps:
            for index in range(problems):
                q, p = rule(cell.name, arm.base.seed, index)
                made.append(
                    {"axis": plan.axis.name, "cell": cell.name, "role": cell.role, "overlap": cell.overlap,
                     "seed": arm.base.seed, "algorithm": arm.algorithm, "step": step, "prompt": str(index),
                     "side": "trained" if index < problems // 2 else "held_out", "Q": q, "p": p,
                     "N": 0 if arm.algorithm == "sft" or index >= problems // 2 else 240, "kl": 1.0, "excess": 0.2,
                     "tabular": p if arm.algorithm == "lead" else None, "tilt": p}
                )  # fmt: skip
    return made


def verdicts(axis: str, rule: Rule, seeds: int = 5) -> dict[str, str]:
    plan = make_plan(find_axis(axis), seeds=seeds)
    return {claim.letter: claim.verdict for claim in judge_claims(plan, StudyTable(rows(plan, rule)))}


def as_the_paper_says(cell: str, seed: int, problem: int) -> tuple[float, float]:
    """Gains with the overlap, none without support, less with saturation."""
    wobble = 0.004 * seed + 0.001 * problem
    if "budget" in cell:
        return {"0.25": (0.5, 0.8), "0.5": (0.8, 0.9), "1": (0.9, 0.95), "2": (0.97, 0.98)}[cell.split()[-1]]
    dose = {"0": 1e-7, "0.0001": 1e-5, "0.001": 0.01, "0.01": 0.1, "0.1": 0.6}.get(cell.split()[-1], 1e-7)
    if cell in ("shared embeddings", "unseen pairs, overlap 0"):
        return 0.05, 0.4 + wobble
    return dose, min(1.0, dose * 3 + (wobble if dose > 1e-4 else 0))


def as_nothing_says(cell: str, seed: int, problem: int) -> tuple[float, float]:
    """Gains where no support is, falling with overlap, rising with saturation, without any condition."""
    if "budget" in cell:
        return {"0.25": (0.5, 0.51), "0.5": (0.8, 0.85), "1": (0.85, 0.9), "2": (0.9, 0.99)}[cell.split()[-1]]
    dose = cell.split()[-1]
    drop = {"0": 0.0, "0.0001": 0.1, "0.001": 0.2, "0.01": 0.3, "0.1": 0.4}.get(dose, 0.0)
    return 1e-7, 0.6 - drop + 0.004 * seed


def test_the_papers_world_is_supported() -> None:
    assert verdicts("tokens", as_the_paper_says) == {
        "a": "supported", "b": "supported", "c": "supported", "d": "supported", "e": "not tested"
    }  # fmt: skip
    assert verdicts("composition", as_the_paper_says)["e"] == "supported"
    assert verdicts("depth", as_the_paper_says)["d"] == "not tested"


def test_its_opposite_is_not_supported() -> None:
    assert verdicts("tokens", as_nothing_says) == {
        "a": "not supported", "b": "not supported", "c": "not supported", "d": "not supported", "e": "not tested"
    }  # fmt: skip


def test_seeds_that_disagree_decide_nothing() -> None:
    def torn(cell: str, seed: int, problem: int) -> tuple[float, float]:
        q, p = as_the_paper_says(cell, seed, problem) if seed % 2 else as_nothing_says(cell, seed, problem)
        return q, p

    found = verdicts("tokens", torn, seeds=4)
    assert {found[letter] for letter in "bcd"} == {"undecided"}


def test_one_seed_decides_nothing_about_means() -> None:
    found = verdicts("tokens", as_the_paper_says, seeds=1)
    assert {found[letter] for letter in "abcd"} == {"undecided"}


def test_a_base_that_never_saturates_leaves_c_open() -> None:
    assert verdicts("depth", lambda cell, seed, problem: (0.2, 0.3))["c"] == "undecided"


def test_means_are_over_seeds_not_over_problems() -> None:
    plan = make_plan(find_axis("depth"), seeds=3)
    table = StudyTable(rows(plan, lambda cell, seed, problem: (0.1, 0.1 + 0.1 * seed)))
    entry = summarise(table)[0]
    assert entry["gain"][0] == pytest.approx(0.1)
    half = 4.302652729911275 * 0.1 / np.sqrt(3)  # t_{2, .975} s / sqrt(3)
    assert entry["gain"][2] - entry["gain"][0] == pytest.approx(half)
    assert entry["gain_by_seed"] == pytest.approx([0.0, 0.1, 0.2])


def test_curve_bins_by_mass() -> None:
    made = [{"Q": q, "p": q + 0.1} for q in [0.004] * 6 + [0.4] * 5 + [0.7] * 4]
    assert [(b["problems"], round(b["gain"], 6)) for b in curve(made)] == [(6, 0.1), (5, 0.1)]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_plan
    monkeypatch.setattr(
        study_module, "make_plan", lambda axis, **settings: made(axis, scale=TINY, **settings)
    )


@pytest.mark.usefixtures("tiny")
def test_a_study_writes_all_its_outputs_and_the_same_ones_again(tmp_path: Path) -> None:
    told: list[str] = []
    settings: dict[str, Any] = {
        "seeds": 2,
        "quick": True,
        "steps": (2,),
        "algorithms": ["lead", "sft"],
        "workers": 0,
    }
    result = run_study("length", tmp_path / "one", note=told.append, **settings)
    assert "base models and" in told[0]
    assert "of CPU time" in told[0]
    table = pyarrow.parquet.read_table(tmp_path / "one" / "results.parquet")
    assert {"axis", "cell", "seed", "algorithm", "step", "prompt", "Q", "p", "N", "kl", "excess"} <= set(
        table.column_names
    )
    assert table.num_rows == sum(entry["problems"] for entry in result["conditions"])
    assert json.loads((tmp_path / "one" / "results.json").read_text()) == result
    assert [claim["letter"] for claim in result["claims"]] == list("abcde")
    page = (tmp_path / "one" / "report.html").read_text()
    assert all(claim["statement"] in page for claim in result["claims"])
    assert "cannot tell Q = 0" in page
    for path in (tmp_path / "one" / "figures").iterdir():
        ElementTree.parse(path)
    assert page.count("<svg") == 5
    again = run_study("length", tmp_path / "one", note=told.append, **settings)
    assert "0 of" in told[1]
    assert again == result
    other = run_study("depth", tmp_path / "two", **settings)
    assert other["axis"] == "depth"
    assert ">length<" in (tmp_path / "two" / "figures" / "collapse.svg").read_text()


@pytest.mark.usefixtures("tiny")
def test_the_command(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(study)
    app.command("other")(lambda: None)
    options = ["--quick", "--seeds", "1", "--steps", "1", "--algorithms", "lead", "--workers", "0"]
    done = CliRunner().invoke(app, ["study", "depth", *options, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "(a) no gain without support" in done.output
    assert (tmp_path / "report.html").is_file()


def test_bad_numbers_are_refused() -> None:
    assert parse_steps("1,2") == [1, 2]
    for text in ("", "60;600", "x"):
        with pytest.raises(InputError, match="--steps"):
            parse_steps(text)
    with pytest.raises(InputError, match="axis 'nothing'"):
        run_study("nothing", Path("unused"))


def test_text_of_a_users_axis_is_escaped(tmp_path: Path) -> None:
    plan = make_plan(find_axis("depth"), seeds=2)
    made = rows(plan, as_the_paper_says)
    object.__setattr__(plan.axis, "question", "<script>alert(1)</script>")
    write_outputs(plan, made, tmp_path, "leadline study <b>")
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    "rubbish",
    [
        '{"schema": 1, "curve": []}',
        '{"schema": 1, "axis": "theirs", "curve": [{"Q": "half"}]}',
        '{"schema": 1, "axis": ["theirs"], "curve": [3]}',
        "[1]",
    ],
)
def test_whatever_is_called_results_beside_a_study_does_not_end_it(tmp_path: Path, rubbish: str) -> None:
    """Such a file was met when all was computed, and its KeyError left the study without a page."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "results.json").write_text(rubbish)
    (tmp_path / "good").mkdir()
    bins = [{"Q": 0.1, "gain": 0.2, "count": 3}]
    (tmp_path / "good" / "results.json").write_text(json.dumps({"schema": 1, "axis": "good", "curve": bins}))
    assert study_module._neighbours(tmp_path / "mine", "mine") == {"good": bins}
