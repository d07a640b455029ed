"""The sentences of a comparison's verdict: each quotes figures of the tables, and says where they stand."""

from __future__ import annotations

import math
from collections.abc import Iterator

from leadline.diagnosis.compare.differences import MetricChange
from leadline.diagnosis.compare.result import Comparison
from leadline.diagnosis.compare.stated_lengths import states_alike
from leadline.diagnosis.partly_stated import left_out
from leadline.display import Sentence
from leadline.display.numbers import count, percent, points, share
from leadline.stats import Interval

__all__ = ["COMPARISON_VERDICTS", "comparison_sentences", "problems_needed"]

COMPARISON_VERDICTS = {
    "duplicates": "the samples are copies of each other",
    "too_few": "too few samples to tell",
    "expanded": "the tuned model solves problems that reweighting the base cannot explain",
    "only_formatted": "only the form got better: more answers, no better ones",
    "sharpened": "sharpened: what the base could do, it now does more often",
    "better": "better, and these samples cannot tell how",
    "ahead": "the second model solves more",
    "behind": "the second model solves less",
    "harmed": "harmed: it solves less than before",
    "shortened": "shortened: the same success with fewer tokens",
    "mixed": "mixed: some problems gained and as many lost",
    "dominated": "one problem makes most of the change, and without it nothing is beyond doubt",
    "unchanged": "no change that matters",
}

MATTERS = 0.05  # a difference of pass@1 inside +-5 points counts as none
REJECT = 0.01


def problems_needed(found: Comparison) -> int:
    """Further problems after which a change of 5 points either way would show."""
    change = found.passes[0].difference
    half = max(change.hi - change.lo, 1e-6) / 2
    return max(math.ceil(len(found.pair) * ((half / MATTERS) ** 2 - 1)), 1)


def comparison_sentences(found: Comparison, code: str) -> Iterator[Sentence]:
    """All sentences of a comparison: the headline of its code, what every reader asks, and then the statistics."""
    yield _headline(found, code)
    yield from _success(found)
    yield from _length_sentences(found)
    yield from _form_sentences(found)
    yield from _single_problems(found)
    yield from _support(found)
    yield from _law_sentences(found)


def _headline(found: Comparison, code: str) -> Sentence:
    text = COMPARISON_VERDICTS[code][0].upper() + COMPARISON_VERDICTS[code][1:]
    first, ledger = found.passes[0], found.ledger
    if code == "duplicates":
        sides = [i for i, copies in enumerate(found.copies) if copies.suspect]
        named = " and ".join(
            f"{percent(found.copies[i].share)} of the {('base', 'tuned')[i]} texts" for i in sides
        )
        return Sentence(f"{text}: {named} repeat an earlier one.", tuple(f"copies.{i}.share" for i in sides))
    if code == "expanded":
        expected = ledger.expected_expanded
        against = (
            ""
            if expected is None
            else f", where a tilt would show {expected:.1f} (p = {ledger.p_expanded:.2g})"
        )
        return Sentence(
            f"{text}: {count(ledger.expanded, 'problem')} that the base never solved and the tuned model does"
            f"{against}.",
            (
                "ledger.expanded",
                *(() if expected is None else ("ledger.expected_expanded", "ledger.p_expanded")),
            ),
        )
    if code == "only_formatted":
        return _formatted(found, text)
    if code == "too_few":
        return Sentence(
            f"{text}: the change of pass@1 is not known closely enough, {points(first.difference)}; "
            f"{count(problems_needed(found), 'more problem')} sampled the same way would settle a change of 5 points.",
            ("metrics.pass@1.difference",),
        )
    if code == "better":
        return _better(found, text)
    last = found.passes[-1]
    if first.difference.lo > 0 > last.difference.hi:
        return Sentence(
            f"{text}: pass@1 {points(first.difference)}, but {last.name} {points(last.difference)}.",
            ("metrics.pass@1.difference", f"metrics.{last.name}.difference"),
        )
    return Sentence(f"{text}: pass@1 {points(first.difference)}.", ("metrics.pass@1.difference",))


def _better(found: Comparison, text: str) -> Sentence:
    """The gain, and which samples would tell whether the base could do before what the tuned model does."""
    gain, seen = points(found.passes[0].difference), found.seen
    if seen.needs:
        tell = f"{count(seen.needs, 'more base sample')} per problem would tell whether the base could do it before"
        return Sentence(
            f"{text}: pass@1 {gain}; {tell}.", ("metrics.pass@1.difference", "seen_by_base.needs")
        )
    return Sentence(
        f"{text}: pass@1 {gain}, and the base was seen to solve {count(seen.problems, 'problem')}; more base samples "
        "on the others would tell whether it could do them before.",
        ("metrics.pass@1.difference", "seen_by_base.problems"),
    )


