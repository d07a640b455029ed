"""The page of findings says what the committed studies hold, and nothing else."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scripts import load_benchmark

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def findings() -> ModuleType:
    return load_benchmark("study_findings")


def test_the_committed_page_is_what_the_results_say(findings: ModuleType) -> None:
    studies = findings.studies(ROOT / "docs/studies")
    assert [study["axis"] for study in studies] == ["depth", "length", "tokens", "composition"]
    written = (ROOT / "docs/studies/README.md").read_text()
    assert written == "\n".join(findings.page(studies)).rstrip() + "\n"


def test_every_axis_ran_with_five_seeds_to_both_lengths(findings: ModuleType) -> None:
    for study in findings.studies(ROOT / "docs/studies"):
        assert study["plan"]["seeds"] == [0, 1, 2, 3, 4]
        assert study["plan"]["steps"] == [60, 600]
        folder = ROOT / "docs/studies" / study["axis"]
        assert all((folder / f"figures/{name}.svg").is_file() for name, _ in findings.FIGURES)


@pytest.mark.parametrize(
    ("claim", "shown"),
    [
        ({"verdict": "not tested", "interval": None}, "–"),
        ({"verdict": "undecided", "interval": None}, "undecided"),
        ({"verdict": "supported", "interval": [0.041, 0.002, 0.08]}, "**supported** +4.1 [+0.2, +8.0]"),
        ({"verdict": "undecided", "interval": [-0.041, None, None]}, "**undecided** -4.1"),
    ],
)
def test_a_verdict_is_shown_with_its_interval(
    findings: ModuleType, claim: dict[str, Any], shown: str
) -> None:
    assert findings._verdict(claim) == shown
