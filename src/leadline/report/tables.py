"""The tables of the report as rows of finished text: results, paired differences, and the extra sections."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadline.report.gather import Arm, Difference, Run
from leadline.report.words import (
    bracket,
    count,
    interval,
    number,
    percent,
    plain_text,
    points,
    signed,
    tokens,
)

__all__ = ["Cell", "Section", "Table", "differences_table", "results_table", "section"]

MAX_ROWS, MAX_COLUMNS, MAX_SENTENCES = 60, 12, 20
_SHARES = re.compile(r"(pass|cons|cover|maj)@[\d.]+|truncated|no_answer|unscorable|format")
_TITLES = {
    "mean_tokens": "tokens",
    "mean_tokens_correct": "tokens, correct",
    "truncated": "cut off",
    "no_answer": "no answer",
}


@dataclass(frozen=True)
class Cell:
    """One cell: the text, a second line (an interval), and for shares where to draw them on a scale of 0 to 1."""

    text: str
    note: str = ""
    bar: tuple[float, float, float] | None = None
    number: bool = True
    arm: Arm | None = None
    open: bool = False
    """True for a difference whose interval includes zero."""


@dataclass(frozen=True)
class Table:
    """Column titles and rows of cells."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Section:
    """An extra section: what probe or compare wrote about one arm."""

    title: str
    run: str
    sentences: Sequence[str]
    tables: Sequence[Table]


def results_table(runs: Sequence[Run]) -> Table | None:
    """Return the table of final results, one row an arm; None when nothing has been evaluated."""
    arms = [arm for run in runs for arm in run.arms if arm.value("pass@1") is not None]
    if not arms:
        return None
    metrics = _metrics(arms)
    rows = [
        [Cell(arm.label, _size(arm), number=False, arm=arm), *(_cell(arm, m) for m in metrics)]
        for arm in arms
    ]
    return Table(["arm", *(_TITLES.get(m, m) for m in metrics)], rows)


def differences_table(runs: Sequence[Run]) -> Table | None:
    """Return the paired differences, one row a pair of arms, two trained arms first; None when there are none."""
    found = [d for run in runs for d in run.differences]
    metrics = list(dict.fromkeys(d.metric for d in found))[:MAX_COLUMNS]
    pairs = {(d.a.key, d.b.key): (d.a, d.b) for d in found}
    rows = []
    for a, b in sorted(pairs.values(), key=lambda pair: not (pair[0].is_rl and pair[1].is_rl)):
        own = {d.metric: d for d in found if (d.a.key, d.b.key) == (a.key, b.key)}
        names = [Cell(b.label, number=False, arm=b), Cell(a.label, number=False, arm=a)]
        rows.append(names + [_difference(own.get(metric)) for metric in metrics])
    if not rows:
        return None
    return Table(["arm", "against", *(_TITLES.get(m, m) for m in metrics)], rows[:MAX_ROWS])


def _difference(d: Difference | None) -> Cell:
    if d is None:
        return Cell("–")
    share = bool(_SHARES.fullmatch(d.metric))
    text = f"{points(d.value)} points" if share else signed(d.value)
    if d.ci is None:
        return Cell(text, "no interval")
    limits = bracket(d.ci, 100 if share else 1, sign=True)
    return Cell(text, limits) if d.resolved else Cell(text, f"{limits} includes zero", open=True)


