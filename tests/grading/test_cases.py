"""The project's own labelled answers, and, where they are at hand, those of others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadline.grading import Grader, Reason, Strictness

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "grader_cases.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    # The clock of these tests is generous: they are about verdicts, and may share the machine.
    with Grader(timeout_s=10) as shared:
        yield shared


def rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        pytest.skip(f"no labelled data at {path} (set LEADLINE_DATA)")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_own_cases_are_many_and_of_both_labels() -> None:
    assert len(CASES) >= 150
    assert Counter(case["label"] for case in CASES)[False] >= 60
    assert len({(case["response"], case["gold"]) for case in CASES}) == len(CASES)


def test_own_cases(grader: Grader) -> None:
    grades = grader.grade_many((case["response"], case["gold"]) for case in CASES)
    wrong = [(c, g) for c, g in zip(CASES, grades, strict=True) if g.correct is not c["label"]]
    assert wrong == []


def test_every_gold_is_right_against_itself(grader: Grader) -> None:
    golds = sorted({case["gold"] for case in CASES})
    assert grader.gold_faults(golds) == [None] * len(golds)
    grades = grader.grade_many((rf"\boxed{{{gold}}}", gold) for gold in golds)
    assert [gold for gold, g in zip(golds, grades, strict=True) if not g.correct] == []


def test_equal_answers_share_a_ballot(grader: Grader) -> None:
    spellings = [r"\frac12", "0.5", "1/2", r"\dfrac{2}{4}", "½", ".50", r"x = \frac{1}{2}", "$0.5$"]
    answers = {g.answer for g in grader.grade_many((rf"\boxed{{{text}}}", "7") for text in spellings)}
    assert answers == {"1/2"}


def test_accuracy_on_the_answers_of_others(grader: Grader, shared_data: Path) -> None:
    cases = rows(shared_data / "grader" / "answers.jsonl")
    grades = grader.grade_many((case["response"], case["gold"]) for case in cases)
    wrong = [case for case, g in zip(cases, grades, strict=True) if bool(g.correct) != case["label"]]
    assert 1 - len(wrong) / len(cases) >= 0.975
    assert sum(not case["label"] for case in wrong) <= 2
    boxed = ("microsoft/rho", "QwenLM")
    of_models = [case for case in cases if case["source"].startswith(boxed) and "\\boxed" in case["response"]]
    missed = [case for case in wrong if case in of_models]
    assert len(missed) <= 0.002 * len(of_models)
    assert all(case["label"] for case in missed)


def test_the_pairs_of_math_verify(grader: Grader, shared_data: Path) -> None:
    cases = [
        case for case in rows(shared_data / "grader" / "mathverify_tests.jsonl") if not case.get("suspect")
    ]
    right = 0
    for case in cases:
        options = {key: case["opts"][key] for key in ("precision", "strict", "allow_set_relation_comp")}
        got = grader.grade_many([(case["response"], case["gold"])], comparison=Strictness(**options))[0]
        right += got.correct is case["label"]
    assert right / len(cases) >= 0.97


@pytest.mark.parametrize("name", ["math500.jsonl", "gsm8k_test.jsonl"])
def test_published_golds_are_accepted(grader: Grader, shared_data: Path, name: str) -> None:
    golds = [case["answer"] for case in rows(shared_data / name)]
    faults = grader.gold_faults(golds)
    assert sum(fault is not None for fault in faults) <= 0.005 * len(golds)
    bare = [gold.rsplit("####", 1)[-1].strip() for gold in golds]
    grades = grader.grade_many(
        (rf"\boxed{{{answer}}}", gold) for answer, gold in zip(bare, golds, strict=True)
    )
    assert [gold for gold, g in zip(golds, grades, strict=True) if not g.correct] == []


def test_precision_and_strictness_can_be_given(grader: Grader) -> None:
    third = [(r"\boxed{0.33}", r"\frac{1}{3}")]
    assert grader.grade_many(third)[0].reason is Reason.mismatch
    assert grader.grade_many(third, comparison=Strictness(precision=2))[0].reason is Reason.match
    line = [(r"\boxed{2y+1}", "2x+1")]
    assert grader.grade_many(line)[0].correct is False
    assert grader.grade_many(line, comparison=Strictness(strict=False))[0].correct is True
    relation = [(r"\boxed{2 < x < 5}", "(2,5)")]
    assert grader.grade_many(relation)[0].correct is True
    assert (
        grader.grade_many(relation, comparison=Strictness(allow_set_relation_comp=False))[0].correct is False
    )
