"""The verdict of a comparison: one code and what else holds, from the figures and a few named thresholds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leadline.diagnosis.compare.result import Comparison
from leadline.diagnosis.compare.sentences import MATTERS, REJECT, comparison_sentences
from leadline.display import Sentence
from leadline.stats import Interval

__all__ = ["judge_comparison"]

SHORTER = 0.05  # and so does one of length inside 5%
FORM_SHARE = 0.75
FEW_EXPANDED, SHARE_EXPANDED = 2, 0.02
MOVED = 0.05
SOLVES = 0.05  # success below which shorter answers are no merit: there is nothing that they keep
MANY_PROBLEMS = 20  # among fewer, one that sticks out is no news


def judge_comparison(found: Comparison) -> tuple[str, tuple[str, ...], tuple[Sentence, ...]]:
    """Code, the other codes that hold as well, and the sentences."""
    facts = list(_facts(found))
    if any(copies.suspect for copies in found.copies):
        facts.insert(0, "duplicates")
    code = facts[0] if facts else _nothing(found)
    return code, tuple(facts[1:]), tuple(comparison_sentences(found, code))


def _facts(found: Comparison) -> Iterator[str]:
    """What is beyond doubt and beyond noise, the most telling first."""
    change, noise = found.passes[0].difference, found.noise.size
    more, less = change.lo > 0 and change.value > noise, change.hi < 0 and -change.value > noise
    if found.unrelated or found.looks_unrelated:
        if more or less:
            yield "ahead" if more else "behind"
        return
    fewer = _format_only(found)
    if expanded(found) and change.hi > 0:
        yield "expanded"
    if more:
        yield "only_formatted" if fewer else "sharpened" if _seen_to_rise(found) else "better"
    elif fewer and change.hi > 0:
        yield "only_formatted"
    if less:
        yield "harmed"
    shorter = _shorter(found) if found.passes[0].base.value >= SOLVES else None
    if shorter is not None and change.hi > -MATTERS:
        yield "shortened"
    movers = found.movers
    enough = max(MOVED * len(found.pair), movers.by_chance + 3)
    if min(movers.up, movers.down) >= enough and change.lo <= 0 <= change.hi:
        yield "mixed"


def _seen_to_rise(found: Comparison) -> bool:
    """What the base was seen to solve, the tuned model solves more often: without that nothing was sharpened."""
    rise = found.seen.change
    return rise is not None and rise.lo > 0


def expanded(found: Comparison) -> bool:
    """More problems came out of nothing than the fitted tilt explains.

    Where the base was never right there is no tilt to fit; then one tuned sample has to be worth more than
    all the base samples of a problem.
    """
    ledger, n = found.ledger, float(np.median(found.pair.base.n))
    if ledger.expanded < max(FEW_EXPANDED, SHARE_EXPANDED * len(found.pair)):
        return False
    if ledger.p_expanded is not None:
        return ledger.p_expanded < REJECT
    return ledger.effective_k is not None and ledger.effective_k > n


def _format_only(found: Comparison) -> bool:
    """Form explains at least three quarters of the gain; or the format rate rose while success did not."""
    split, change = found.form, found.passes[0].difference
    if split is not None and change.lo > 0:
        return split.form.lo > 0 and split.form.value >= FORM_SHARE * change.value
    row = found.ratio("format_failed")
    return row is not None and row.difference.hi < -MATTERS and abs(change.value) < MATTERS and change.lo <= 0


def _shorter(found: Comparison) -> Interval | None:
    """The change in tokens where it is a shortening that matters: on the same problems if that is known."""
    if found.length is not None:
        same = found.length.same
        return same if same.hi < 0 and -same.value >= SHORTER * found.length.base else None
    row = found.ratio("mean_tokens")
    if row is None or not row.difference.hi < 0:
        return None
    return row.difference if -row.difference.value >= SHORTER * row.base.value else None


def _nothing(found: Comparison) -> str:
    """No fact: either the interval is narrow enough to say so, or there are too few samples."""
    change, movers = found.passes[0].difference, found.movers
    if movers.top_share >= 0.5 and movers.up + movers.down == 1 and len(found.pair) >= MANY_PROBLEMS:
        return "dominated"
    if found.noise.repeat is not None and abs(change.value) <= found.noise.size:
        return "unchanged"
    return "unchanged" if change.lo >= -MATTERS and change.hi <= MATTERS else "too_few"
