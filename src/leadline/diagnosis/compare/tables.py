"""A comparison as sentences, tables and curves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from leadline.diagnosis.compare.differences import MetricChange
from leadline.diagnosis.compare.movers import movement
from leadline.diagnosis.compare.next_step import next_step_after
from leadline.diagnosis.compare.result import Comparison
from leadline.diagnosis.compare.tilt_fit import LawFits
from leadline.diagnosis.rate_histogram import rate_counts
from leadline.display import Chart, Finding, Histogram, Point, Scatter, Table
from leadline.display.numbers import count, percent, points, share
from leadline.stats import Interval

__all__ = ["comparison_finding"]

MOST_POINTS = 2000  # of the scatter: more make a page slow, and no clearer
MOST_MOVED = 6  # rows each way
CLEAR = 2.576  # standard errors that a problem of theirs has moved at least
ROW_NAMES = {
    "mean_tokens": "tokens per sample",
    "mean_tokens_correct": "tokens per correct sample",
    "truncated": "cut off by the token limit",
    "no_answer": "no answer found",
    "format_failed": "format missed",
}


def comparison_finding(
    found: Comparison,
    title: str = "Comparison",
    *,
    sources: tuple[str, str] = ("BASE", "TUNED"),
    about: str = "",
) -> Finding:
    """What is shown of a comparison; ``sources`` stand in the command that is advised."""
    base, tuned = found.pair.base, found.pair.tuned
    size = f"{count(len(found.pair), 'problem')}, {_samples(base.n)} each before and {_samples(tuned.n)} after. {about}"
    before, after = found.pair.rates
    shown = np.linspace(0, len(found.pair) - 1, min(len(found.pair), MOST_POINTS)).astype(int)
    rates = rate_counts(base.n, base.c)
    places = tuple((float(before[i]), float(after[i])) for i in shown)
    return Finding(
        title,
        found.verdict,
        tuple(sentence.text for sentence in found.sentences),
        tuple(_tables(found)),
        (_chart(found),),
        size.strip(),
        next_step_after(found, *sources),
        (
            Scatter(
                "Each problem (above the line: solved more often after)",
                "solve rate before",
                "solve rate after",
                places,
            ),
            Histogram(
                "How often each problem was solved before",
                "solve rate of a problem",
                rates,
            ),
        ),
        notes=found.notes,
    )


def _samples(n: npt.NDArray[np.float64]) -> str:
    return f"{n[0]:.0f} samples" if np.ptp(n) == 0 else f"{np.median(n):.0f} samples (median)"


def _tables(found: Comparison) -> Iterator[Table]:
    rows = [_shares(row) for row in found.passes]
    rows += [_tokens(row) if "tokens" in row.name else _shares(row) for row in found.ratios]
    note = "95% intervals over problems, both sides drawn together; not a claim about the algorithm."
    yield Table("Before and after", ("", "base", "tuned", "difference"), tuple(rows), note)
    moved = _moved(found)
    if moved.rows:
        yield moved
    yield _support(found)
    if found.laws is not None:
        yield _laws(found.laws)
    parts: list[tuple[str, str]] = []
    if found.length is not None:
        parts += [
            ("tokens of correct samples, on the same problems", _plain(found.length.same, 1)),
            ("tokens of correct samples, for other problems solved", _plain(found.length.mix, 1)),
        ]
    if found.form is not None:
        parts += [
            ("pass@1, for answering more often", points(found.form.form)),
            ("pass@1, for answering better", points(found.form.content)),
        ]
    if parts:
        yield Table("Where the change comes from", ("", "change"), tuple(parts))


def _moved(found: Comparison) -> Table:
    """The problems that gained and lost most beyond chance, with their texts where their names do not say them."""
    base, tuned = found.pair.base, found.pair.tuned
    far = movement(found.pair)
    gained = [i for i in np.argsort(-far, kind="stable")[:MOST_MOVED] if far[i] > CLEAR]
    lost = [i for i in np.argsort(far, kind="stable")[:MOST_MOVED] if far[i] < -CLEAR]
    texts = {
        i: " ".join(base.prompts.get(base.ids[i], tuned.prompts.get(base.ids[i], "")).split())
        for i in (*gained, *lost)
    }
    told = any(text and text != base.ids[i] for i, text in texts.items())
    rows = tuple(
        (
            base.ids[i][:40],
            f"{base.c[i]:.0f}/{base.n[i]:.0f}",
            f"{tuned.c[i]:.0f}/{tuned.n[i]:.0f}",
            *((text[:160],) if told else ()),
        )
        for i, text in texts.items()
    )
    note = "Counts as drawn. They stand here because they moved most: part of that is luck; fresh samples show less."
    head = ("problem", "right before", "right after", *(("text",) if told else ()))
    return Table("Problems that gained and lost most", head, rows, note)


def _shares(row: MetricChange) -> tuple[str, ...]:
    return ROW_NAMES.get(row.name, row.name), share(row.base), share(row.tuned), points(row.difference)


def _tokens(row: MetricChange) -> tuple[str, ...]:
    return (
        ROW_NAMES.get(row.name, row.name),
        _plain(row.base, 1),
        _plain(row.tuned, 1),
        _plain(row.difference, 1),
    )


def _plain(interval: Interval, digits: int) -> str:
    value, lo, hi = (f"{x:.{digits}f}" for x in interval)
    return f"{value} [{lo}, {hi}]"


def _support(found: Comparison) -> Table:
    ledger = found.ledger

    def expected(x: float | None, p: float | None) -> tuple[str, str]:
        return ("–", "–") if x is None or p is None else (f"{x:.1f}", f"{p:.2g}")

    if ledger.needs:
        note = f"Expanded and shrunk cannot be told from so few samples per problem: that takes {ledger.needs:,}."
        kinds = (
            ("solved on both sides", ledger.kept),
            ("never solved", ledger.never),
            ("unclear", ledger.unclear),
        )
        return Table("Support ledger", ("", "problems"), tuple((name, f"{n:,}") for name, n in kinds), note)
    rows = (
        ("kept", f"{ledger.kept:,}", "–", "–"),
        ("expanded", f"{ledger.expanded:,}", *expected(ledger.expected_expanded, ledger.p_expanded)),
        ("shrunk", f"{ledger.shrunk:,}", *expected(ledger.expected_shrunk, ledger.p_shrunk)),
        ("never solved", f"{ledger.never:,}", "–", "–"),
        ("unclear", f"{ledger.unclear:,}", "–", "–"),
    )
    note = f"In support: the lower limit for Q is above {percent(ledger.tau)}; out: never solved."
    return Table("Support ledger", ("", "problems", "a tilt would show", "p"), rows, note)


def _laws(laws: LawFits) -> Table:
    rows = [("tilt strength a", _plain(laws.strength, 2))]
    if laws.slope is not None:
        rows.append(("slope of logit p' over logit Q", _plain(laws.slope, 2)))
    rows += [
        ("arcsine shift", f"{laws.shift:.3f}"),
        ("log-likelihood, tilt minus arcsine", f"{laws.log_ratio:+z.1f}"),
        ("scatter about the tilt", f"{laws.dispersion:.2f}"),
    ]
    note = (
        "Fitted to the pairs of counts with a free law of Q, so that the noise of both sides is counted in."
    )
    return Table("Laws", ("", "fit"), tuple(rows), note)


def _chart(found: Comparison) -> Chart:
    def curve(side: str) -> list[Point]:
        return [Point(int(row.name.partition("@")[2]), *getattr(row, side)) for row in found.passes]

    return Chart("pass@k before and after", "k", {"base": curve("base"), "tuned": curve("tuned")}, log_x=True)