def section(kind: str, arm: str, run: str, content: Mapping[str, Any]) -> Section:
    """Turn ``probe-<arm>.json`` or ``compare-<arm>.json`` into a section; the format is in docs/report.md.

    ``sentences`` and ``tables`` are taken as they are; other flat values become one table of names and values,
    and other lists of flat objects a table each. What is deeper is left to the file. All of it is bounded.
    """
    listed = content.get("sentences")
    sentences = (
        [plain_text(s, 1000) for s in listed if isinstance(s, str)] if isinstance(listed, list) else []
    )
    given = content.get("tables")
    tables = [t for item in (given if isinstance(given, list) else []) if (t := _given_table(item))]
    rest = {k: v for k, v in content.items() if k not in ("sentences", "tables", "title", "schema")}
    flat = [[Cell(plain_text(k, 80), number=False), _free_cell(v)] for k, v in rest.items() if _is_flat(v)]
    if flat:
        tables.append(Table(["", "value"], flat[:MAX_ROWS]))
    tables += [
        t for k, v in rest.items() if isinstance(v, list) and (t := _table_of_objects(plain_text(k, 80), v))
    ]
    default = {
        "probe": f"Before training: sounding {arm}",
        "compare": f"After training: what changed in {arm}",
    }[kind]
    title = content.get("title")
    return Section(
        plain_text(title, 120) if isinstance(title, str) else default,
        run,
        sentences[:MAX_SENTENCES],
        tables[:8],
    )


def _metrics(arms: Sequence[Arm]) -> list[str]:
    """Metrics that at least one arm has, in reading order."""
    known = {key for arm in arms for key in arm.result if arm.value(key) is not None}
    at = sorted(
        (k for k in known if re.fullmatch(r"(pass|cons)@\d+", k)), key=lambda k: (k[0] != "p", int(k[5:]))
    )
    rest = [k for k in ("mean_tokens", "mean_tokens_correct", "truncated", "no_answer") if k in known]
    return [*at, *rest]


def _cell(arm: Arm, metric: str) -> Cell:
    value, ci = arm.value(metric), arm.interval(metric)
    if value is None:
        return Cell("–")
    if not _SHARES.fullmatch(metric):
        return Cell(tokens(value), bracket(ci) if ci else "")
    note = bracket(ci, 100) if ci else ""
    bar = (max(0.0, ci[0]), min(1.0, max(0.0, value)), min(1.0, ci[1])) if ci else None
    return Cell(percent(value), note, bar)


def _size(arm: Arm) -> str:
    problems, samples = arm.value("n_problems"), arm.value("n_samples")
    if problems is None:
        return ""
    return f"{count(problems)} problems" + (f" × {count(samples)}" if samples is not None else "")


def _is_flat(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float) or interval(value) is not None


def _free_cell(value: Any) -> Cell:
    pair, single = interval(value), number(value)
    if pair is not None:
        return Cell(f"[{pair[0]:.4g}, {pair[1]:.4g}]")
    if single is not None:
        return Cell(f"{single:,.4g}" if abs(single) < 1e4 else f"{single:,.0f}")
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    return Cell("–" if value is None else plain_text(value, 300), number=False)


def _given_table(item: Any) -> Table | None:
    if not isinstance(item, Mapping) or not isinstance(item.get("rows"), list):
        return None
    columns = item.get("columns")
    names = [plain_text(c, 60) for c in columns] if isinstance(columns, list) else []
    rows = [
        [_free_cell(v) for v in row[:MAX_COLUMNS]] for row in item["rows"] if isinstance(row, list) and row
    ]
    if not rows:
        return None
    width = max(len(names[:MAX_COLUMNS]), *(len(row) for row in rows))
    padded = [row + [Cell("")] * (width - len(row)) for row in rows[:MAX_ROWS]]
    left_out = f"{len(rows) - MAX_ROWS} further rows are in the file." if len(rows) > MAX_ROWS else ""
    title = plain_text(item.get("title"), 120)
    return Table((names + [""] * width)[:width], padded, title, left_out)


def _table_of_objects(title: str, items: Sequence[Any]) -> Table | None:
    objects = [item for item in items if isinstance(item, Mapping)]
    if not objects or len(objects) != len(items):
        return None
    columns = [
        k for k in dict.fromkeys(k for o in objects[:MAX_ROWS] for k in o) if _is_flat(objects[0].get(k))
    ]
    rows = [[o.get(k) if _is_flat(o.get(k)) else "…" for k in columns] for o in objects]
    return _given_table({"title": title.replace("_", " "), "columns": columns, "rows": rows})
