"""The sentences of a probe's verdict: each quotes figures of the tables, and says where they stand."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from leadline.diagnosis.partly_stated import left_out
from leadline.diagnosis.probe.difficulty_bands import BANDS
from leadline.diagnosis.probe.headline import probe_headline
from leadline.diagnosis.probe.live_groups import USUAL
from leadline.diagnosis.probe.result import LAW, Probe
from leadline.display import Sentence
from leadline.display.numbers import count, percent, share

__all__ = ["probe_sentences"]

BAND_SAMPLES = 4  # with fewer, a problem that is solved half of the time looks dead or saturated


def probe_sentences(probe: Probe, code: str) -> Iterator[Sentence]:
    """All sentences of a probe, the headline of its code first."""
    yield from probe_headline(probe, code)
    yield from _measured(probe)
    yield from _band_sentences(probe)
    yield from _forced(probe)
    yield from _form_sentences(probe)
    yield from _oddities(probe)
    yield from _advice(probe, code)


def _measured(probe: Probe) -> Iterator[Sentence]:
    curve = probe.pass_curve.value
    top = max(curve)
    beyond = f", pass@{top} is {share(curve[top])}" if top > 1 else ""
    cut = probe.filtered
    bare = f"; as measured, on the samples that chose the problems, it is {percent(cut.measured)}"
    yield Sentence(
        f"pass@1 is {share(curve[1])}{beyond} ({count(len(probe.counts), 'problem')}, "
        f"{count(probe.counts.n_samples, 'sample')}){bare if cut.found else ''}.",
        (
            "pass_at_k.1",
            f"pass_at_k.{top}",
            "n_problems",
            "n_samples",
            *(("filtered.measured",) if cut.found else ()),
        ),
    )
    # The strongest tilt that the samples can speak of: it takes e^a tries on average.
    tries = float(np.median(probe.counts.n))
    measured = [row for row in probe.reach if math.exp(min(row.a, 700)) <= tries] or list(probe.reach[:1])
    best = max(measured, key=lambda row: row.gain.value)
    if best.gain.value > 0:
        yield Sentence(
            f"With a KL coefficient of {best.beta:g} the exact optimum on problems like these would stand at "
            f"{share(best.success)}; a real run stops short of it or passes it by.",
            (f"reach.{probe.reach.index(best)}.success",),
        )


def _band_sentences(probe: Probe) -> Iterator[Sentence]:
    samples = float(np.median(probe.counts.n))
    if samples < BAND_SAMPLES:
        more = probe.edges.telling_samples - int(samples)
        yield Sentence(
            f"With {count(int(samples), 'sample')} per problem no problem can be called dead, rare or saturated; "
            f"{more:,} more per problem would tell.",
            ("samples_per_problem",),
        )
        return
    tally = {name: int((probe.bands == i).sum()) for i, name in enumerate(BANDS)}
    meaning = {
        "dead": "never solved",
        "rare": f"solved less than {percent(probe.edges.low)} of the time",
        "useful": "with signal in at least half of the groups",
        "saturated": f"solved more than {percent(probe.edges.high)} of the time",
    }
    parts = [f"{tally[name]:,} {name} ({meaning[name]})" for name in BANDS if tally[name]]
    yield Sentence(
        f"Of {count(len(probe.counts), 'problem')}: {', '.join(parts)}.",
        ("n_problems", *(f"bands.{name}" for name in BANDS if tally[name])),
    )
    zeros = probe.zeros
    if zeros.problems and zeros.mean is not None:
        told = (
            f"their mean up to {percent(zeros.mean.hi)} (one-sided)"
            if zeros.problems == len(probe.counts)
            else f"their mean {share(zeros.mean)} (from {LAW})"
        )
        yield Sentence(
            f"No correct sample on {count(zeros.problems, 'problem')}: they may still be solved now and then, {told}.",
            ("zeros.problems", "zeros.mean"),
        )


def _forced(probe: Probe) -> Iterator[Sentence]:
    forced = probe.forced
    if forced.problems:
        yield Sentence(
            f"Known solutions alone bound Q from below on {count(forced.problems, 'problem')}, "
            f"{forced.unsolved:,} of them never solved by sampling; there the bound is {forced.median_log_q:.1f} nats "
            "in the median.",
            ("forced.problems", "forced.unsolved", "forced.median_log_q"),
        )


def _form_sentences(probe: Probe) -> Iterator[Sentence]:
    faults = probe.faults
    if faults.answered is not None and faults.only_form >= 0.05:
        kinds = {
            "truncated": f"{percent(faults.of_failures['truncated'])} were cut off",
            "no_answer": f"{percent(faults.of_failures['no_answer'])} gave no answer",
        }
        named = [name for name in kinds if faults.of_failures[name] > 0]
        yield Sentence(
            f"Of the failures {' and '.join(kinds[name] for name in named)}; of the samples that gave an answer "
            f"{share(faults.answered)} are right.",
            (*(f"faults.of_failures.{name}" for name in named), "faults.pass_at_1_answered"),
        )
    if faults.format_failed is not None and faults.format_failed.value >= 0.05:
        yield Sentence(
            f"{share(faults.format_failed)} of the samples miss the format.", ("faults.format_failed",)
        )
    for name, (stated, total) in faults.partly_stated.items():
        yield Sentence(left_out(name, stated, total), (f"faults.partly_stated.{name}",))
    if faults.unscorable.value > 0:
        yield Sentence(
            f"{share(faults.unscorable)} of the samples could not be graded, as their reference answer cannot be used, "
            "and count as wrong.",
            ("faults.unscorable",),
        )


def _oddities(probe: Probe) -> Iterator[Sentence]:
    top, many = probe.dominance, len(probe.counts) >= 3
    if many and top.most_correct is not None and top.correct_share >= 0.5:
        yield Sentence(
            f"One problem dominates: {top.most_correct[:60]!r} alone holds {percent(top.correct_share)} of the "
            "success; the rest says something else than the mean.",
            ("dominance.most_correct", "dominance.correct_share"),
        )
    if many and top.samples_share >= 0.5:
        yield Sentence(
            f"{top.most_samples[:60]!r} has {percent(top.samples_share)} of all samples; every problem counts the "
            "same here, however often it was sampled.",
            ("dominance.most_samples", "dominance.samples_share"),
        )
    if probe.copies.constant and not probe.copies.suspect:
        yield Sentence(
            f"All samples of a problem are one text ({percent(probe.copies.share)} of {probe.copies.texts:,} "
            "repeat another): if they were decoded greedily or copied, they count as one.",
            ("copies.share", "copies.texts"),
        )
    yield from _set_oddities(probe)


def _set_oddities(probe: Probe) -> Iterator[Sentence]:
    """Twins, contamination, and a set that was filtered on these very samples."""
    twins = probe.twins
    if twins.again:
        yield Sentence(
            f"{count(twins.again, 'problem')} repeat an earlier one of the set ({twins.again_exact:,} to the "
            f"character), such as {probe.duplicates[0][1][:60]!r}.",
            ("twins.again", "twins.again_exact"),
        )
    if twins.shared:
        yield Sentence(
            f"{count(twins.shared, 'problem')} also stand in the evaluation set ({twins.shared_exact:,} to the "
            f"character): {', '.join(repr(name[:60]) for name in probe.contamination[:5])}.",
            ("twins.shared", "twins.shared_exact"),
        )
    cut = probe.filtered
    for edge, word, seen in ((cut.never, "never", "flattered"), (cut.always, "always", "too low")):
        if edge.missing:
            told = (
                ", but the solve rates are too much alike for a filter at that edge: the problems were chosen by these "
                "very rates in another way, nearly all were left out, or the samples are not independent. The rates "
                "are taken as they are."
                if cut.narrow
                else f": the set looks filtered on these very samples, so that rates near that edge are {seen}."
            )
            yield Sentence(
                f"No problem is {word} solved, where about {edge.expected:.0f} were to be expected{told}",
                (f"filtered.{word}.expected",),
            )


def _doubt(probe: Probe) -> str:
    """The group sizes that the samples leave open, where there are several."""
    size = probe.group
    return "" if size.lo == size.hi else f" (these samples leave {size.lo} to {size.hi} open)"


def _price(g: int) -> str:
    """What groups beyond the usual size cost."""
    return f", {g / USUAL:g} times the samples per step of the usual {USUAL}," if g > USUAL else ""


def _advice(probe: Probe, code: str) -> Iterator[Sentence]:
    kept, g = len(probe.kept), probe.edges.group
    if code not in ("sft_first", "saturated", "split") and kept and probe.kept_live is not None:
        yield Sentence(
            f"Take G = {g}{_doubt(probe)}{_price(g)} and the {count(kept, 'problem')} with a solve rate between "
            f"{percent(probe.edges.floor)} and {percent(probe.edges.high)}: {share(probe.kept_live)} of "
            f"{'its' if kept == 1 else 'their'} groups "
            f"will be live (from {LAW}, as these samples chose the problems).",
            (
                "recommended.G",
                "recommended.G_limits",
                "recommended.kept",
                "recommended.solve_rate",
                "recommended.live_groups",
            ),
        )
    budget = probe.budget
    yield Sentence(
        f"A run of {budget.batch} prompts x {g} samples x {budget.steps} steps sees a correct sample of a kind of "
        f"problem with 95% probability only where Q is above {percent(budget.q)}.",
        ("budget.batch", "budget.group", "budget.steps", "budget.q"),
    )
    first = probe.first_steps
    if first is not None and code in ("worth_it", "drop_problems", "slow_start"):
        yield Sentence(
            f"Of the {first.groups:,} groups of its first {first.steps} steps on problems like these "
            f"{percent(first.live_groups.lo)} to {percent(first.live_groups.hi)} will be live "
            f"({percent(first.unchanged.lo)} to {percent(first.unchanged.hi)} if it learns nothing in them).",
            ("first_steps.groups", "first_steps.live_groups", "first_steps.unchanged"),
        )
    if probe.undecided:
        yield Sentence(
            f"{count(probe.undecided, 'problem')} could lie in another band: the interval of the solve rate crosses "
            "an edge.",
            ("undecided",),
        )
