"""The sample row: what is read back, and what is refused."""

from __future__ import annotations

import pytest

from leadline.types import Completion, SampleRow, Span

PLAIN = {"problem_id": "p", "completion": "7", "n_tokens": 2}


def test_what_a_row_does_not_say_is_not_made_up() -> None:
    row = SampleRow.from_row(PLAIN)
    assert (row.graded, row.score, row.prompt, row.gold, row.difficulty, dict(row.context)) == (
        *(False, None, None, None, None),
        {},
    )
    unscorable = SampleRow.from_row(PLAIN | {"correct": None})
    assert (unscorable.graded, unscorable.correct) == (True, None)


def test_a_row_of_somebody_elses_keeps_its_other_fields() -> None:
    theirs = PLAIN | {
        "problem_id": 3,
        "correct": True,
        "answer": 42,
        "parts": [1],
        "spans": "none",
        "model": "m",
    }
    row = SampleRow.from_row(theirs, "f:1")
    assert row.score is not None
    assert (row.completion, row.correct, row.place) == (Completion("3", "7", 2), True, "f:1")
    assert (row.score.answer, dict(row.score.parts), row.score.spans) == (None, {}, ())
    assert dict(row.context) == {"model": "m"}


def test_spans_and_parts_that_are_none_are_left_out() -> None:
    said = {
        "correct": False,
        "parts": {"format": 1, "x": "y", "z": True},
        "spans": [[0, 2, "backward"], [0], None],
    }
    row = SampleRow.from_row(PLAIN | said)
    assert row.score is not None
    assert dict(row.score.parts) == {"format": 1.0}
    assert row.score.spans == (Span(0, 2, "backward"),)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"problem_id": None}, "problem_id is missing"),
        ({"problem_id": True}, "neither text nor a number"),
        ({"completion": 7}, "completion is not text"),
        ({"completion": None, "n_samples": 3}, "a row of counts"),
        ({"n_tokens": None}, "n_tokens is missing"),
        ({"n_tokens": -1}, "n_tokens is not a count"),
        ({"finished": "yes"}, "finished is neither"),
        ({"correct": 1}, "correct is not true, false or null"),
        ({"logprob": "low"}, "logprob is not a number"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(fault: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SampleRow.from_row(PLAIN | fault)
