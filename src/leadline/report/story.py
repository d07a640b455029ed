"""What happened, in plain words made from the numbers, and what the numbers cannot say.

Every claim of a difference comes from a *paired* interval of the summary. Where that interval includes zero the
sentence says so instead of claiming; where there is none, no difference is claimed at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from leadline.display.numbers import bracket, joined, percent, signed, token_count, whole
from leadline.report.gather import Arm, Difference, Run
from leadline.stats import paired_seeds
from leadline.storage.length_push import LengthPush
from leadline.storage.step_row import reward_parts
from leadline.types import finite_number

__all__ = ["ArmSentence", "Story", "across_seeds", "tell"]

ArmSentence = tuple["str | Arm", ...]
"""Text with arms in it; the page gives the arms their colour."""

ACCURACY, LENGTH = "pass@1", "mean_tokens"
_MANY_PAIRS = 3
_LATE = 10
"""Steps that the balance of accuracy and length is taken over."""


@dataclass
class Story:
    """One headline, some sentences, and what to keep in mind when reading them."""

    headline: ArmSentence
    sentences: list[ArmSentence] = field(default_factory=list)
    caveats: list[ArmSentence] = field(default_factory=list)


def tell(run: Run) -> Story:
    """Return the story of one run."""
    measured = [arm for arm in run.arms if arm.value(ACCURACY) is not None]
    if not measured:
        return Story(("This run has no final evaluation yet.",), _under_way(run))
    pairs = _pairs(run.differences)
    story = Story(_headline(pairs, measured), [_measured(run, measured)])
    told = pairs[:_MANY_PAIRS]
    story.sentences += [_compared(pair) for pair in told]
    if len(pairs) > len(told):
        rest = len(pairs) - len(told)
        noun = "further comparison is" if rest == 1 else "further comparisons are"
        story.sentences.append((f"{rest} {noun} in the table of differences.",))
    if run.summary is None:
        story.sentences += _under_way(run)
    story.caveats = _caveats(run, measured, pairs)
    return story


@dataclass(frozen=True)
class _Pair:
    """All differences between the same two arms."""

    a: Arm
    b: Arm
    accuracy: Difference | None
    length: Difference | None

    @property
    def both_rl(self) -> bool:
        return self.a.is_rl and self.b.is_rl


def _pairs(differences: Sequence[Difference]) -> list[_Pair]:
    """Differences by pair of arms; two trained arms against each other come first, they are the question."""
    keys = dict.fromkeys((d.a.key, d.b.key) for d in differences)
    pairs = []
    for key in keys:
        own = {d.metric: d for d in differences if (d.a.key, d.b.key) == key}
        if ACCURACY in own or LENGTH in own:
            first = own.get(ACCURACY) or own[LENGTH]
            pairs.append(_Pair(first.a, first.b, own.get(ACCURACY), own.get(LENGTH)))
    return sorted(pairs, key=lambda pair: not pair.both_rl)


def _headline(pairs: Sequence[_Pair], measured: Sequence[Arm]) -> ArmSentence:
    if not pairs:  # nothing to compare
        best = max(measured, key=lambda arm: arm.value(ACCURACY) or 0.0)
        return (best, f" solves {percent(best.value(ACCURACY) or 0.0)} of its attempts.")
    pair = pairs[0]
    accuracy = pair.accuracy if pair.accuracy and pair.accuracy.resolved else None
    length = pair.length if pair.length and pair.length.resolved else None
    if length is None and accuracy is None:
        return ("No difference between ", pair.b, " and ", pair.a, " can be told on these problems.")
    if length is None and accuracy is not None:
        more = "more" if accuracy.value > 0 else "fewer"
        return (pair.b, f" solves {signed(100 * abs(accuracy.value))[1:]} points {more} than ", pair.a, ".")
    assert length is not None
    opening: ArmSentence = (pair.b, f" answers with {_shorter(length)} than ", pair.a)
    if accuracy is not None:
        more = "more" if accuracy.value > 0 else "fewer"
        return (*opening, f" and solves {signed(100 * abs(accuracy.value))[1:]} points {more}.")
    if pair.accuracy is not None:
        return (*opening, "; in accuracy the two cannot be told apart.")
    return (*opening, ".")


def _measured(run: Run, measured: Sequence[Arm]) -> ArmSentence:
    """Who was measured, on how much."""
    sizes = {(arm.value("n_problems") or 0.0, arm.value("n_samples") or 0.0) for arm in measured}
    size = ""
    if len(sizes) == 1:
        problems, samples = sizes.pop()
        if problems > 0:
            size = f" on {whole(problems)} problem{'s' * (problems != 1)}"
            if samples > problems and samples % problems == 0:
                size += f", {whole(samples / problems)} answers each"
    parts: list[str | Arm] = [f"Measured{size}: "]
    for i, arm in enumerate(measured):
        parts += ["" if i == 0 else " and " if i == len(measured) - 1 else ", ", arm, " at ", _accuracy(arm)]
    parts.append(" (pass@1 with 95% intervals).")
    return tuple(parts)


def _accuracy(arm: Arm) -> str:
    text, ci = percent(arm.value(ACCURACY) or 0.0), arm.interval(ACCURACY)
    return f"{text} {bracket(ci, 100)}" if ci else text


def _compared(pair: _Pair) -> ArmSentence:
    """One pair in one sentence: tokens first, then accuracy, each with its interval."""
    clauses: list[ArmSentence] = []
    if pair.length is not None:
        clauses.append(_length_clause(pair.length))
    if pair.accuracy is not None:
        clauses.append(_accuracy_clause(pair.accuracy))
    body = clauses[0] if len(clauses) == 1 else (*clauses[0], "; ", *clauses[1])
    return ("Against ", pair.a, ", ", pair.b, " ", *body, ".")


def _length_clause(d: Difference) -> ArmSentence:
    before, after = d.a.value(LENGTH), d.b.value(LENGTH)
    ends = (
        f"{token_count(before)} → {token_count(after)}, " if before is not None and after is not None else ""
    )
    change = f"{ends}difference {signed(d.value)}{' ' + bracket(d.ci, sign=True) if d.ci else ''}"
    if d.ci is None:
        return (f"uses {_shorter(d)} ({change}; no interval was recorded)",)
    if d.resolved:
        return (f"uses {_shorter(d)} ({change})",)
    return (
        f"is as long as far as these problems can tell ({change} tokens, an interval that includes zero)",
    )


def _accuracy_clause(d: Difference) -> ArmSentence:
    change = f"{signed(100 * d.value)} points{' ' + bracket(d.ci, 100, sign=True) if d.ci else ''}"
    if d.ci is None:
        return (f"pass@1 changes by {change}, no interval was recorded",)
    if d.resolved:
        return (f"pass@1 {'rises' if d.value > 0 else 'falls'} by {change}",)
    return (
        f"pass@1 changes by {change}, an interval that includes zero: this is no evidence of a difference",
    )


def _shorter(d: Difference) -> str:
    """``38% fewer tokens``, or in tokens where the length it is compared with is unknown."""
    before = d.a.value(LENGTH)
    way = "fewer" if d.value < 0 else "more"
    if before and before > 0:
        return f"{abs(d.value) / before:.0%} {way} tokens"
    return f"{token_count(abs(d.value))} {way} tokens"


def _under_way(run: Run) -> list[ArmSentence]:
    """Where each arm stands, for a run without results."""
    told: list[ArmSentence] = []
    for arm in run.arms:
        if not arm.rows:
            continue
        last = next((row for row in reversed(arm.rows) if row["stage"] != "valid"), arm.rows[-1])
        told.append((arm, f" has reached step {last['step']} of its {last['stage']} stage{_latest(last)}."))
    return told or [("Nothing has been recorded so far.",)]


def _latest(row: Mapping[str, Any]) -> str:
    solved, long = finite_number(row.get(ACCURACY)), finite_number(row.get(LENGTH))
    if solved is None or long is None:
        return ""
    return f": {percent(solved)} of that step's answers are right, {token_count(long)} tokens on average"


def _caveats(run: Run, measured: Sequence[Arm], pairs: Sequence[_Pair]) -> list[ArmSentence]:
    seed = "" if run.seed is None else f" (seed {run.seed})"
    told: list[ArmSentence] = [
        (
            "Intervals are two-sided 95% and cover the choice of test problems only. Each arm was trained once"
            f"{seed}: another seed may turn out differently by more than an interval says.",
        )
    ]
    if not pairs and len(measured) > 1:
        told.append(
            ("No paired differences were recorded; overlapping intervals of two arms say little about them.",)
        )
    told += [warning for arm in measured if (warning := _length_wins(arm))]
    cut = [arm for arm in measured if (arm.value("truncated") or 0) >= 0.05]
    if cut:
        listed = joined([f"{arm.name} {percent(arm.value('truncated') or 0)}" for arm in cut])
        told.append((f"Answers cut off by the token cap count as wrong, at the cap's length: {listed}.",))
    return told


def _length_wins(arm: Arm) -> ArmSentence | None:
    """A warning when, late in training, short answers are right less often and are favoured all the same.

    Late is the last :data:`_LATE` steps in which groups had short and long answers; both signs must lie beyond two
    standard errors over these steps.
    """
    pushes = (LengthPush.of(row, reward_parts(row)) for row in arm.stage("rl"))
    known = [push for push in pushes if push is not None][-_LATE:]
    if len(known) < _LATE:
        return None
    accuracy, won = (np.array([getattr(push, name) for push in known]) for name in ("accuracy", "won"))
    error = np.array([accuracy.std(ddof=1), won.std(ddof=1)]) / np.sqrt(_LATE)
    if accuracy.mean() > -2 * error[0] or won.mean() < 2 * error[1]:
        return None
    length = np.mean([push.length for push in known])
    return (
        "The length term of ", arm, f" outweighs accuracy: over the last {_LATE} steps accuracy pushed towards long "
        f"answers ({accuracy.mean():+z.2f}) and the length term towards short ones ({length:+z.2f}). Accuracy that is "
        "still high may fall from here.",
    )  # fmt: skip


def across_seeds(runs: Sequence[Run]) -> Story | None:
    """Return the story of one experiment repeated under several seeds; None when the runs are not that.

    It takes at least three runs with different seeds, the same arms and the same advantage settings. Any two RL
    arms are then compared by Student's t over the seeds, the runs of a seed paired (decision "Intervals").
    """
    seeds = [run.seed for run in runs]
    designs = [{arm.name: arm.advantage for arm in run.arms} for run in runs]
    if len(runs) < 3 or None in seeds or len(set(seeds)) < len(runs) or any(d != designs[0] for d in designs):
        return None
    trained = [arm.name for arm in runs[0].arms if arm.is_rl]
    made = [_over_seeds(runs, a, b) for i, a in enumerate(trained) for b in trained[i + 1 :]]
    pairs = [pair for pair in made if pair]
    if not pairs:
        return None
    story = Story((f"Over {len(runs)} seeds: ", *_headline(pairs, [])), [_compared(pair) for pair in pairs])
    story.caveats.append(
        ("Intervals are Student’s t over the seeds, two-sided 95%, the two runs of a seed paired.",)
    )
    return story


def _over_seeds(runs: Sequence[Run], a: str, b: str) -> _Pair | None:
    """Two arms of all runs as one pair, values being means over the seeds; None when nothing is known of both."""
    means: dict[str, dict[str, float]] = {a: {}, b: {}}
    changes: dict[str, tuple[float, tuple[float, float]]] = {}
    for metric in (ACCURACY, LENGTH):
        table = {
            name: [arm.value(metric) if (arm := run.arm(name)) else None for run in runs] for name in (a, b)
        }
        known = {name: [v for v in values if v is not None] for name, values in table.items()}
        if any(len(values) < len(runs) for values in known.values()):
            continue
        for name, values in known.items():
            means[name][metric] = sum(values) / len(values)
        value, lo, hi = paired_seeds(known[a], known[b])
        changes[metric] = (value, (lo, hi))
    first, second = runs[0].arm(a), runs[0].arm(b)
    if not changes or first is None or second is None:
        return None
    left, right = replace(first, result=means[a]), replace(second, result=means[b])
    found = {metric: Difference(left, right, metric, *change) for metric, change in changes.items()}
    return _Pair(left, right, found.get(ACCURACY), found.get(LENGTH))
