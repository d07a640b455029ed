"""The page of findings beyond the base model says what the committed studies hold, and they what their rows say."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pyarrow.parquet
import pytest

from scripts import load_benchmark

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/studies/beyond"


@pytest.fixture(scope="module")
def findings() -> ModuleType:
    return load_benchmark("beyond_findings")


def test_the_committed_page_is_what_the_results_say(findings: ModuleType) -> None:
    studies = findings.studies(FOLDER)
    assert studies
    assert (FOLDER / "README.md").read_text() == "\n".join(findings.page(studies)).rstrip() + "\n"
    for study in studies:
        assert study["plan"]["seeds"] == [0, 1, 2, 3, 4]
        figures = FOLDER / study["axis"] / "figures"
        assert len(list(figures.glob("*.svg"))) == 2 * len(study["plan"]["cells"])


def test_counts_of_lifted_problems_follow_from_the_rows(findings: ModuleType) -> None:
    """U and X counted again, in another way than the study counts them."""
    for study in findings.studies(FOLDER):
        table = pyarrow.parquet.read_table(FOLDER / study["axis"] / "results.parquet").to_pylist()
        for one in study["judgements"]:
            here = [row for row in table if row["cell"] == one["cell"]]
            lifted = without = 0
            for seed in study["plan"]["seeds"]:
                ran = [row for row in here if row["seed"] == seed]
                most = max((r["completions"] + r["parts"] + r["prefixed"]) / r["pool"] for r in ran)
                own = [r for r in ran if r["algorithm"] == one["algorithm"] and r["side"] == "trained"]
                unsupported = [r for r in own if r["Q"] * most < 0.01]
                without += len(unsupported)
                lifted += sum(r["p"] > 0.1 for r in unsupported)
            assert one["lifted"]["trained"][0] == pytest.approx(lifted / 5)
            assert one["without_support"]["trained"] == pytest.approx(without / 5)
