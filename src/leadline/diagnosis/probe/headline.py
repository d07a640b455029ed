"""The headline of a probe: its verdict in words, with the figures that decided it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from leadline.diagnosis.probe.live_groups import USUAL
from leadline.diagnosis.probe.result import Probe
from leadline.display import Sentence
from leadline.display.numbers import count, percent, share
from leadline.stats import Interval

__all__ = ["FORM", "NO_SIGNAL", "PROBE_VERDICTS", "probe_headline", "samples_needed", "short_try"]

PROBE_VERDICTS = {
    "duplicates": "the samples are copies of each other",
    "fix_truncation": "raise the token cap before anything else",
    "fix_format": "teach the answer format before anything else",
    "too_few": "too few samples to tell",
    "sft_first": "almost no group will hold a correct sample: supervised fine-tuning (or easier problems) first",
    "slow_start": "a slow start: few groups teach at first, worth a short try with a stop rule",
    "saturated": "the model already solves these problems",
    "split": "solved or out of reach, hardly anything between",
    "drop_problems": "worth it, on a part of the problems",
    "worth_it": "worth it",
}

NO_SIGNAL = 0.1  # share of live groups under which a run mostly burns samples
FORM = 0.5  # share of the failures that a fault of form must have to be named first


def samples_needed(probe: Probe) -> tuple[int, int]:
    """Further samples a problem, and further problems, after which the verdict could be told.

    Samples: enough to see a problem at the lower edge of the useful band with 95% probability, and one whole
    group. Problems: enough for a live share known to 10 points either way, or for an upper limit of a tenth.
    """
    known = probe.live[probe.edges.group].share.value
    spread = 0.5 if math.isnan(known) else known
    problems = max(math.ceil(3.69 / NO_SIGNAL), math.ceil((1.96 / 0.1) ** 2 * spread * (1 - spread)))
    samples = probe.edges.telling_samples - int(np.median(probe.counts.n))
    return max(samples, 0), max(problems - len(probe.counts), 0)


def probe_headline(probe: Probe, code: str) -> Iterator[Sentence]:
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
        yield from _cut_off(probe, text, faults.truncated)
    elif code == "fix_format":
        yield _format_headline(probe, text)
    elif code == "saturated":
        yield Sentence(
            f"{text}: pass@1 is {share(now)}, and {share(probe.live_here[USUAL])} of the groups of {USUAL} on "
            "these problems will hold both right and wrong samples.",
            ("pass_at_k.1", f"live_groups_here.{USUAL}"),
        )
    elif code == "split":
        yield _split(probe, text)
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


def _split(probe: Probe, text: str) -> Sentence:
    return Sentence(
        f"{text}: {probe.zeros.problems:,} of {count(len(probe.counts), 'problem')} were never solved, pass@1 is "
        f"{share(probe.pass_curve.value[1])}, and {share(probe.live_here[USUAL])} of the groups of {USUAL} on these "
        "problems will hold both right and wrong samples.",
        ("zeros.problems", "n_problems", "pass_at_k.1", f"live_groups_here.{USUAL}"),
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


def _cut_off(probe: Probe, text: str, truncated: Interval) -> Iterator[Sentence]:
    g = probe.edges.group
    live = probe.live[g].share
    yield Sentence(
        f"{text}: {share(truncated)} of the samples were cut off, "
        f"{percent(probe.faults.of_failures['truncated'])} of all failures.",
        ("faults.truncated", "faults.of_failures.truncated"),
    )
    if (
        live.value >= NO_SIGNAL
    ):  # three such families gained 78 to 96 points at the cap they had (docs/llm.md)
        yield Sentence(
            f"A run at this cap would have a signal all the same, in {share(live)} of its groups of {g}: it teaches "
            "first to finish in time.",
            (f"live_groups.{g}",),
        )


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
