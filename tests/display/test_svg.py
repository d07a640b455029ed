"""Plots: every mark where it belongs, every word legible and escaped, every file an SVG of its own."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.display.svg import COLOURS, Mark, Plot, Series, stack
from leadline.display.svg.axes import ChartAxis, spaced
from leadline.display.svg.shapes import text_width


def elements(svg: str, tag: str, kind: str = "") -> list[ElementTree.Element]:
    found = [e for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("}" + tag)]
    return [e for e in found if not kind or e.get("class") == kind]


def corners(element: ElementTree.Element) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in element.get("points", "").split()]  # type: ignore[misc]


def plot(*series: Series, **settings: Any) -> Plot:
    return Plot("t", "x", "y", list(series), **settings)


def test_marks_stay_inside_the_frame() -> None:
    drawn = plot(Series("s", [Mark(-5, 9, 8, 12), Mark(0.5, 0.5)], 0, line=True))
    circles = elements(drawn.svg(), "circle")
    assert len(circles) == 3  # two marks, and the sign in the key
    assert all(58 <= float(c.get("cx", "0")) <= 744 for c in circles)
    assert all(56 <= float(c.get("cy", "0")) <= drawn.floor for c in circles[:2])


def test_a_point_lies_where_its_values_say() -> None:
    # The frame: x from 58 to 744, y from 316 (floor) up to 56.
    drawn = plot(Series("", [Mark(0.5, 0.25)], 0))
    [circle] = elements(drawn.svg(), "circle")
    assert (float(circle.get("cx", "0")), float(circle.get("cy", "0"))) == (401.0, 251.0)


def test_a_band_is_shaded_between_the_limits_instead_of_whiskers() -> None:
    marks = [Mark(0, 0.5, 0.25, 0.75), Mark(1, 0.5, 0.5, 1.0)]
    svg = plot(Series("", marks, 1, line=True, band=True, points=False)).svg()
    [band] = elements(svg, "polygon", "band")
    assert corners(band) == [(58.0, 121.0), (744.0, 56.0), (744.0, 186.0), (58.0, 251.0)]
    assert band.get("fill") == COLOURS[1]
    assert not [e for e in elements(svg, "line") if e.get("stroke") == COLOURS[1]]
    whiskers = plot(Series("", marks, 1, line=True, points=False)).svg()
    assert not elements(whiskers, "polygon", "band")
    assert len([e for e in elements(whiskers, "line") if e.get("stroke") == COLOURS[1]]) == 2


def test_the_limits_of_a_single_mark_are_a_whisker() -> None:
    svg = plot(Series("", [Mark(0.5, 0, 0.25, 0.75)], 0, band=True)).svg()
    assert not elements(svg, "polygon", "band")
    [whisker] = [e for e in elements(svg, "line") if e.get("stroke") == COLOURS[0]]
    assert [whisker.get(name) for name in ("x1", "y1", "x2", "y2")] == ["401.0", "251.0", "401.0", "121.0"]


def test_limits_along_rows_are_whiskers() -> None:
    marks = [Mark(0.5, 0, 0.25, 0.75), Mark(0.5, 1, 0.25, 0.75)]
    drawn = plot(Series("", marks, 0, band=True), rows=["a", "b"])
    assert not elements(drawn.svg(), "polygon", "band")
    whiskers = [e for e in elements(drawn.svg(), "line") if e.get("stroke") == COLOURS[0]]
    assert [whisker.get("y1") for whisker in whiskers] == [whisker.get("y2") for whisker in whiskers]
    for whisker in whiskers:
        width = float(whisker.get("x2", "0")) - float(whisker.get("x1", "0"))
        assert width == pytest.approx((744 - drawn.left) / 2, abs=0.2)


def test_bands_lie_behind_all_lines() -> None:
    marks = [Mark(0, 0.5, 0.2, 0.8), Mark(1, 0.5, 0.2, 0.8)]
    svg = plot(Series("", marks, 0, line=True), Series("", marks, 1, band=True)).svg()
    assert svg.index('class="band"') < svg.index("<polyline")


def test_rows_run_down_and_leave_room_for_more_than_one_mark() -> None:
    drawn = plot(rows=["first", "second"], row_height=40)
    assert [drawn.up.at(row) - drawn.top for row in (0, 0.25, 1)] == [20, 30, 60]
    assert drawn.up.ticks() == [(0, "first"), (1, "second")]


def test_percent_names_the_axis_of_the_values() -> None:
    assert plot(percent=True).up.ticks()[1] == (0.2, "20%")
    assert plot(percent=True).across.ticks()[1] == (0.2, "0.2")
    assert plot(percent=True, rows=["a"]).across.ticks()[1] == (0.2, "20%")


def test_logarithmic_ticks() -> None:
    names = [name for _, name in ChartAxis((1e-6, 1.0), 0, 700, log=True).ticks()]
    assert names == ["1e-6", "1e-5", "1e-4", "1e-3", "0.01", "0.1", "1"]
    assert [name for _, name in ChartAxis((0.0015, 64), 0, 700, log=True, values=[64, 0.0015]).ticks()] == [
        "1.5e-3",
        "64",
    ]
    # None outside the limits: it would be drawn at the edge, where another value lies.
    assert [value for value, _ in ChartAxis((3, 3000), 0, 700, log=True).ticks()] == [10, 100, 1000]


def test_one_value_lies_in_the_middle() -> None:
    for log in (False, True):
        assert ChartAxis((3, 3), 0, 100, log=log).at(3) == 50
        assert ChartAxis((3, 3), 0, 100).ticks() == [(3, "3")]


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=40, unique=True), st.booleans(), st.floats(50, 800))
def test_names_along_x_do_not_touch(values: list[float], log: bool, width: float) -> None:
    axis = ChartAxis((min(values), max(values)), 10, 10 + width, log=log, values=values)
    kept = spaced(axis)
    assert kept[0][0] == min(values)
    for (left, before), (right, after) in itertools.pairwise(kept):
        assert axis.at(right) - axis.at(left) >= (text_width(before) + text_width(after)) / 2 + 9.9


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_round_ticks_are_few_and_within(lo: float, span: float) -> None:
    ticks = [value for value, _ in ChartAxis((lo, lo + span), 0, 100).ticks()]
    assert len(ticks) <= 7
    assert all(lo - 1e-6 * span - 1e-9 <= value <= lo + span * (1 + 1e-6) + 1e-9 for value in ticks)


def test_the_key_keeps_its_names_apart() -> None:
    for names in (
        ["a", "b", "c", "d", "e"],
        ["a name that is forty letters long, or so"] * 3,
        ["x" * 200, "short"],
    ):
        drawn = plot(*(Series(name, [], place) for place, name in enumerate(names)))
        signs = [e for e in elements(drawn.svg(), "text") if e.text in names]
        lines: dict[str, list[tuple[float, str]]] = {}
        for e in signs:
            lines.setdefault(e.get("y", ""), []).append((float(e.get("x", "0")), e.text or ""))
        assert len(signs) == len(names)
        assert max(map(float, lines)) <= drawn.height
        for line in lines.values():
            for (x, name), (after, _) in itertools.pairwise(sorted(line)):
                assert x + text_width(name) < after


def test_hostile_words_are_escaped_everywhere() -> None:
    hostile = '"><script>alert(1)</script>'
    svg = Plot(hostile, hostile, hostile, [Series(hostile, [Mark(0.5, 0)], 0)], rows=[hostile]).svg()
    assert "<script" not in svg
    assert ElementTree.fromstring(svg).get("aria-label") == hostile
    assert sum(e.text == hostile for e in elements(svg, "text")) == 5
    columns = Plot("", "", "", columns=[hostile]).svg()
    assert "<script" not in columns
    assert [e.text for e in elements(columns, "text")].count(hostile) == 1


def test_a_title_need_not_be_drawn_but_is_always_told() -> None:
    shown, hidden = plot(), plot(headed=False)
    assert hidden.height == shown.height - 22
    assert [e.text for e in elements(hidden.svg(), "text")].count("t") == 0
    assert 'aria-label="t"' in hidden.svg()


def test_plots_below_each_other() -> None:
    one, two = plot(), plot(rows=["a", "b"], width=900.0)
    root = ElementTree.fromstring(stack([one, two]))
    assert root.get("viewBox") == f"0 0 900 {one.height + two.height:g}"
    assert [e.get("transform") for e in root if e.tag.endswith("}g")] == [
        "translate(0 0)",
        f"translate(0 {one.height:g})",
    ]


@pytest.mark.parametrize(("count", "radius"), [(20, 3.5), (2000, 2)])
def test_few_dots_can_be_seen(count: int, radius: float) -> None:
    """Twenty problems of a comparison were dots of two pixels at 30%: nobody saw them."""
    cloud = Series("", [Mark(0.5, 0.5)] * count, 0, dots=True)
    assert Plot("cloud", "x", "y", [cloud]).svg().count(f'r="{radius:g}"') == count
