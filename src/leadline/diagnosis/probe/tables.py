"""A probe as sentences, tables and curves."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from leadline.diagnosis.probe.next_step import next_step
from leadline.diagnosis.probe.result import LAW, Probe
from leadline.diagnosis.rate_histogram import rate_counts
from leadline.display import Chart, Finding, Histogram, Point, Table
from leadline.display.numbers import count, percent, share
from leadline.stats import Interval

__all__ = ["probe_finding"]

SHOWN_PROBLEMS = 200


def probe_finding(
    probe: Probe, title: str = "Probe", *, problems: bool = False, source: str = "SAMPLES", about: str = ""
) -> Finding:
    """What is shown of a probe; with ``problems`` also a row for each of the first 200 problems.

    ``source`` stands in the command that is advised; ``about`` says which model was sampled and how.
    """
    n = probe.counts.n
    size = (
        f"{count(len(probe.counts), 'problem')}, {count(int(np.median(n)), 'sample')} each (median). {about}"
    )
    tables = [_groups(probe), _bands(probe), _curve(probe), _reach(probe)]
    tables += list(_form(probe))
    if problems:
        tables.append(_problems(probe))
    return Finding(
        title,
        probe.verdict,
        tuple(sentence.text for sentence in probe.sentences),
        tuple(tables),
        (_pass_chart(probe), _live_chart(probe)),
        size.strip(),
        next_step(probe, source),
        (
            Histogram(
                "How often each problem was solved", "solve rate of a problem", rate_counts(n, probe.counts.c)
            ),
        ),
        notes=probe.counts.remarks,
    )


def _groups(probe: Probe) -> Table:
    rows = tuple(
        (
            f"{g}" + (" (recommended)" if g == probe.edges.group else ""),
            share(live.share),
            _beyond(live.extrapolated),
        )
        for g, live in probe.live.items()
    )
    rows += tuple((f"{g}, on these very problems", share(live), "") for g, live in probe.live_here.items())
    note = "Share of groups that would hold both right and wrong samples, 95% intervals over problems like these."
    return Table("Live groups", ("G", "live", ""), rows, note)


def _beyond(extrapolated: bool) -> str:
    return "more than the samples" if extrapolated else ""


def _bands(probe: Probe) -> Table:
    def cell(x: float | None) -> str:
        return "–" if x is None else percent(x)

    rows = tuple(
        (b.name, f"{b.count:,}", percent(b.share), cell(b.solve_rate), cell(b.live), cell(b.gain), b.expect)
        for b in probe.band_rows
    )
    edges = probe.edges
    note = (
        f"Useful: solved between {percent(edges.low)} and {percent(edges.high)} of the time, where at least half of "
        f"the groups of {edges.group} are live. Solve rate, live groups and gain (of an exact tilt of strength 1) are "
        f"from {LAW}, as these samples chose the bands."
    )
    columns = ("band", "problems", "share", "solve rate", "live", "gain", "expected")
    return Table("Problems by band", columns, rows, note)


def _curve(probe: Probe) -> Table:
    rows = [(f"pass@{k}", share(v)) for k, v in probe.pass_curve.value.items()]
    rows += [(f"cover@{tau:g}", share(v)) for tau, v in probe.cover.items()]
    note = "cover@t: problems solved at least a share t of the time; its limits allow for the scatter of the rates."
    return Table("Success", ("", "mean over problems"), tuple(rows), note)


def _reach(probe: Probe) -> Table:
    rows = tuple(
        (f"{r.beta:g}", f"{r.a:.3g}", share(r.success), share(r.gain), percent(r.best_q)) for r in probe.reach
    )
    note = "The optimum of reward minus beta KL on each problem: what is reachable, not what a short run reaches."
    return Table("Reach", ("beta", "tilt a", "success", "gain", "Q of largest gain"), rows, note)


def _form(probe: Probe) -> Iterator[Table]:
    faults = probe.faults
    rates: dict[str, tuple[str, Interval | None]] = {
        "truncated": ("truncated", faults.truncated),
        "no_answer": ("no_answer", faults.no_answer),
        "format_failed": ("format missed", faults.format_failed),
        "unscorable": ("unscorable", faults.unscorable),
    }
    rows = [
        (name, share(rate), percent(faults.of_failures[kind]) if kind in faults.of_failures else "–")
        for kind, (name, rate) in rates.items()
        if rate is not None
    ]
    if faults.answered is not None:
        rows.append(("right, of those that answered", share(faults.answered), "–"))
    yield Table("Form", ("", "of samples", "of failures"), tuple(rows))


def _problems(probe: Probe) -> Table:
    rows = tuple(
        (
            str(r["problem_id"])[:60],
            f"{r['n_correct']}/{r['n_samples']}",
            f"[{percent(r['lo'])}, {percent(r['hi'])}]",
            "–" if r["log_forced"] is None else f"{r['log_forced']:.1f}",
            r["band"],
            "yes" if r["kept"] else "no",
        )
        for r in probe.problem_rows()[:SHOWN_PROBLEMS]
    )
    total = len(probe.counts)
    note = f"The first {SHOWN_PROBLEMS} of {total:,}." if total > SHOWN_PROBLEMS else ""
    columns = ("problem", "correct", "Q", "log Q at least", "band", "kept")
    return Table("Problems", columns, rows, note)


def _pass_chart(probe: Probe) -> Chart:
    points = [Point(k, *v) for k, v in probe.pass_curve.value.items()]
    return Chart("pass@k of the base model", "k", {"pass@k": points}, log_x=True)


def _live_chart(probe: Probe) -> Chart:
    points = [Point(g, *live.share) for g, live in probe.live.items() if not math.isnan(live.share.value)]
    return Chart("Share of live groups", "group size G", {"live groups": points}, log_x=True)
