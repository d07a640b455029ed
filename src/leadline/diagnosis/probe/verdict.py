"""The verdict of a probe: one code, from the figures of the tables and a few named thresholds."""

from __future__ import annotations

from leadline.diagnosis.probe.headline import FORM, NO_SIGNAL
from leadline.diagnosis.probe.live_groups import USUAL
from leadline.diagnosis.probe.result import Probe
from leadline.diagnosis.probe.sentences import probe_sentences
from leadline.display import Sentence

__all__ = ["judge_probe"]

WIDE, WIDE_AT_THE_EDGE = 0.35, 0.15  # widths of the live-share interval that leave the question open
FORM_RATE, FORM_ROOM = 0.1, 0.05
START_GROUPS = (
    10  # live groups in the whole run from which learning may spread; two families took off from 14 and 19
)
START_PROBLEMS = 3  # solved problems: success on one or two says nothing of what the others share with them
HALVES = (
    0.25  # share never solved, and pass@1, from which on a set without live groups is split between the two
)
DROP = 0.25  # share of problems to drop before the verdict says so


def judge_probe(probe: Probe) -> tuple[str, str, tuple[Sentence, ...]]:
    """Code, the code that would follow once that is dealt with (or ""), and the sentences."""
    rest = _code(probe)
    code, then = ("duplicates", rest) if probe.copies.suspect else (rest, "")
    if code in ("fix_truncation", "fix_format"):
        then = _signal_code(probe)
    return code, then, tuple(probe_sentences(probe, code))


def _code(probe: Probe) -> str:
    return _form_code(probe) or _signal_code(probe)


def _form_code(probe: Probe) -> str:
    """``fix_truncation`` or ``fix_format`` where form, not reasoning, makes most of the failures; else ""."""
    faults, now = probe.faults, probe.pass_curve.value[1]
    room = faults.answered is None or faults.answered.value - now.value >= FORM_ROOM
    kinds = {"fix_truncation": ("truncated", faults.truncated), "fix_format": ("no_answer", faults.no_answer)}
    named = [
        (faults.of_failures[kind], code)
        for code, (kind, rate) in kinds.items()
        if rate is not None and rate.lo >= FORM_RATE and faults.of_failures.get(kind, 0) >= FORM
    ]
    if named and room:
        return max(named)[1]
    unformatted = faults.format_failed
    if (
        unformatted
        and unformatted.lo >= FORM
        and now.lo >= FORM
        and _signal_code(probe) in ("saturated", "split")
    ):
        return "fix_format"
    return ""


def _signal_code(probe: Probe) -> str:
    """From the share of live groups: on these problems where that is already hopeless, else on problems like these."""
    common = probe.pass_curve.value[1].value >= 0.5
    few = _common_code(probe) if common else _rare_code(probe)
    here, usual = probe.live_here[probe.edges.group], probe.live_here[USUAL]
    # Where success is common larger groups would find the rare failures, with next to nothing to gain; but on problems
    # that are hardly ever solved they may be seen to find what teaches.
    hopeless = usual.hi < NO_SIGNAL and (few == "saturated" or here.lo < NO_SIGNAL)
    if hopeless if common else here.hi < NO_SIGNAL:
        return few
    live = probe.live[probe.edges.group].share
    edge = live.lo < NO_SIGNAL < live.hi
    if live.width > WIDE or (edge and live.width > WIDE_AT_THE_EDGE):
        return "too_few"
    if live.value < NO_SIGNAL:
        return few
    return "drop_problems" if 1 - len(probe.kept) / len(probe.counts) >= DROP else "worth_it"


def _is_split(probe: Probe) -> bool:
    """Whether problems that are never solved, and success on others, both make a good part of the set."""
    return min(float((probe.counts.c == 0).mean()), probe.pass_curve.value[1].value) >= HALVES


def _common_code(probe: Probe) -> str:
    """Few groups live, success common: all is solved, or one part of the problems is and another never."""
    return "split" if _is_split(probe) else "saturated"


def _rare_code(probe: Probe) -> str:
    """Few groups live: a slow start where the run still holds some of them, from more than a problem or two.

    What a few groups teach is lost on the others only if these share nothing with them; a pretrained model's
    problems share their answer form (docs/llm.md).
    """
    groups = probe.budget.live
    solved = int((probe.counts.c > 0).sum())
    spread = solved >= START_PROBLEMS and probe.dominance.correct_share < 0.5
    if groups is not None and groups.value >= START_GROUPS and spread:
        return "slow_start"
    return "split" if _is_split(probe) else "sft_first"
