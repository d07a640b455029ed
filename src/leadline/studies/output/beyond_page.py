"""The page of a study beyond the base model: what each algorithm did, was given, and was held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.display import Table as Shown
from leadline.studies.analysis.judgement import CONTROLS
from leadline.studies.output.page import ShownVerdict, captioned, interval_text, render_study

__all__ = ["answer_sentence", "beyond_page", "resolution_lines"]

_VERDICTS = ("expanded", "expanded, trained only", "taught", "sharpened", "nothing", "undecided")
_RULE = (
    "Expanded: more problems without support end above 10% than with GRPO at no less cost (the interval of the paired "
    "difference lies above 0) on trained and on held-out problems, and test T3 rejects at p < 0.01. Taught: on trained "
    "ones only, with reference answers. Sharpened: the trained problems gained, but not those. At least five seeds."
)


def beyond_page(result: Mapping[str, Any], drawings: Mapping[str, str]) -> str:
    """The HTML text. ``drawings`` are SVGs that this package drew, with every text in them escaped."""
    notes = {entry["name"]: entry for entry in result["algorithms"]}
    judged = [
        ShownVerdict(
            one["verdict"],
            f"{one['algorithm']} at {one['cell']}, {one['step']} steps. {notes[one['algorithm']]['question']}",
            answer_sentence(one),
        )
        for one in result["judgements"]
    ]
    words = {
        name: (
            "Lifted, and against GRPO" if name.startswith("against") else "Problems without support",
            _RULE,
        )
        for name in drawings
    }
    return render_study(
        result,
        paragraph=_paragraph(result),
        judged=judged,
        power=resolution_lines(result),
        drawings=captioned(drawings, words),
        tables=[_given(result), _differences(result)],
    )


def answer_sentence(one: Mapping[str, Any]) -> str:
    """What an algorithm did, in one sentence that is made from its numbers."""
    lifted, without, against = one["lifted"], one["without_support"], one["against"][one["control"]]
    counts = " and ".join(
        f"{lifted[side][0]:.1f} of {without[side]:.1f} {side.replace('_', '-')}"
        for side in ("trained", "held_out")
    )
    if one["control"] == one["algorithm"]:
        held = "it is what others are held against"
    else:
        more = " and ".join(interval_text(against[side], 1, "+") for side in ("trained", "held_out"))
        held = f"{more} against {one['control']}"
    spent = one["spent"]
    drawn = spent["completions"] + spent["parts"] + spent["prefixed"]
    return (
        f"Of the problems without support {counts} ones ended above 10% (a seed): {held}; T3 p = "
        f"{one['t3']['p_value']:.2g}; mean success of trained problems {100 * one['gain'][0]:+z.1f} points; "
        f"{drawn:,.0f} draws, {spent['updates']:,.0f} updates, {spent['references']:,.0f} reference answers."
    )


def resolution_lines(result: Mapping[str, Any]) -> list[str]:
    """How small a difference the seeds could have told from none."""
    seeds = len(result["plan"]["seeds"])
    lines = []
    for cell in result["plan"]["cells"]:
        for side in ("trained", "held_out"):
            found = [
                one["against"][one["control"]][side]
                for one in result["judgements"]
                if one["cell"] == cell and one["control"] != one["algorithm"]
            ]
            halves = sorted((hi - lo) / 2 for _, lo, hi in found if lo is not None)
            if halves:
                lines.append(
                    f"{cell}, {side.replace('_', '-')}: the intervals of paired differences over {seeds} seeds reach "
                    f"{halves[len(halves) // 2]:.1f} problems to each side in the median and {halves[-1]:.1f} at most."
                )
    return lines or ["One seed gives no interval: nothing can be decided."]


def _paragraph(result: Mapping[str, Any]) -> str:
    """How often each verdict was given, and the rule."""
    counts = {
        verdict: [
            f"{one['algorithm']} ({one['cell']})" for one in result["judgements"] if one["verdict"] == verdict
        ]
        for verdict in _VERDICTS
    }
    said = [f"{verdict.capitalize()}: {', '.join(names)}." for verdict, names in counts.items() if names]
    return " ".join([*said, _RULE])


def _given(result: Mapping[str, Any]) -> Shown:
    kinds = ("completions", "parts", "prefixed", "updates", "references")
    rows = [
        (one["cell"], one["algorithm"], str(one["step"]), *(f"{one['spent'][kind]:,.0f}" for kind in kinds))
        for one in result["judgements"]
    ]
    note = (
        "Means over seeds. Parts: answers that the frozen base model drew to parts of problems. Prefixed: completions "
        "behind a revealed beginning of the reference answer. References: answers learned from or revealed, each time. "
        "compose and its controls are also given how a problem falls into parts: a prior, though no answer."
    )
    columns = ("cell", "algorithm", "steps", "completions", "parts", "prefixed", "updates", "references")
    return Shown("What each algorithm was given", columns, tuple(rows), note)


def _differences(result: Mapping[str, Any]) -> Shown:
    controls = [name for name in CONTROLS if any(one["algorithm"] == name for one in result["judgements"])]
    rows = [
        (
            one["cell"],
            one["algorithm"],
            str(one["step"]),
            side.replace("_", "-"),
            f"{one['lifted'][side][0]:.1f} of {one['without_support'][side]:.1f}",
            *(_against(one, control, side) for control in controls),
        )
        for one in result["judgements"]
        for side in ("trained", "held_out")
    ]
    note = (
        "Problems a seed, and paired differences with 95% t intervals over seeds; the control that decides, the "
        "cheapest that drew and updated no less, is marked with a star."
    )
    columns = ("cell", "algorithm", "steps", "problems", "lifted", *(f"against {name}" for name in controls))
    return Shown("Lifted problems", columns, tuple(rows), note)


def _against(one: Mapping[str, Any], control: str, side: str) -> str:
    if control == one["algorithm"] or control not in one["against"]:
        return "–"
    return interval_text(one["against"][control][side], 1) + ("*" if control == one["control"] else "")
