"""The benchmark that lays what the probe foretold beside what happened: its gains, and its figure."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from scripts import load_benchmark

ARM = {"predicted": [0.8, 0.7, 0.9], "seen": [0.8, 0.5, 0.8], "inside": False}


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return vars(load_benchmark("probe_vs_run"))


def test_other_samples_choose_the_band_than_tell_the_success_before(script: dict[str, Any]) -> None:
    # Right in every even sample, and in one of the two odd ones; a third of them after: 1/2 -> 1/3 in `saturated`.
    before = {name: [True, True, True, False] for name in ("a", "b")}
    # Never right in an even sample: dead, and yet solved half of the time; always after.
    before |= {name: [False, True, False, False] for name in ("c", "d", "e")}
    after = {name: [True, False, False] for name in ("a", "b")} | {name: [True] for name in ("c", "d", "e")}
    found = script["gains"](before, after, 8)
    assert list(found) == ["dead", "saturated"]
    assert (found["dead"]["problems"], found["saturated"]["problems"]) == (3, 2)
    assert [found["dead"][when][0] for when in ("before", "after", "gain")] == [0.5, 1.0, 0.5]
    assert [found["saturated"][when][0] for when in ("before", "after", "gain")] == pytest.approx(
        [1 / 2, 1 / 3, -1 / 6]
    )
    for band in found.values():
        for when in ("before", "after"):
            value, lo, hi = band[when]
            assert 0 <= lo <= value <= hi <= 1


def test_the_figure_shows_every_share_and_every_band(script: dict[str, Any]) -> None:
    predicted = {
        "live_groups": {"4": [0.6, 0.5, 0.7], "8": ARM["predicted"], "16": [0.9, 0.7, 1.0]},
        "live_groups_extrapolated": [16],
    }
    row = {"problems": 3, "before": [0.5, 0.4, 0.6], "after": [0.9, 0.8, 1.0], "gain": [0.4, 0.3, 0.5]}
    arms = ("grpo", "lead")
    result = {
        "live_groups": dict.fromkeys(arms, ARM),
        "gain": {arm: {"useful": row, "saturated": row} for arm in arms},
    }
    top = script["foretold_plot"](predicted, result["live_groups"], 8)
    assert top.y_range == (0.4, 1.0)  # room below the lowest share that was seen
    assert [mark.x for mark in top.series[0].marks] == [4, 8, 16]
    assert [mark.x for mark in top.series[1].marks] == [16]
    for series, side in zip(top.series[-2:], (-1, 1), strict=True):
        assert [mark.y for mark in series.marks] == [0.8, 0.5, 0.8]
        assert all(0 < side * (mark.x - 8) < 0.5 for mark in series.marks)
    bottom = script["band_plot"](result["gain"])
    assert bottom.rows == ["useful: 3 problems", "saturated: 3 problems"]
    places = [mark.y for series in bottom.series for mark in series.marks]
    assert places == pytest.approx([-0.27, 0.73, 0, 1, 0.27, 1.27])
    assert [[m.x for m in series.marks] for series in bottom.series] == [[0.5, 0.5], [0.9, 0.9], [0.9, 0.9]]
    words = [e.text for e in ElementTree.fromstring(script["figure"](predicted, result, 8)).iter() if e.text]
    assert {"seen with grpo, steps 1 to 3", "after lead", "saturated: 3 problems", "100%"} <= set(words)
