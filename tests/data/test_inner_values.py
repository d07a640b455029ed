"""What rows of others hold one level down, as turns, in percent, or under ids that number the samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leadline.data.samples.counts import Counts
from leadline.data.samples.foreign import SampleReading
from leadline.data.samples.sources import load_counts
from leadline.errors import DataError

ASKED = ("How many pens?", "How many miles?")
FLAT = [(i, j, j <= i) for i in range(2) for j in range(3)]  # right: 1 of 3, 2 of 3


def counted(tmp_path: Path, rows: list[Any], **how: Any) -> Counts:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_counts(path, reading=SampleReading(**how))


def numbers(counts: Counts) -> tuple[list[float], list[float]]:
    return counts.n.tolist(), counts.c.tolist()


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ({"metrics": {"exact_match": 1.0, "exact_match_flex": 1.0}}, "metrics.exact_match"),  # OLMES
        ({"judge_response": {"correct": "yes", "confidence": 90}}, "judge_response.correct"),
        ({"score": {"value": 1.0}}, "score.value"),
        ({"reward": {"score": 1.0, "acc": True}}, "reward.acc"),  # slime
    ],
)
def test_the_one_verdict_in_an_object_of_a_row_is_read_and_said(
    inner: dict[str, Any], said: str, tmp_path: Path
) -> None:
    (name, place), part = next(iter(inner.items())), said.partition(".")[2]
    words = (place[part], {"yes": "no"}.get(place[part], 0))
    rows = [{"doc_id": i, name: {**place, part: words[not v]}} for i, j, v in FLAT]
    counts = counted(tmp_path, rows)
    assert numbers(counts) == ([3, 3], [1, 2])
    assert said in counts.notes[0] or part == "value"


@pytest.mark.parametrize("name", ["previous_attempt", "baseline", "format_check"])
def test_a_verdict_in_an_object_of_something_else_is_not_read(name: str, tmp_path: Path) -> None:
    rows = [
        {"id": i, "answer": "7", "response": f"\\boxed{{{7 if v else 8}}}", name: {"correct": not v}}
        for i, j, v in FLAT
    ]
    assert numbers(counted(tmp_path, rows)) == ([3, 3], [1, 2])


def test_statistics_without_a_verdict_are_asked_about(tmp_path: Path) -> None:
    row = {"instance_id": "a", "stats": {"f1_score": 0.5, "bleu_4": 0.25}}
    with pytest.raises(DataError, match=r"which statistic says right or wrong.* of: f1_score, bleu_4"):
        counted(tmp_path, [row])
    assert numbers(counted(tmp_path, [row], columns={"correct": "f1_score"}, pass_at=0.5)) == ([1], [1])


def test_a_verdict_that_turns_out_to_be_a_score_is_asked_about(tmp_path: Path) -> None:
    rows = [{"doc_id": i, "question": "?", "metrics": {"exact_match": x}} for i, x in enumerate((1.0, 0.25))]
    with pytest.raises(DataError, match=r"a\.jsonl:2: a score of 0\.25: say from where on it is right"):
        counted(tmp_path, rows)


@pytest.mark.parametrize("name", ["acc", "passed", "accuracy", "verdict", "is_correct"])
def test_verdicts_of_nested_samples_go_before_grading(name: str, tmp_path: Path) -> None:
    words = ("wrong", "correct") if name == "verdict" else (0.0, 1.0)
    rows = [
        {"id": i, "answer": "9", "samples": [{"text": "8", name: words[v]} for k, j, v in FLAT if k == i]}
        for i in range(2)
    ]
    rows[0]["samples"].reverse() if name == "verdict" else None
    assert numbers(counted(tmp_path, rows)) == ([3, 3], [1, 2])


def test_samples_by_number_and_answers_of_an_api_are_nested_samples(tmp_path: Path) -> None:
    texts = ["\\boxed{7}", "\\boxed{8}"]
    answers = [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"} for text in texts]
    for samples in ({"samples": {str(i): {"text": t} for i, t in enumerate(texts)}}, {"choices": answers}):
        counts = counted(tmp_path, [{"id": 0, "question": "?", "answer": "7", **samples}])
        assert numbers(counts) == ([2], [1])


def test_conversations_are_known_by_what_was_asked_first(tmp_path: Path) -> None:
    """ART: a line a group, answers as an API gives them; what the environment says later differs."""

    def trajectory(i: int, j: int, right: bool) -> dict[str, Any]:
        turns: list[Any] = [
            {"role": "system", "content": "Think."},
            {"role": "user", "content": ASKED[i]},
            {"finish_reason": "tool", "message": {"role": "assistant", "content": "Look it up."}},
            {"role": "user", "content": f"Result {j}."},
            {"finish_reason": "stop", "message": {"role": "assistant", "content": "7"}},
        ]
        return {"reward": float(right), "metadata": {}, "messages_and_choices": turns}

    rows = [{"trajectories": [trajectory(*one) for one in FLAT if one[0] == i]} for i in range(2)]
    counts = counted(tmp_path, rows)
    assert numbers(counts) == ([3, 3], [1, 2])
    assert tuple(counts.prompts.values()) == ASKED
    assert "a problem is known by what was asked first" in counts.notes[0]


def test_perturbed_instances_of_helm_are_left_out(tmp_path: Path) -> None:
    rows = [
        {"instance_id": "a", "stats": {"exact_match": 1.0}},
        {"instance_id": "a", "perturbation": {"name": "typos"}, "stats": {"exact_match": 0.0}},
    ]
    counts = counted(tmp_path, rows)
    assert numbers(counts) == ([1], [1])
    assert counts.notes[0].endswith("1 rows of perturbed instances were left out")


@pytest.mark.parametrize("rates", [(25.0, 0.0, 100), ("25%", "0%", "100%")])
def test_rates_in_percent_are_counts(rates: tuple[Any, ...], tmp_path: Path) -> None:
    rows = [{"question": f"{i}?", "pass_rate": rate} for i, rate in enumerate(rates)]
    counts = counted(tmp_path, rows, columns={"solve_rate": "pass_rate", "n_samples": "8"})
    assert numbers(counts) == ([8, 8, 8], [2, 0, 8])


def test_a_percentage_behind_shares_is_refused(tmp_path: Path) -> None:
    rows = [{"question": f"{i}?", "pass_rate": rate} for i, rate in enumerate((0.25, 25))]
    with pytest.raises(DataError, match="the solve rate is '25', not a share as those before it"):
        counted(tmp_path, rows, columns={"solve_rate": "pass_rate", "n_samples": "8"})


def test_a_column_of_what_went_wrong_is_not_proposed_as_a_verdict(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--columns correct=COLUMN"):
        counted(tmp_path, [{"id": 0, "prompt": "?", "response": "x", "incorrect": True}])


def test_passes_of_a_total_are_counts(tmp_path: Path) -> None:
    rows = [{"problem": "a?", "passed": 3, "total": 4}, {"problem": "b?", "passed": 0, "total": 4}]
    assert numbers(counted(tmp_path, rows)) == ([4, 4], [3, 0])


def test_ids_under_which_every_prompt_recurs_number_the_samples(tmp_path: Path) -> None:
    rows = [{"id": 3 * i + j, "question": ASKED[i], "response": "x", "correct": v} for i, j, v in FLAT]
    counts = counted(tmp_path, rows)
    assert numbers(counts) == ([3, 3], [1, 2])
    assert tuple(counts.prompts.values()) == ASKED
    assert "6 ids of one sample each, for 2 prompts: they number the samples" in counts.notes[-1]
    named = counted(tmp_path, rows, columns={"problem_id": "id", "correct": "correct"})
    assert len(named) == 6


def test_ids_of_prompts_with_several_reference_answers_are_left_as_they_are(tmp_path: Path) -> None:
    """One instruction for all, with what it is about elsewhere: not one problem."""
    rows = [{"id": i, "question": ASKED[i % 2], "gold": str(i), "correct": True} for i in range(6)]
    assert len(counted(tmp_path, rows)) == 6


def test_facts_beside_a_question_are_part_of_it(tmp_path: Path) -> None:
    rows = [
        {"body": f"Of {i} pens 3 are sold.", "question": "How many are left?", "correct": v}
        for i, j, v in FLAT
    ]
    assert numbers(counted(tmp_path, rows)) == ([3, 3], [1, 2])


@pytest.mark.parametrize(
    "sample",
    [
        lambda v: {"text": "8", "metrics": {"correct": v}},
        lambda v: {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "97"[v]}]},
    ],
)
@pytest.mark.parametrize("name", ["rollouts", "trajectories"])
def test_nested_samples_with_verdicts_in_objects_and_with_chats(
    sample: Any, name: str, tmp_path: Path
) -> None:
    rows = [
        {"id": i, "problem": "?", "answer": "7", name: [sample(v) for k, j, v in FLAT if k == i]}
        for i in range(2)
    ]
    assert numbers(counted(tmp_path, rows)) == ([3, 3], [1, 2])
