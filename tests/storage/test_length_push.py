"""What pushed the length, by hand."""

from __future__ import annotations

import pytest

from leadline.storage.length_push import LengthPush, paid_parts

LINE = {"drift_accuracy": -0.5, "drift_length_mixed": 0.3, "drift_length_unanimous": 0.4}


@pytest.mark.parametrize(("bonus", "won"), [(0.25, 0.2), (0.0, 0.2), (-0.25, -0.05)])
def test_a_bonus_counts_only_where_it_holds_the_length_term_off(bonus: float, won: float) -> None:
    push = LengthPush.of(LINE | {"drift_bonus": bonus}, ["accuracy", "format"])
    assert push is not None
    assert push.length == pytest.approx(0.7)
    assert push.won == pytest.approx(won)


def test_an_older_line_tells_only_where_nothing_else_was_paid() -> None:
    assert LengthPush.of(LINE, ["accuracy", "answered", "farmed"]) == (-0.5, 0.0, 0.7)
    assert LengthPush.of(LINE, ["accuracy", "reflection"]) is None
    assert paid_parts(["accuracy", "reflection", "farmed"]) == ["reflection"]


@pytest.mark.parametrize("missing", [*LINE, "drift_bonus"])
def test_what_is_no_number_says_nothing(missing: str) -> None:
    numbers = LINE | {"drift_bonus": 0.1, missing: float("nan")}
    assert LengthPush.of(numbers, ["accuracy", "format"]) is None
