"""What a run shows while it works, and the table at its end."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from leadline.display import progress
from leadline.display.blocks import Finding, Table
from leadline.display.progress import Progress, result_table
from leadline.display.terminal import terminal

NUMBERS = {
    "pass@1": 0.042, "pass@1_ci": [0.003, 0.161], "pass@8": 0.167, "pass@8_ci": [0.011, 0.551],
    "cons@8": 0.05, "cons@8_ci": [0.0, 0.26], "mean_tokens": 28.6, "mean_tokens_ci": [26.0, 31.0],
}  # fmt: skip


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_no_number_of_the_result_is_cut_off(columns: int) -> None:
    console = Console(width=columns, file=io.StringIO(), record=True)
    console.print(result_table({"arms": {"base": NUMBERS, "grpo": NUMBERS}}, console))
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= columns
    for part in ("0.042 0.00–0.16", "0.167 0.01–0.55", "28.6 26–31"):
        assert text.count(part) == 2


def test_a_table_of_a_finding_loses_nothing_in_a_narrow_terminal() -> None:
    """Cells go on in the next line instead."""
    columns = ("what", *(f"column{i}" for i in range(6)))
    table = Table("Numbers", columns, (("pass", *(f"{i}.123456789" for i in range(6))),))
    console = Console(width=40, file=io.StringIO(), record=True)
    console.print(terminal(Finding("title", "verdict", ("A sentence.",), (table,))))
    text = console.export_text()
    assert "…" not in text
    assert sum(character.isdigit() for character in text) == 6 * 10 + 6


def test_time_left_of_a_stage_that_goes_on_counts_the_steps_of_this_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock)
    out = io.StringIO()
    shown = Progress(Console(file=out, width=200))
    shown.stage("sft", 120)
    row: dict[str, Any] = {"stage": "sft", "loss": 1.0, "tokens_per_second": 9.0}
    for step in range(91, 101):  # ten seconds a step
        clock += 10.0
        shown.row(row | {"step": step})
    assert re.findall(r"sft 100/120 .* (\d+) s left", out.getvalue()) == ["200"]
