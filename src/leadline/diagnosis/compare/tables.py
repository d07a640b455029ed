"""A comparison as sentences, tables and curves."""

from __future__ import annotations

from collections.abc import Iterator

from leadline.diagnosis.compare.differences import MetricChange
from leadline.diagnosis.compare.result import Comparison
from leadline.display import Chart, Finding, Point, Table
from leadline.display.numbers import percent, points, share
from leadline.stats import Interval

__all__ = ["comparison_finding"]


def comparison_finding(found: Comparison, title: str = "Comparison") -> Finding:
    """What is shown of a comparison."""
    return Finding(
        title,
        found.verdict,
        tuple(sentence.text for sentence in found.sentences),
        tuple(_tables(found)),
        (_chart(found),),
    )


def _tables(found: Comparison) -> Iterator[Table]:
    rows = [_shares(row) for row in found.passes]
    rows += [_tokens(row) if "tokens" in row.name else _shares(row) for row in found.ratios]
    note = "95% intervals over problems, both sides drawn together; not a claim about the algorithm."
    yield Table("Before and after", ("", "base", "tuned", "difference"), tuple(rows), note)
    yield _support(found)
    if found.laws is not None:
        yield _laws(found)
    parts: list[tuple[str, str]] = []
    if found.length is not None:
        parts += [
            ("tokens of correct samples, on the same problems", _plain(found.length.same, 1)),
            ("tokens of correct samples, for solving other ones", _plain(found.length.mix, 1)),
        ]
    if found.form is not None:
        parts += [
            ("pass@1, for answering more often", points(found.form.form)),
            ("pass@1, for answering better", points(found.form.content)),
        ]
    if parts:
        yield Table("Where the change comes from", ("", "change"), tuple(parts))


def _shares(row: MetricChange) -> tuple[str, ...]:
    return row.name, share(row.base), share(row.tuned), points(row.difference)


def _tokens(row: MetricChange) -> tuple[str, ...]:
    return row.name, _plain(row.base, 1), _plain(row.tuned, 1), _plain(row.difference, 1)


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


def _laws(found: Comparison) -> Table:
    laws = found.laws
    if laws is None:
        return Table("Laws", ("", "fit"), ())
    rows = [("tilt strength a", _plain(laws.strength, 2))]
    if laws.slope is not None:
        rows.append(("slope of logit p' over logit Q", _plain(laws.slope, 2)))
    rows += [
        ("arcsine shift", f"{laws.shift:.3f}"),
        ("log-likelihood, tilt minus arcsine", f"{laws.log_ratio:+.1f}"),
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
