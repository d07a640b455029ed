"""The page of a study: findings in words that are made from the numbers, figures, tables. One file, no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from markupsafe import Markup

from leadline.display import Table as Shown
from leadline.display.numbers import count, joined
from leadline.display.page_base import page_environment

__all__ = ["ShownVerdict", "captioned", "interval_text", "render_study", "study_page"]

_CAPTIONS = {
    "accuracy": (
        "Accuracy by cell",
        "Exact success on problems that pretraining never contained: trained on by reinforcement learning, or held "
        "out. Hollow: before; filled: after.",
    ),
    "algorithms": (
        "Algorithms and controls",
        "Beside the network: a table of logits without shared weights, trained by the same algorithm until it had "
        "spent the same mean KL, and the exact tilt of one strength for all problems that spends it.",
    ),
    "gain": (
        "Gain against Q",
        "Every dot is a trained problem of one seed. The tilt's strength is that of the algorithms with a KL term; "
        "those without one follow their horizon instead.",
    ),
    "dose": ("Dose and response", "Where an interval would be infinite (one seed) none is drawn."),
    "collapse": (
        "Collapse on Q",
        "If success depended on Q and the number of samples alone, all axes would lie on one curve. Other axes are "
        "taken from studies that stand beside this one on disk.",
    ),
}


class CaptionedFigure(NamedTuple):
    """A figure with its words."""

    heading: str
    caption: str
    svg: Markup


class ShownVerdict(NamedTuple):
    """One judged sentence: the verdict, what it is about, and what it rests on."""

    verdict: str
    statement: str
    evidence: str


def study_page(result: Mapping[str, Any], drawings: Mapping[str, str]) -> str:
    """The HTML text. ``drawings`` are SVGs that this package drew, with every text in them escaped."""
    judged = [
        ShownVerdict(claim["verdict"], f"({claim['letter']}) {claim['statement']}.", claim["evidence"])
        for claim in result["claims"]
    ]
    return render_study(
        result,
        paragraph=paragraph(result),
        judged=judged,
        power=power_lines(result),
        drawings=captioned(drawings, _CAPTIONS),
        tables=[_conditions(result), _laws(result)],
    )


def captioned(drawings: Mapping[str, str], captions: Mapping[str, tuple[str, str]]) -> list[CaptionedFigure]:
    """The drawings that have words, in their own order."""
    return [
        CaptionedFigure(*captions[name], Markup(svg)) for name, svg in drawings.items() if name in captions
    ]


def render_study(
    result: Mapping[str, Any],
    *,
    paragraph: str,
    judged: Sequence[ShownVerdict],
    power: Sequence[str],
    drawings: Sequence[CaptionedFigure],
    tables: Sequence[Shown],
) -> str:
    """The page that all studies share."""
    return (
        page_environment("leadline.studies.output")
        .get_template("study.html")
        .render(
            result=result,
            paragraph=paragraph,
            judged=judged,
            power=power,
            drawings=drawings,
            tables=tables,
            made=_made(result),
        )
    )


def paragraph(result: Mapping[str, Any]) -> str:
    """The findings in one paragraph; every word of it follows from the verdicts and their numbers."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for claim in result["claims"]:
        groups.setdefault(claim["verdict"], []).append(claim)
    said = [
        f"{verdict.capitalize()}: {joined([claim['statement'] for claim in groups[verdict]])}."
        for verdict in ("supported", "not supported", "undecided", "not tested")
        if verdict in groups
    ]
    plan = result["plan"]
    head = (
        f"{count(len(plan['seeds']), 'seed')}, {count(len(plan['cells']), 'cell')}, "
        f"{count(len(plan['algorithms']), 'algorithm')}, {plan['prompts']} problems x {plan['group']} samples a step."
    )
    return " ".join([head, *said])


def power_lines(result: Mapping[str, Any]) -> list[str]:
    """What Q each length of run could not tell from zero, and how small a gain the seeds could resolve."""
    lines = [
        f"{count(entry['step'], 'step')} draw {entry['samples']:,} samples of a cell: with 95% probability they "
        f"contain no right answer where Q is below {entry['q_seen']:.1e}, so no gain there cannot tell Q = 0 from "
        "such a Q."
        for entry in result["power"]
    ]
    halves = [
        (entry["gain"][2] - entry["gain"][1]) / 2
        for entry in result["conditions"]
        if entry["gain"] and entry["gain"][2] is not None and entry["side"] == "trained"
    ]
    if halves and result["plan"]["seeds"][1:]:
        middle, most = sorted(halves)[len(halves) // 2], max(halves)
        lines.append(
            f"Intervals of mean gains over {len(result['plan']['seeds'])} seeds reach {100 * middle:.1f} points to "
            f"each side in the median and {100 * most:.1f} at most: smaller effects stay undecided."
        )
    else:
        lines.append("One seed gives no interval: nothing that rests on seeds can be decided.")
    return lines


def _conditions(result: Mapping[str, Any]) -> Shown:
    columns = ("cell", "algorithm", "steps", "problems", "Q", "p'", "gain", "KL", "excess", "table", "tilt")
    rows = [
        (
            entry["cell"],
            entry["algorithm"],
            str(entry["step"]),
            entry["side"].replace("_", "-"),
            *(interval_text(entry[name]) for name in ("Q", "p", "gain", "kl", "excess", "tabular", "tilt")),
        )
        for entry in result["conditions"]
    ]
    note = (
        "Means over seeds with 95% t intervals; problems are averaged within a seed. KL and excess in nats a problem; "
        "a dash where answers are too many to enumerate, or where the column has no meaning."
    )
    return Shown("Every condition", columns, tuple(rows), note)


def _laws(result: Mapping[str, Any]) -> Shown:
    rows = [
        (
            entry["algorithm"],
            str(entry["step"]),
            interval_text(entry["T1_slope"], 2),
            f"{entry['T2_excess_share']:.3f}",
            f"{entry['T3']['gained']} of {entry['T3']['problems']}",
            f"{entry['T3']['expected']:.2g}",
            f"{entry['T3']['p_value']:.2g}",
        )
        for entry in result["laws"]
    ]
    note = (
        "T1: slope of logit p' on logit Q, 1 for a tilt. T2: share of the KL that no change of success needed, 0 for a "
        "tilt (tolerance 1e-3). T3: problems with fewer than 0.01 right answers expected that passed 10%, against the "
        "most that are to be expected without shared weights; a small p is transfer through them."
    )
    columns = ("algorithm", "steps", "T1 slope", "T2 excess", "T3 gained", "T3 expected", "T3 p")
    return Shown("Is it a tilt?", columns, tuple(rows), note)


def _made(result: Mapping[str, Any]) -> str:
    plan, versions = result["plan"], result["versions"]
    return (
        f"{result['command']} · decoder {plan['layers']} x {plan['hidden']}, {plan['pretraining_steps']} pretraining "
        f"steps of {plan['batch']} examples · one thread a cell · "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
    )


def interval_text(
    interval: Sequence[float | None] | None, digits: int = 3, sign: Literal["-", "+"] = "-"
) -> str:
    """``0.123 [0.100, 0.146]``, without limits where they are infinite, a dash where there is nothing.

    ``sign="+"`` shows that of numbers above 0, too.
    """
    if interval is None or interval[0] is None:
        return "–"
    value, lo, hi = interval
    form = f"{sign}.{digits}f"
    if lo is None or hi is None:
        return f"{value:{form}}"
    return f"{value:{form}} [{lo:{form}}, {hi:{form}}]"
