"""A finding as one HTML file that needs nothing else: no script, no network, everything from data escaped."""

from __future__ import annotations

import math
from typing import NamedTuple

from markupsafe import Markup

from leadline.display.blocks import Chart, Finding, Histogram, Scatter
from leadline.display.glossary import glossed
from leadline.display.page_base import page_environment
from leadline.display.svg import Mark, Plot, Series, histogram

__all__ = ["finding_page", "plot"]

WIDTH = 660.0
HIGH = 0.4  # curves that stay above it are drawn from the tenth below them: their differences are small
MAX_MARKERS = 24  # of a curve: with more, the line alone is clearer


class Drawing(NamedTuple):
    """A chart with its heading."""

    title: str
    svg: Markup


def finding_page(finding: Finding) -> str:
    """The HTML text."""
    environment = page_environment("leadline.display", "pages")
    # A plot escapes every text in it itself.
    drawings = [
        Drawing(chart.title, Markup(plot(chart).svg()))
        for chart in finding.charts
        if any(chart.curves.values())
    ]
    pictures = [Drawing(picture.title, Markup(_picture(picture))) for picture in finding.pictures]
    met: set[str] = set()
    environment.filters["glossed"] = lambda text: glossed(text, met)
    return environment.get_template("finding.html").render(
        finding=finding, drawings=drawings, pictures=pictures
    )


def _picture(picture: Histogram | Scatter) -> str:
    if isinstance(picture, Histogram):
        return histogram(picture.title, picture.x_label, picture.counts, WIDTH)
    diagonal = Series("", [Mark(0.0, 0.0), Mark(1.0, 1.0)], 6, line=True, points=False)
    problems = Series("", [Mark(x, y) for x, y in picture.points], 0, dots=True)
    return Plot(
        picture.title,
        picture.x_label,
        picture.y_label,
        [diagonal, problems],
        percent=True,
        percent_x=True,
        headed=False,
        width=WIDTH,
    ).svg()


def plot(chart: Chart) -> Plot:
    """The plot of a chart: lines in shaded limits, x named at the points themselves; at least one must be there."""
    xs = sorted({point.x for curve in chart.curves.values() for point in curve})
    drawn = [(name, sorted(curve)) for name, curve in chart.curves.items() if curve]
    lowest = min(point.lo for _, curve in drawn for point in curve)
    return Plot(
        chart.title,
        chart.x_label,
        "",
        [
            Series(
                name,
                [Mark(*point) for point in curve],
                place,
                line=True,
                band=True,
                points=len(curve) <= MAX_MARKERS,
            )
            for place, (name, curve) in enumerate(drawn)
        ],
        x_range=(xs[0], xs[-1]),
        y_range=(max(math.floor(10 * lowest) / 10, 0.0) if lowest > HIGH else 0.0, 1.0),
        log_x=chart.log_x,
        x_values=xs,
        percent=True,
        headed=False,
        width=WIDTH,
    )
