"""The choices of a question in another order on the other side: known by its id, or what to do is said."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from leadline.data.problems.choices import as_choices, unordered
from leadline.data.samples.counts import Counts
from leadline.data.samples.formats import Reading
from leadline.data.samples.formats.base import own_row
from leadline.data.samples.sources import load_counts
from leadline.data.samples.tally import count_rows
from leadline.diagnosis.compare.measure import compare
from leadline.errors import DataError


def asked(i: int, seed: int, style: str = "{}. ") -> str:
    """Question i with four choices, in an order of its own."""
    choices = [f"{i} + {j} apples" for j in range(4)]
    random.Random(1000 * seed + i).shuffle(choices)
    lines = [style.format(letter) + text for letter, text in zip("ABCD", choices, strict=True)]
    return "\n".join([f"How many are in basket {i}?", *lines, "Answer with a letter."])


def sampled(seed: int, *, ids: bool = True, questions: int = 30) -> Counts:
    """Right in half of the samples of the even questions, never in the others."""
    made: list[dict[str, Any]] = [
        own_row(Reading(), problem=i if ids else None, prompt=asked(i, seed), score=i % 2 == j % 2 == 0)
        for i in range(questions)
        for j in range(4)
    ]
    return count_rows(enumerate(made, 1))


def test_the_id_names_the_question_whatever_the_order_of_its_choices() -> None:
    found = compare(sampled(1), sampled(2))
    assert len(found.pair) == 30
    assert found.passes[0].difference.value == 0


def test_without_ids_it_is_said_what_to_do() -> None:
    with pytest.raises(DataError, match=r"differ in the order of their choices alone.*\n.*problem_id=COLUMN"):
        compare(sampled(1, ids=False), sampled(2, ids=False))
    assert len(compare(sampled(1, ids=False), sampled(1, ids=False)).pair) == 30


def test_one_id_with_other_choices_is_another_question() -> None:
    made = [
        own_row(Reading(), problem=i, prompt=asked(i + 1, 2).replace("basket", "heap"), score=True)
        for i in range(30)
    ]
    tuned = count_rows(enumerate(made, 1))
    with pytest.raises(DataError, match="stand for another problem"):
        compare(sampled(1), tuned)


def test_samples_of_one_question_in_several_orders_are_graded_by_their_own_letters(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "prompt": asked(1, seed), "gold": letter, "completion": f"\\boxed{{{letter}}}"}
        for seed, letter in ((1, "A"), (2, "C"), (3, "B"))
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    counts = load_counts(path)
    assert (counts.n.tolist(), counts.c.tolist()) == ([3], [3])


@pytest.mark.parametrize("style", ["{}. ", "({}) ", "{}) ", "{}: "])
def test_ways_of_writing_choices(style: str) -> None:
    keys = {unordered(asked(3, seed, style)) for seed in range(10)}
    assert len(keys) == 1
    assert keys != {None}
    ours = {unordered(as_choices("Which?", "4", ["3", "5", "7"], seed)[0]) for seed in range(10)}
    assert len(ours) == 1
    assert unordered("a) of it. Then b is 3") is None