def _formatted(found: Comparison, text: str) -> Sentence:
    split, row = found.form, found.ratio("format_failed")
    if split is not None and split.form.lo > 0:
        return Sentence(
            f"{text}: {points(split.form)} of pass@1 come from answering more often, {points(split.content)} from "
            "answering better.",
            ("form.form", "form.content"),
        )
    missed = row.difference if row is not None else Interval(0.0, 0.0, 0.0)
    return Sentence(
        f"{text}: the format is missed {points(missed)}, pass@1 {points(found.passes[0].difference)}.",
        ("metrics.format_failed.difference", "metrics.pass@1.difference"),
    )


def _success(found: Comparison) -> Iterator[Sentence]:
    first, last = found.passes[0], found.passes[-1]
    yield Sentence(
        f"pass@1 went from {share(first.base)} to {share(first.tuned)} on {count(len(found.pair), 'problem')}.",
        ("metrics.pass@1.base", "metrics.pass@1.tuned", "n_problems"),
    )
    if last is not first:
        yield Sentence(
            f"{last.name} changed by {points(last.difference)}.", (f"metrics.{last.name}.difference",)
        )
    yield from _noise_sentences(found)
    cross = found.crossing
    if cross.up_to < 2:
        return
    if cross.k is not None and cross.lo is not None and cross.hi is not None:
        yield Sentence(
            f"From k = {cross.k:.0f} [{cross.lo:.0f}, {cross.hi:.0f}] on the base solves more than the tuned model.",
            ("crossing.k", "crossing.lo", "crossing.hi"),
        )
    else:
        yield Sentence(
            f"The pass@k curves do not cross beyond doubt up to k = {cross.up_to}.", ("crossing.up_to",)
        )


def _noise_sentences(found: Comparison) -> Iterator[Sentence]:
    """What the same weights would do, where that is about as much as the change."""
    change, noise = found.passes[0].difference, found.noise
    if noise.repeat is not None:
        yield Sentence(
            f"Without any training, from one set of base samples to the other, pass@1 moved by {points(noise.repeat)}.",
            ("noise.repeat",),
        )
    elif abs(change.value) <= noise.size and not change.contains(0.0):
        yield Sentence(
            f"Changes of up to {100 * noise.size:.1f} points are what another seed or dtype makes with the same "
            "weights, by convention; further samples of the base (--repeat) measure it.",
            ("noise.size",),
        )
    if found.looks_unrelated and not found.unrelated:
        yield Sentence(
            f"Either model solves problems that the other never does ({found.ledger.expanded:,} and "
            f"{found.ledger.shrunk:,}), more than training one into the other explains: they are compared as two "
            "models that are no training pair.",
            ("ledger.expanded", "ledger.shrunk"),
        )


def _support(found: Comparison) -> Iterator[Sentence]:
    ledger, seen = found.ledger, found.seen
    if seen.change is not None and not found.unrelated and seen.problems < len(found.pair):
        yield Sentence(
            f"On {count(seen.problems, 'problem')} that the base was seen to solve pass@1 changed by "
            f"{points(seen.change)} (the base's part from the fitted law of Q, given the counts).",
            ("seen_by_base.problems", "seen_by_base.change"),
        )
    if ledger.needs:
        yield Sentence(
            f"With so few samples per problem none can be called expanded or shrunk: that takes {ledger.needs:,} "
            "on either side.",
            ("ledger.needs",),
        )
        return
    yield Sentence(
        f"Support (success surely above {percent(ledger.tau)}): {ledger.kept:,} kept, {ledger.expanded:,} expanded, "
        f"{ledger.shrunk:,} shrunk, {ledger.never:,} never solved, {ledger.unclear:,} unclear.",
        ("ledger.tau", *(f"ledger.{name}" for name in ("kept", "expanded", "shrunk", "never", "unclear"))),
    )
    for name, observed, expected, p in (
        ("expanded", ledger.expanded, ledger.expected_expanded, ledger.p_expanded),
        ("shrunk", ledger.shrunk, ledger.expected_shrunk, ledger.p_shrunk),
    ):
        if observed and expected is not None and p is not None:
            told = "more than a tilt explains" if p < REJECT else "no more than a tilt explains"
            yield Sentence(
                f"{count(observed, 'problem')} {name} is {told}, which would show {expected:.1f} (p = {p:.2g}).",
                (f"ledger.{name}", f"ledger.expected_{name}", f"ledger.p_{name}"),
            )
    if ledger.expanded and ledger.effective_k is not None and ledger.p_expanded is None:
        yield Sentence(
            f"On the problems that the base never solved one tuned sample is worth at least "
            f"{ledger.effective_k:,.0f} of its samples.",
            ("ledger.effective_k",),
        )


