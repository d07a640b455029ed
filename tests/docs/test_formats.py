"""docs/formats.md names the fields that the code writes: no fewer, no more, and for the stages that it says."""

from __future__ import annotations

import re
from pathlib import Path

from leadline.storage.step_row import GAVE_UP, STEP_FIELDS
from leadline.types import Completion, Problem, SampleRow, Score, Span

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")


def table(heading: str) -> list[tuple[list[str], str]]:
    """The rows below a heading, up to the next one: the names in the first cell, and the rest of the row."""
    section = PAGE.split(f"\n### {heading}\n")[1].split("\n#")[0]
    cells = re.findall(r"^\| (`[^|]*) \|(.*)\|$", section, flags=re.MULTILINE)
    return [(re.findall("`([^`]+)`", first), rest) for first, rest in cells]


def test_the_table_of_a_sample_is_the_type() -> None:
    described = [name for names, _ in table("samples/\\<arm\\>/\\*.jsonl.gz") for name in names]
    assert sorted(described) == sorted(SampleRow.FIELDS)
    sample = SampleRow.of(
        Problem("p", "1 + 1?", "2", difficulty=1.0),
        Completion("p", "Check: 2", 2),
        Score(True, "match", "2", 2, parts={"accuracy": 1.0}, spans=(Span(0, 5, "verification"),)),
        "user: 1 + 1?",
        arm="lead",
        step=3,
        index=0,
        reward=1.0,
        advantage=0.5,
    )
    row = sample.to_row()
    assert tuple(row) == SampleRow.FIELDS
    assert SampleRow.from_row(row) == sample


def test_the_table_of_a_step_is_the_code() -> None:
    described = {
        stage: sorted(
            name
            for names, rest in table("metrics.jsonl")
            for name in names
            if stage in re.split(r"[ ,]+", rest.split("|")[0].strip())
        )
        for stage in STEP_FIELDS
    }
    assert described == {stage: sorted(fields) for stage, fields in STEP_FIELDS.items()}
    section = PAGE.split("\n### metrics.jsonl\n")[1].split("\n### ")[0]
    assert all(f"`{name}`" in section for name in GAVE_UP)
