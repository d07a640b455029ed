"""The sentences of a probe's verdict: each quotes figures of the tables, and says where they stand."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from leadline.diagnosis.probe.difficulty_bands import BANDS
from leadline.diagnosis.probe.live_groups import USUAL
from leadline.diagnosis.probe.result import LAW, Probe
from leadline.display import Sentence
from leadline.display.numbers import count, percent, share
from leadline.stats import Interval

__all__ = ["PROBE_VERDICTS", "probe_sentences", "samples_needed", "short_try"]

PROBE_VERDICTS = {
    "duplicates": "the samples are copies of each other",
    "fix_truncation": "raise the token cap before anything else",
    "fix_format": "teach the answer format before anything else",
    "too_few": "too few samples to tell",
    "sft_first": "almost no group will hold a correct sample: supervised fine-tuning (or easier problems) first",
    "slow_start": "a slow start: few groups teach at first, worth a short try with a stop rule",
    "saturated": "the model already solves these problems",
    "drop_problems": "worth it, on a part of the problems",
    "worth_it": "worth it",
}

NO_SIGNAL = 0.1  # share of live groups under which a run mostly burns samples
BAND_SAMPLES = 4  # with fewer, a problem that is solved half of the time looks dead or saturated
FORM = 0.5  # share of the failures that a fault of form must have to be named first


def samples_needed(probe: Probe) -> tuple[int, int]:
    """Further samples a problem, and further problems, after which the verdict could be told.

    Samples: enough to see a problem at the lower edge of the useful band with 95% probability, and one whole
    group. Problems: enough for a live share known to 10 points either way, or for an upper limit of a tenth.
    """
    edges = probe.edges
    samples = max(math.ceil(math.log(0.05) / math.log1p(-edges.low)), edges.group)
    known = probe.live[edges.group].share.value
    spread = 0.5 if math.isnan(known) else known
    problems = max(math.ceil(3.69 / NO_SIGNAL), math.ceil((1.96 / 0.1) ** 2 * spread * (1 - spread)))
    return max(samples - int(np.median(probe.counts.n)), 0), max(problems - len(probe.counts), 0)


def probe_sentences(probe: Probe, code: str) -> Iterator[Sentence]:
    """All sentences of a probe, the headline of its code first."""
    yield from _headline(probe, code)
    yield from _measured(probe)
    yield from _band_sentences(probe)
    yield from _forced(probe)
    yield from _form_sentences(probe)
    yield from _oddities(probe)
    yield from _advice(probe, code)


def _headline(probe: Probe, code: str) -> Iterator[Sentence]:
    g = probe.edges.group
    live = probe.live[g].share
    text = PROBE_VERDICTS[code][0].upper() + PROBE_VERDICTS[code][1:]
    now, faults = probe.pass_curve.value[1], probe.faults
    if code == "duplicates":
        copies = probe.copies
        how = (
            f"every text occurs a multiple of {copies.factor} times"
            if copies.factor > 1
            else "long texts recur"
        )
        counted = (
            "; each is counted once below" if copies.factor > 1 else "; the intervals below are too narrow"
        )
        yield Sentence(
            f"{text}: {percent(copies.share)} of {copies.texts:,} texts repeat an earlier one and {how}{counted}.",
            ("copies.share", "copies.texts"),
        )
    elif code == "too_few":
        yield from _too_few(probe, text)
    elif code == "fix_truncation" and faults.truncated is not None:
        yield Sentence(
            f"{text}: {share(faults.truncated)} of the samples were cut off, "
            f"{percent(faults.of_failures['truncated'])} of all failures.",
            ("faults.truncated", "faults.of_failures.truncated"),
        )
    elif code == "fix_format":
        yield _format_headline(probe, text)
    elif code == "saturated":
        yield Sentence(
            f"{text}: pass@1 is {share(now)}, and {share(probe.live_here[USUAL])} of the groups of {USUAL} on "
            "these problems will hold both right and wrong samples.",
            ("pass_at_k.1", f"live_groups_here.{USUAL}"),
        )
    elif code == "sft_first":
        yield Sentence(
            f"{text}: {share(probe.live_here[g])} of the groups of {g} on these problems will hold both right and "
            "wrong samples.",
            (f"live_groups_here.{g}",),
        )
    elif code == "slow_start" and probe.budget.live is not None:
        yield from _slow_start(probe, text, probe.budget.live)
    else:
        yield Sentence(
            f"{text}: {share(live)} of the groups of {g} will hold both right and wrong samples.",
            (f"live_groups.{g}",),
        )


def _slow_start(probe: Probe, text: str, groups: Interval) -> Iterator[Sentence]:
    """The headline, and by what to see whether learning spreads: a short look with a stop rule."""
    g, steps = probe.edges.group, probe.budget.steps
    live = probe.live[g].share
    yield Sentence(
        f"{text}: {share(live)} of the groups of {g} will hold both right and wrong samples, about "
        f"{groups.value:,.0f} of the {probe.budget.batch * steps:,} of a run.",
        (f"live_groups.{g}", "budget.live"),
    )
    yield Sentence(
        "It takes off if the problems share what is to be learned, such as an answer form: nearly every group is "
        f"live then after some steps. If at step {short_try(probe)} no more than {percent(live.hi)} of the groups "
        "are, it does not: stop, and fine-tune first.",
        (f"live_groups.{g}",),
    )


def short_try(probe: Probe) -> int:
    """Steps after which a slow start should have taken off: a third of the run."""
    return max(1, math.ceil(probe.budget.steps / 3))


def _format_headline(probe: Probe, text: str) -> Sentence:
    faults = probe.faults
    silent = faults.of_failures.get("no_answer", 0.0)
    if faults.no_answer is not None and silent >= FORM:
        return Sentence(
            f"{text}: {share(faults.no_answer)} of the samples end without an answer that can be found, "
            f"{percent(silent)} of all failures.",
            ("faults.no_answer", "faults.of_failures.no_answer"),
        )
    missed = faults.format_failed or Interval(0.0, 0.0, 0.0)
    return Sentence(
        f"{text}: {share(missed)} of the samples miss the format, while pass@1 is "
        f"{share(probe.pass_curve.value[1])}.",
        ("faults.format_failed", "pass_at_k.1"),
    )


def _too_few(probe: Probe, text: str) -> Iterator[Sentence]:
    g = probe.edges.group
    more_samples, more_problems = samples_needed(probe)
    asks = [f"{more_samples:,} more samples a problem"] if more_samples else []
    asks += [f"{more_problems:,} more problems"] if more_problems else []
    yield Sentence(
        f"{text}: the share of live groups at G = {g} is not known closely enough, {share(probe.live[g].share)}; "
        f"{' and '.join(asks) or 'more problems'} would settle it.",
        (f"live_groups.{g}",),
    )


def _measured(probe: Probe) -> Iterator[Sentence]:
    curve = probe.pass_curve.value
    top = max(curve)
    beyond = f", pass@{top} is {share(curve[top])}" if top > 1 else ""
    yield Sentence(
        f"pass@1 is {share(curve[1])}{beyond} ({count(len(probe.counts), 'problem')}, "
        f"{count(probe.counts.n_samples, 'sample')}).",
        ("pass_at_k.1", f"pass_at_k.{top}", "n_problems", "n_samples"),
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
        more = max(math.ceil(math.log(0.05) / math.log1p(-probe.edges.low)), probe.edges.group) - int(samples)
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
    for edge, word in ((probe.filtered.never, "never"), (probe.filtered.always, "always")):
        if edge.missing:
            yield Sentence(
                f"No problem is {word} solved, where about {edge.expected:.0f} were to be expected: the set looks "
                "filtered on these very samples, so that rates near that edge are flattered.",
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
    if code not in ("sft_first", "saturated") and kept and probe.kept_live is not None:
        yield Sentence(
            f"Take G = {g}{_doubt(probe)}{_price(g)} and the {count(kept, 'problem')} with a solve rate between "
            f"{percent(probe.edges.floor)} and {percent(probe.edges.high)}: {share(probe.kept_live)} of their groups "
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
            f"{count(probe.undecided, 'problem')} could lie in another band: the intervals of their solve rates "
            "cross an edge.",
            ("undecided",),
        )
