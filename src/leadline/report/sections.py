"""Extra sections: what ``leadline probe`` found before training and ``leadline compare`` after it.

They come as JSON in the run directory (``probe-<arm>.json``, ``compare-<arm>.json``), so that the report needs to know
nothing of how they were made. Fields: docs/report.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadline.report.json_values import interval, plain_text
from leadline.report.panels import Panel, PanelLine, panel_of, short
from leadline.report.tables import MAX_COLUMNS, MAX_ROWS, ReportTable, TableCell
from leadline.types import finite_number

__all__ = ["Section", "section"]

MAX_SENTENCES, MAX_TABLES, MAX_CHARTS, MAX_CURVES, MAX_POINTS = 20, 8, 6, 8, 400
_OWN_KEYS = ("title", "verdict", "sentences", "tables", "charts", "schema")


@dataclass(frozen=True)
class Section:
    """An extra section: what probe or compare wrote about one arm."""

    title: str
    run: str
    verdict: str
    sentences: Sequence[str]
    tables: Sequence[ReportTable]
    panels: Sequence[Panel]


def section(kind: str, arm: str, run: str, content: Mapping[str, Any], place: int = 0) -> Section:
    """Turn ``probe-<arm>.json`` or ``compare-<arm>.json`` into a section; ``place`` makes its plots' ids unique.

    ``title``, ``verdict``, ``sentences``, ``tables`` and ``charts`` are taken as they are; other flat values become
    one table of names and values, other lists of flat objects a table each. What is deeper is left to the file.
    All of it is bounded.
    """
    default = {
        "probe": f"Before training: probe of {arm}",
        "compare": f"After training: what changed in {arm}",
    }
    title = content.get("title")
    sentences = [plain_text(s, 1000) for s in _list(content.get("sentences")) if isinstance(s, str)]
    tables = [table for item in _list(content.get("tables")) if (table := _given_table(item))]
    return Section(
        plain_text(title, 120) if isinstance(title, str) else default[kind],
        run,
        plain_text(content.get("verdict"), 60).replace("_", " "),
        sentences[:MAX_SENTENCES],
        [*tables, *_other_tables(content)][:MAX_TABLES],
        _panels(f"{kind}-{place}", content.get("charts")),
    )


def _other_tables(content: Mapping[str, Any]) -> list[ReportTable]:
    rest = {plain_text(k, 80): v for k, v in content.items() if k not in _OWN_KEYS}
    flat = [[TableCell(k, number=False), _free_cell(v)] for k, v in rest.items() if _is_flat(v)]
    tables = [ReportTable(["", "value"], flat[:MAX_ROWS])] if flat else []
    return tables + [t for k, v in rest.items() if isinstance(v, list) and (t := _table_of_objects(k, v))]


def _panels(name: str, charts: Any) -> list[Panel]:
    """The charts of an extra section: ``[{"title", "x_label", "log_x", "curves": {name: [[x, y, lo, hi], ...]}}]``.

    ``y`` is a share, limits may be missing; curves take the palette in order.
    """
    made = []
    for i, chart in enumerate(_list(charts)[:MAX_CHARTS]):
        curves = chart.get("curves") if isinstance(chart, Mapping) else None
        if not isinstance(curves, Mapping):
            continue
        lines = [
            line
            for slot, (label, points) in enumerate(list(curves.items())[:MAX_CURVES], start=1)
            if (line := _section_line(slot, plain_text(label, 60), points))
        ]
        if lines:
            x_kind = "log" if chart.get("log_x") is True else "number"
            title, x_title = plain_text(chart.get("title"), 120), plain_text(chart.get("x_label"), 60)
            made.append(panel_of(f"{name}-{i}", title, x_title, "", lines, [], "", x_kind, "share"))
    return made


def _section_line(slot: int, label: str, points: Any) -> PanelLine | None:
    rows = (
        [row for row in points if isinstance(row, list) and len(row) in (2, 4)]
        if isinstance(points, list)
        else []
    )
    numbers = [[short(finite_number(value)) for value in row] for row in rows]
    kept = [row for row in numbers if row[0] is not None and row[1] is not None][:MAX_POINTS]
    if not kept:
        return None
    limits = all(len(row) == 4 for row in kept)
    low, high = ([row[2] for row in kept], [row[3] for row in kept]) if limits else (None, None)
    return PanelLine(
        "", [row[0] for row in kept], [row[1] for row in kept], "line", label, low, high, slot=slot
    )


def _is_flat(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float) or interval(value) is not None


def _free_cell(value: Any) -> TableCell:
    pair, single = interval(value), finite_number(value)
    if pair is not None:
        return TableCell(f"[{pair[0]:.4g}, {pair[1]:.4g}]")
    if single is not None:
        return TableCell(f"{single:,.4g}" if abs(single) < 1e4 else f"{single:,.0f}")
    if isinstance(value, bool):
        return TableCell("yes" if value else "no")
    return TableCell("–" if value is None else plain_text(value, 300), number=False)


def _given_table(item: Any) -> ReportTable | None:
    if not isinstance(item, Mapping) or not isinstance(item.get("rows"), list):
        return None
    names = [plain_text(c, 60) for c in _list(item.get("columns"))]
    rows = [
        [_free_cell(v) for v in row[:MAX_COLUMNS]] for row in item["rows"] if isinstance(row, list) and row
    ]
    if not rows:
        return None
    width = max(len(names[:MAX_COLUMNS]), *(len(row) for row in rows))
    padded = [row + [TableCell("")] * (width - len(row)) for row in rows[:MAX_ROWS]]
    left_out = f"{len(rows) - MAX_ROWS} further rows are in the file." if len(rows) > MAX_ROWS else ""
    note = plain_text(item.get("note"), 600)
    title = plain_text(item.get("title"), 120)
    return ReportTable((names + [""] * width)[:width], padded, title, f"{note} {left_out}".strip())


def _table_of_objects(title: str, items: Sequence[Any]) -> ReportTable | None:
    objects = [item for item in items if isinstance(item, Mapping)]
    if not objects or len(objects) != len(items):
        return None
    columns = [
        k for k in dict.fromkeys(k for o in objects[:MAX_ROWS] for k in o) if _is_flat(objects[0].get(k))
    ]
    rows = [[o.get(k) if _is_flat(o.get(k)) else "…" for k in columns] for o in objects]
    return _given_table({"title": title.replace("_", " "), "columns": columns, "rows": rows})


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
