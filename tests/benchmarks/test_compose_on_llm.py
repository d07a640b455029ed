"""How the benchmark takes a sum of three apart, and that the grader finds the joined answer right."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType

import pytest

from leadline.rewards import Scorer
from leadline.types import Completion, Problem
from scripts import load_benchmark

SUM = Problem("sum", "What is 7 + 12 + 5?", "24")


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    return load_benchmark("compose_on_llm")


@pytest.mark.parametrize(
    ("first", "asked", "second", "right"),
    [
        ("7 + 12 = 19", "What is 19 + 5?", "19 + 5 = 24", True),
        ("7 + 12 is 19.", "What is 19 + 5?", "19 + 5 equals 24.", True),
        ("7 + 12 = 18", "What is 18 + 5?", "18 + 5 = 23", False),
        ("7 + 12 = 19", "What is 19 + 5?", "19 + 5 = 25", False),
        ("I do not know", None, "", False),
    ],
)
def test_a_sum_in_two_parts(
    benchmark: ModuleType, first: str, asked: str | None, second: str, right: bool
) -> None:
    parts = benchmark.in_two(SUM, random.Random(0))
    assert parts.first == "What is 7 + 12?"
    assert parts.rest(first) == asked
    (score,) = Scorer({"accuracy": 1.0}).score([SUM], [Completion("sum", parts.join(first, second), 9)])
    assert score.correct is right


def test_problems_are_the_same_whenever_they_are_made(benchmark: ModuleType, tmp_path: Path) -> None:
    made = [
        benchmark.write_rows(
            tmp_path / name / "three.jsonl", benchmark.different("three", benchmark.whole, 50)
        )
        for name in "ab"
    ]
    assert made[0].read_bytes() == made[1].read_bytes()
    assert len(set(made[0].read_text().splitlines())) == 50