def _law_sentences(found: Comparison) -> Iterator[Sentence]:
    laws = found.laws
    if laws is None:
        return
    a = laws.strength
    text = f"As a tilt its strength is {a.value:.2f} [{a.lo:.2f}, {a.hi:.2f}]"
    evidence = ["laws.tilt_strength"]
    if laws.slope is not None:
        b = laws.slope
        fits = "which fits" if b.contains(1.0) else "where an exact tilt has 1"
        text += f"; the slope of logit p' over logit Q is {b.value:.2f} [{b.lo:.2f}, {b.hi:.2f}], {fits}"
        evidence.append("laws.tilt_slope")
    yield Sentence(text + ".", tuple(evidence))
    if abs(laws.log_ratio) > 2:
        better = "a tilt" if laws.log_ratio > 0 else "the arcsine law of std-normalised GRPO"
        yield Sentence(
            f"Of the two laws of reweighting {better} fits better, by {abs(laws.log_ratio):.1f} in log-likelihood.",
            ("laws.log_likelihood_ratio",),
        )
    if laws.dispersion > 1.5:
        yield Sentence(
            f"Perhaps neither law holds: the rates scatter {laws.dispersion:.1f} times as much about the tilt as "
            "binomial noise does. The intervals above do not rest on it.",
            ("laws.dispersion",),
        )


def _form_sentences(found: Comparison) -> Iterator[Sentence]:
    split = found.form
    if split is not None and (split.form.lo > 0.01 or split.form.hi < -0.01):
        yield Sentence(
            f"{percent(split.answered[0])} of the samples gave an answer before, {percent(split.answered[1])} "
            f"after; of the change of pass@1 {points(split.form)} are that, {points(split.content)} better answers.",
            ("form.answered", "form.form", "form.content"),
        )
    row = found.ratio("format_failed")
    if row is not None and (row.difference.hi < 0 or row.difference.lo > 0):
        yield Sentence(
            f"The format is missed by {share(row.base)} of the samples before, {share(row.tuned)} after.",
            ("metrics.format_failed.base", "metrics.format_failed.tuned"),
        )
    if found.hacking is not None and found.hacking[1].share is not None:
        before = found.hacking[0].share
        was = "" if before is None else f" ({percent(before)} before)"
        yield Sentence(
            f'{percent(found.hacking[1].share)} of the reflecting words ("wait", "let me check") stand in sentences '
            f"that nearly repeat each other{was}.",
            ("farmed",),
        )


def _length_sentences(found: Comparison) -> Iterator[Sentence]:
    row = found.ratio("mean_tokens")
    if row is not None:
        yield _tokens("Mean tokens", row)
    split = found.length
    if split is not None:
        yield Sentence(
            f"Correct samples: {_signed(split.total)} tokens, of which {_signed(split.same)} on the same problems "
            f"and {_signed(split.mix)} because which problems are solved, and how often, changed.",
            ("length.total", "length.same", "length.mix"),
        )


def _tokens(name: str, row: MetricChange) -> Sentence:
    change = row.difference
    return Sentence(
        f"{name} went from {row.base.value:.1f} to {row.tuned.value:.1f}, {_signed(change)}.",
        tuple(f"metrics.{row.name}.{part}" for part in ("base", "tuned", "difference")),
    )


def _signed(interval: Interval) -> str:
    return f"{interval.value:+z.1f} [{interval.lo:+z.1f}, {interval.hi:+z.1f}]"


def _single_problems(found: Comparison) -> Iterator[Sentence]:
    movers = found.movers
    if movers.up or movers.down:
        yield Sentence(
            f"Single problems beyond doubt: {movers.up:,} solved more often, {movers.down:,} less often "
            f"(by chance: {movers.by_chance:.1f} each way).",
            ("movers.up", "movers.down", "movers.by_chance"),
        )
    if len(found.pair) >= 5 and movers.top_share >= 0.5:
        yield Sentence(
            f"One problem dominates: {movers.top[:60]!r} makes {percent(movers.top_share)} of all changes.",
            ("movers.top", "movers.top_share"),
        )
    yield from _partly_stated(found)
    missing = len(found.pair.only_base), len(found.pair.only_tuned)
    if any(missing):
        yield Sentence(
            f"{missing[0]:,} problems only the base has and {missing[1]:,} only the tuned model were left out.",
            ("unpaired",),
        )


def _partly_stated(found: Comparison) -> Iterator[Sentence]:
    """What is left out as too few samples state it, and of how many samples lengths are means."""
    lengths = found.ratio("mean_tokens") is not None
    problems = int(found.pair.measured.sum())
    for side, whose in (("base", " of the base"), ("tuned", " of the tuned model")):
        for name, (stated, total) in found.pair.partly.get(side, {}).items():
            if name == "n_tokens" and lengths:
                yield Sentence(
                    f"{stated:,} of the {total:,} samples{whose} state their length: lengths are of these alone, on "
                    f"{count(problems, 'problem')}.",
                    (f"partly_stated.{side}.{name}", "problems_with_length"),
                )
            elif name == "n_tokens" and not states_alike(getattr(found.pair, side)):
                yield Sentence(
                    f"{stated:,} of the {total:,} samples{whose} state their length, right ones not as often as wrong "
                    "ones: lengths are left out.",
                    (f"partly_stated.{side}.{name}",),
                )
            else:
                yield Sentence(left_out(name, stated, total, whose), (f"partly_stated.{side}.{name}",))
