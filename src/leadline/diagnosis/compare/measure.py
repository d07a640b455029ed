"""`compare`: counts before and after training to what changed."""

from __future__ import annotations

from dataclasses import replace

from leadline.data.samples.counts import Counts, check_counts
from leadline.diagnosis.compare.differences import MetricChange, crossing, pass_rows, share_row
from leadline.diagnosis.compare.format_split import split_form
from leadline.diagnosis.compare.length_split import split_length
from leadline.diagnosis.compare.movers import find_movers
from leadline.diagnosis.compare.noise import measure_noise
from leadline.diagnosis.compare.pairing import Pair, ended_alike, pair_up
from leadline.diagnosis.compare.reflection_hacking import ReflectionHacking
from leadline.diagnosis.compare.result import Comparison
from leadline.diagnosis.compare.seen_gain import find_seen_gain
from leadline.diagnosis.compare.stated_lengths import length_rows, stated_lengths
from leadline.diagnosis.compare.support_changes import support_ledger
from leadline.diagnosis.compare.tilt_fit import fit_laws
from leadline.diagnosis.compare.verdict import judge_comparison
from leadline.diagnosis.probe.copies import Copies, find_copies, without_copies

__all__ = ["compare", "ratio_rows"]


def compare(
    base: Counts,
    tuned: Counts,
    *,
    tau: float | None = None,
    repeat: Counts | None = None,
    unrelated: bool = False,
    hacking: tuple[ReflectionHacking, ReflectionHacking] | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare the samples of two models on the same problems: sharpened, expanded, shortened, formatted, harmed.

    The unit of every interval is the problem, both sides drawn together (decision "Intervals"): they say how sure one
    *model* differs from another, not one algorithm.

    Args:
        base, tuned: tallied samples; problems that only one of them has are left out and counted.
        tau: correct mass above which a problem counts as supported; None: what the samples can tell from 0.
        repeat: more samples of the base (another seed or dtype): how much pass@1 moves without any training.
        unrelated: the two are no model before and after training; nothing is said of how one became the other.
        hacking: reflection counters of both sides.
        seed: of the bootstraps.

    Raises:
        DataError: no shared problem. `InputError`: no counts.
    """
    check_counts(base=base, tuned=tuned)
    base, tuned, again = ended_alike(base, tuned, repeat)
    pair, copies = _without_copies(pair_up(base, tuned))
    laws = fit_laws(pair, seed)
    found = Comparison(
        pair=pair,
        passes=tuple(pass_rows(pair, seed=seed)),
        ratios=tuple(ratio_rows(pair, seed)),
        crossing=crossing(pair, seed),
        laws=laws,
        ledger=support_ledger(pair, laws, tau),
        length=split_length(pair, seed),
        form=split_form(pair, seed),
        movers=find_movers(pair),
        seen=find_seen_gain(pair),
        noise=measure_noise(base, again, seed),
        unrelated=unrelated,
        copies=copies,
        hacking=hacking,
        notes=(*(f"base: {n}" for n in base.remarks), *(f"tuned: {n}" for n in tuned.remarks)),
    )
    return _judged(found)


def _judged(found: Comparison) -> Comparison:
    code, also, sentences = judge_comparison(found)
    return replace(found, verdict=code, also=also, sentences=sentences)


def _without_copies(whole: Pair) -> tuple[Pair, tuple[Copies, Copies]]:
    """The pair with every text once where a side counted all of them several times, and what was found of each side."""
    base, tuned = find_copies(whole.base), find_copies(whole.tuned)
    pair = replace(whole, base=without_copies(whole.base, base), tuned=without_copies(whole.tuned, tuned))
    return pair, (base, tuned)


def ratio_rows(pair: Pair, seed: int) -> list[MetricChange]:
    """Length of both sides, and form where all samples of both sides state it."""
    base, tuned = pair.base, pair.tuned
    wanted = {
        "truncated": ("finished", "truncated"),
        "no_answer": ("reason", "no_answer"),
        "format_failed": ("format", "format_failed"),
    }
    rows = length_rows(stated_lengths(pair), seed)
    for name, (needs, kind) in wanted.items():
        if pair.states(needs):
            sides = [(side.n, getattr(side, kind)) for side in (base, tuned)]
            rows.append(share_row(name, sides[0], sides[1], seed))
    return rows
