"""Faults put into real runs are named, the right cause first; benchmarks/alarms.py runs all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults import local_faults, trl_faults

LOCAL = (
    "wrong old log-probs",
    "a resume that starts the data over",
    "golds that cannot be read",
    "the sampler waits for something",
    "a style reward that outweighs being right",
)
TRL = ("a reward column of None", "one prompt for all groups", "a style reward that outweighs being right")


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return local_faults.base_model(tmp_path_factory.mktemp("faults") / "base", local_faults.SMALL)


@pytest.mark.parametrize("name", LOCAL)
def test_a_fault_in_the_local_engine_is_named(name: str, start: Path, tmp_path: Path) -> None:
    [fault] = [one for one in local_faults.FAULTS if one.name == name]
    out = local_faults.run_local(fault, start, tmp_path / "run", local_faults.SMALL, steps=8)
    assert out.steps == fault.onset + 8
    assert out.alarms, "nothing was named"
    assert out.alarms[0].check.name in fault.named_by
    assert out.alarms[0].step > fault.onset


def test_the_same_run_without_a_fault_is_quiet(start: Path, tmp_path: Path) -> None:
    fault = local_faults.Fault("none", (), onset=6)
    assert local_faults.run_local(fault, start, tmp_path / "run", local_faults.SMALL, steps=8).alarms == []


@pytest.mark.parametrize("name", TRL)
def test_a_fault_in_trl_is_named(name: str, tmp_path: Path) -> None:
    [fault] = [one for one in trl_faults.FAULTS if one.name == name]
    out = trl_faults.run_trl(fault, None, tmp_path / "run")
    assert out.alarms, "nothing was named"
    assert out.alarms[0].check.name in fault.named_by
