"""The tables of the report as rows of finished text: final results and paired differences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from leadline.display.numbers import bracket, count, percent, signed, token_count, whole
from leadline.report.gather import Arm, Difference, Run

__all__ = ["MAX_COLUMNS", "MAX_ROWS", "ReportTable", "TableCell", "differences_table", "results_table"]

MAX_ROWS, MAX_COLUMNS = 60, 12
_SHARES = re.compile(r"(pass|cons|cover|maj)@[\d.]+|truncated|no_answer|unscorable|format")
_TITLES = {
    "mean_tokens": "tokens",
    "mean_tokens_correct": "tokens, correct",
    "truncated": "cut off",
    "no_answer": "no answer",
}


@dataclass(frozen=True)
class TableCell:
    """One cell: the text, a second line (an interval), and for shares where to draw them on a scale of 0 to 1."""

    text: str
    note: str = ""
    bar: tuple[float, float, float] | None = None
    number: bool = True
    arm: Arm | None = None
    open: bool = False
    """True for a difference whose interval includes zero."""


@dataclass(frozen=True)
class ReportTable:
    """Column titles and rows of cells."""

    columns: Sequence[str]
    rows: Sequence[Sequence[TableCell]]
    title: str = ""
    note: str = ""


def results_table(runs: Sequence[Run]) -> ReportTable | None:
    """Return the table of final results, one row an arm; None when nothing has been evaluated."""
    arms = [arm for run in runs for arm in run.arms if arm.value("pass@1") is not None]
    if not arms:
        return None
    metrics = _metrics(arms)
    rows = [
        [TableCell(arm.label, _size(arm), number=False, arm=arm), *(_cell(arm, m) for m in metrics)]
        for arm in arms
    ]
    return ReportTable(["arm", *(_TITLES.get(m, m) for m in metrics)], rows)


def differences_table(runs: Sequence[Run]) -> ReportTable | None:
    """Return the paired differences, one row a pair of arms, two trained arms first; None when there are none."""
    found = [d for run in runs for d in run.differences]
    metrics = list(dict.fromkeys(d.metric for d in found))[:MAX_COLUMNS]
    pairs = {(d.a.key, d.b.key): (d.a, d.b) for d in found}
    rows = []
    for a, b in sorted(pairs.values(), key=lambda pair: not (pair[0].is_rl and pair[1].is_rl)):
        own = {d.metric: d for d in found if (d.a.key, d.b.key) == (a.key, b.key)}
        names = [TableCell(b.label, number=False, arm=b), TableCell(a.label, number=False, arm=a)]
        rows.append(names + [_difference(own.get(metric)) for metric in metrics])
    if not rows:
        return None
    return ReportTable(["arm", "against", *(_TITLES.get(m, m) for m in metrics)], rows[:MAX_ROWS])


def _difference(d: Difference | None) -> TableCell:
    if d is None:
        return TableCell("–")
    share = bool(_SHARES.fullmatch(d.metric))
    text = f"{signed(100 * d.value)} points" if share else signed(d.value)
    if d.ci is None:
        return TableCell(text, "no interval")
    limits = bracket(d.ci, 100 if share else 1, sign=True)
    return TableCell(text, limits) if d.resolved else TableCell(text, f"{limits} includes zero", open=True)


def _metrics(arms: Sequence[Arm]) -> list[str]:
    """Metrics that at least one arm has, in reading order."""
    known = {key for arm in arms for key in arm.result if arm.value(key) is not None}
    at = sorted(
        (k for k in known if re.fullmatch(r"(pass|cons)@\d+", k)), key=lambda k: (k[0] != "p", int(k[5:]))
    )
    rest = [k for k in ("mean_tokens", "mean_tokens_correct", "truncated", "no_answer") if k in known]
    some = [
        k for k in ("unscorable", "format", "reflection", "repetition") if any(arm.value(k) for arm in arms)
    ]
    return [*at, *rest, *some]


def _cell(arm: Arm, metric: str) -> TableCell:
    value, ci = arm.value(metric), arm.interval(metric)
    if value is None:
        return TableCell("–")
    if metric in ("reflection", "repetition"):
        return TableCell(f"{value:.2f}", bracket(ci, digits=2) if ci else "")
    if not _SHARES.fullmatch(metric):
        return TableCell(token_count(value), bracket(ci) if ci else "")
    note = bracket(ci, 100) if ci else ""
    drawn = ci is not None and "@" in metric
    bar = (max(0.0, ci[0]), min(1.0, max(0.0, value)), min(1.0, ci[1])) if ci and drawn else None
    return TableCell(percent(value), note, bar)


def _size(arm: Arm) -> str:
    problems, samples = arm.value("n_problems"), arm.value("n_samples")
    if problems is None or problems <= 0:
        return ""
    if samples is None or samples <= 0:
        return f"{whole(problems)} problems"
    if samples % problems == 0:
        return f"{count(round(problems), 'problem')} × {whole(samples / problems)}"
    return f"{whole(problems)} problems, {whole(samples)} answers"
