"""A study that would never end is refused before anything is planned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadline.cli.main import app
from leadline.errors import InputError
from leadline.studies.design.axes import find_axis
from leadline.studies.execution.pools import MAX_WORKERS, open_pool
from leadline.studies.plan import MAX_SEEDS, MAX_STEPS, make_plan
from leadline.studies.study import run_study


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"seeds": MAX_SEEDS + 1}, f"from 1 to {MAX_SEEDS:,}"),
        ({"seeds": 0}, "from 1 to"),
        ({"steps": (MAX_STEPS + 1,)}, f"at most {MAX_STEPS:,} steps"),
    ],
)
def test_more_than_anyone_could_compute_is_refused(sizes: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make_plan(find_axis("depth"), **{"algorithms": ["grpo"], **sizes})  # type: ignore[arg-type]


@pytest.mark.parametrize("there", [{"axis": "length", "claims": []}, {"axis": "depth", "judgements": []}])
def test_the_results_of_another_study_are_not_written_over(tmp_path: Path, there: dict[str, object]) -> None:
    (tmp_path / "cells").mkdir()
    (tmp_path / "results.json").write_text(json.dumps(there))
    with pytest.raises(InputError, match="a folder of its own"):
        run_study("depth", tmp_path, quick=True, workers=0, dry_run=True)


@pytest.mark.parametrize("workers", [-1, MAX_WORKERS + 1])
def test_more_workers_than_any_machine_has_cores_are_refused(workers: int) -> None:
    with pytest.raises(InputError, match=f"from 0 .* to {MAX_WORKERS:,}"):
        open_pool(workers)


def test_no_algorithm_at_all_is_not_all_of_them(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["study", "depth", "--quick", "--out", str(tmp_path / "o"), "--algorithms", " , "]
    )
    assert isinstance(done.exception, InputError)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("address", ["not an address", "garbage:99999", ":6379", "host:", "\x1b[31m:1x"])
def test_what_is_no_address_of_a_cluster_is_refused_before_ray_is_imported(address: str) -> None:
    with pytest.raises(InputError, match="give host:port") as refused:
        open_pool(2, ray=address)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("name", ["results.json", "results.parquet", "figures/mine.svg", "cells"])
def test_what_no_study_wrote_is_not_written_over(tmp_path: Path, name: str) -> None:
    mine = tmp_path / "o" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    done = CliRunner().invoke(
        app, ["study", "depth", "--quick", "--out", str(tmp_path / "o"), "--workers", "0"]
    )
    assert isinstance(done.exception, InputError)
    assert mine.read_text() == "mine"
    assert len(list((tmp_path / "o").rglob("*.*")) + list((tmp_path / "o").glob("cells"))) == 1
