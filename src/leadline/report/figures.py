"""Which figures the report has, and the lines in each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from leadline import theory
from leadline.report.gather import Arm, Run
from leadline.report.json_values import interval
from leadline.report.panels import (
    Array,
    Panel,
    PanelLine,
    arms_of,
    listed,
    panel_of,
    rounded,
    running_mean,
    short,
    thinned,
)
from leadline.types import finite_number

__all__ = [
    "accuracy_against_length",
    "curves",
    "difficulty",
    "more_curves",
    "solve_rates",
    "weights",
]

WINDOW = 5
"""Steps that a curve averages over, once it has four times as many."""

MAX_WHISKERED = 8
"""Most lines that get whiskers: more of them hide each other."""


def accuracy_against_length(runs: Sequence[Run]) -> Panel | None:
    """pass@1 against mean tokens, one point an arm, both with their intervals."""
    lines = []
    for arm in arms_of(runs):
        x, y = arm.value("mean_tokens"), arm.value("pass@1")
        if x is None or y is None:
            continue
        xs, ys = arm.interval("mean_tokens"), arm.interval("pass@1")
        lines.append(
            PanelLine(
                arm.key, [short(x)], [short(y)], "points", arm.label,
                [ys and short(ys[0])], [ys and short(ys[1])], [xs and short(xs[0])], [xs and short(xs[1])],
            )
        )  # fmt: skip
    if not lines:
        return None
    caption = "Up is more accurate, left is shorter. Whiskers: 95% over problems."
    return panel_of(
        "tradeoff",
        "Accuracy against length",
        "mean tokens of an answer",
        "pass@1",
        lines,
        runs,
        caption,
        "zero",
        "share",
    )


def curves(runs: Sequence[Run]) -> list[Panel]:
    """The four curves of RL training, arms overlaid."""
    made = [
        _curve(runs, "accuracy", "Accuracy", "pass@1", "pass@1", "share", valid="pass@1"),
        _curve(runs, "length", "Length", "mean_tokens", "tokens of an answer", "zero", valid="mean_tokens"),
        _curve(runs, "reward", "Reward", "reward", "mean reward", "number"),
        _curve(runs, "live", "Live groups", "live", "share of groups", "share", second="mixed"),
    ]
    return [panel for panel in made if panel]


def more_curves(runs: Sequence[Run]) -> list[Panel]:
    """Every other number of the metrics that changed at least once, one small panel each; the SFT loss first."""
    panels = [_curve(runs, "sft-loss", "Supervised loss", "loss", "nats a token", "zero", stage="sft")]
    for metric, (title, y_title, kind) in _MORE.items():
        panels.append(_curve(runs, f"more-{re.sub('[^a-z0-9]', '-', metric)}", title, metric, y_title, kind))
    return [replace(panel, caption="") for panel in panels if panel and _varies(panel)]


def _varies(panel: Panel) -> bool:
    return len({value for line in panel.lines for value in line.y if value is not None}) > 1


_MORE = {
    "truncated": ("Cut off by the token cap", "share of answers", "part"),
    "no_answer": ("Without an answer", "share of answers", "part"),
    "mean_tokens_correct": ("Length of correct answers", "tokens", "zero"),
    "format": ("Format reward", "mean", "number"),
    "reflection": ("Reflection reward", "mean", "number"),
    "repetition": ("Repetition penalty", "mean", "number"),
    "overlong": ("Overlong penalty", "mean", "number"),
    "weight": ("Difficulty weight", "mean weight", "zero"),
    "length_alpha": ("Strength of the length term", "alpha", "zero"),
    "length_slope": ("Accuracy for a standard deviation of length", "Cov(right, length)", "number"),
    "length_gap": ("Long answers right more often than short ones by", "accuracy", "number"),
    "drift_accuracy": ("Push towards short answers: accuracy", "drift", "number"),
    "drift_bonus": ("Push towards short answers: other reward parts", "drift", "number"),
    "drift_length_mixed": ("Push towards short answers: length, mixed groups", "drift", "number"),
    "drift_length_unanimous": ("Push towards short answers: length, unanimous groups", "drift", "number"),
    "kl": ("Distance from the reference", "KL, nats", "number"),
    "entropy": ("Entropy", "nats a token", "number"),
    "clip_share": ("Clipped tokens", "share of tokens", "part"),
    "farmed": ("Reflecting words in near-repeats", "share of hits", "part"),
    "grad_norm": ("Gradient norm", "norm before clipping", "zero"),
    "loss": ("Policy loss", "loss", "number"),
    "tokens_per_second": ("Speed", "tokens a second", "zero"),
}


def difficulty(runs: Sequence[Run]) -> list[Panel]:
    """Accuracy and length by difficulty, as the final evaluation found them."""
    made = []
    for metric, title, y_title, kind in (
        ("pass@1", "Accuracy by difficulty", "pass@1", "share"),
        ("mean_tokens", "Length by difficulty", "mean tokens", "zero"),
    ):
        lines = [line for arm in arms_of(runs) if (line := _difficulty_line(arm, metric))]
        if not lines:
            continue
        if len(lines) > MAX_WHISKERED:
            lines = [replace(line, low=None, high=None) for line in lines]
        x_kind = "number" if all(isinstance(x, float) for line in lines for x in line.x) else "name"
        whiskered = any(line.low for line in lines)
        caption = "Whiskers: 95% over the problems of that difficulty." if whiskered else ""
        panel = f"by-difficulty-{kind}"
        made.append(panel_of(panel, title, "difficulty", y_title, lines, runs, caption, x_kind, kind))
    return made


def weights(runs: Sequence[Run]) -> list[Panel]:
    """What each arm's settings multiply advantages by, against the solve rate of the group."""
    rho = np.linspace(0, 1, 101)
    x = [short(v) for v in rho]
    factor, parts = [], []
    drawn: list[tuple[str, Mapping[str, Any]]] = []
    for arm in arms_of(runs):
        settings = arm.advantage
        if settings is None or (arm.name, settings) in drawn:  # the same arm of another run
            continue
        drawn.append((arm.name, settings))
        curve = _weight_curves(settings, rho)
        if curve is None:
            continue
        if curve.right is not None and curve.wrong is not None:
            factor.append(PanelLine(arm.key, x, listed(curve.right), "line", f"{arm.name}: correct answers"))
            factor.append(PanelLine(arm.key, x, listed(curve.wrong), "dotted", f"{arm.name}: wrong answers"))
        parts.append(PanelLine(arm.key, x, listed(curve.scale), "line", f"{arm.name}: scale m"))
        parts.append(PanelLine(arm.key, x, listed(curve.shift), "dotted", f"{arm.name}: shift b"))
    axis = "solve rate of the group"
    made = [
        panel_of("weight", "Weight on an advantage", axis, "factor", factor, runs,
               "Solid: on correct answers, w(ρ). Dotted: on wrong ones, w(1 − ρ).", "share", "zero"),
        panel_of("weight-parts", "The same as scale and shift", axis, "m and b", parts, runs,
               "For right-or-wrong rewards A′ = m(ρ)·A + b(ρ), exactly. Solid: m; dotted: b.", "share", "number"),
    ]  # fmt: skip
    return [panel for panel, lines in zip(made, (factor, parts), strict=True) if lines]


def solve_rates(shares: Mapping[str, Sequence[float]], runs: Sequence[Run]) -> Panel | None:
    """Where the sampled groups lay: share of groups by solve rate, for each arm, out of ten equal bins."""
    lines = []
    for arm in arms_of(runs):
        values = shares.get(arm.key)
        if values and sum(values):
            total = sum(values)
            middle: list[float | str | None] = [short((i + 0.5) / len(values)) for i in range(len(values))]
            lines.append(PanelLine(arm.key, middle, [short(v / total) for v in values], "bars", arm.label))
    if not lines:
        return None
    caption = "Over the training steps whose samples were kept: the weights act only where groups are."
    return panel_of(
        "solve-rates",
        "Where the groups were",
        "solve rate of the group",
        "share of groups",
        lines,
        runs,
        caption,
        "share",
        "part",
    )


def _curve(
    runs: Sequence[Run],
    panel: str,
    title: str,
    metric: str,
    y_title: str,
    kind: str,
    *,
    stage: str = "rl",
    second: str | None = None,
    valid: str | None = None,
) -> Panel | None:
    lines: list[PanelLine] = []
    smooth = False
    for arm in arms_of(runs):
        rows = arm.stage(stage)
        x, y = _series(rows, metric)
        if not any(v is not None for v in y):
            continue
        window = WINDOW if len(x) >= 4 * WINDOW else 1
        smooth = smooth or window > 1
        if window > 1 and len(runs) == 1:
            lines.append(PanelLine(arm.key, *rounded(*thinned(x, y)), "faint"))
        lines.append(PanelLine(arm.key, *rounded(*thinned(x, running_mean(y, window))), "line", arm.label))
        if second is not None and len(runs) == 1:  # with several runs the stroke tells them apart
            other_x, other = _series(rows, second)
            averaged = running_mean(other, window)
            lines.append(
                PanelLine(arm.key, *rounded(*thinned(other_x, averaged)), "dotted", f"{arm.label}: {second}")
            )
        if valid is not None:
            lines += _validation(arm, valid)
    if not lines:
        return None
    roles = {line.role for line in lines}
    caption = _curve_caption(roles, smooth)
    return panel_of(panel, title, "step", y_title, lines, runs, caption, "number", kind)


def _validation(arm: Arm, metric: str) -> list[PanelLine]:
    x, y = _series(arm.stage("valid"), metric)
    if not any(v is not None for v in y):
        return []
    return [PanelLine(arm.key, *rounded(*thinned(x, y)), "points", f"{arm.label}: validation")]


def _curve_caption(roles: Collection[str], smooth: bool) -> str:
    parts = []
    if smooth:
        faint = " over the single steps, faint" if "faint" in roles else ""
        parts.append(f"Lines: mean of {WINDOW} steps{faint}.")
    if "points" in roles:
        parts.append("Points: validation problems.")
    if "dotted" in roles:
        parts.append("Solid: some advantage is not zero; dotted: right and wrong answers in one group.")
    return " ".join(parts)


def _series(rows: Sequence[Mapping[str, Any]], metric: str) -> tuple[list[float], list[float | None]]:
    """Step and value of every row that has the metric at all, null included; one row a step, the last one."""
    found = {float(row["step"]): finite_number(row[metric]) for row in rows if metric in row}
    steps = sorted(found)
    return steps, [found[step] for step in steps]


def _difficulty_line(arm: Arm, metric: str) -> PanelLine | None:
    table = arm.result.get("by_difficulty")
    if not isinstance(table, Mapping):
        return None
    rows = [
        (key, row)
        for key, row in table.items()
        if isinstance(row, Mapping) and finite_number(row.get(metric)) is not None
    ]
    try:
        rows = sorted(rows, key=lambda item: float(item[0]))
        names: list[float | str | None] = [float(key) for key, _ in rows]
        if not np.all(np.isfinite(np.array(names, float))):
            raise ValueError("difficulties that are not finite are names")
    except ValueError:
        names = [str(key)[:40] for key, _ in rows]
    if not rows:
        return None
    limits = [interval(row.get(f"{metric}_ci")) for _, row in rows]
    low, high = [c and short(c[0]) for c in limits], [c and short(c[1]) for c in limits]
    has = any(c is not None for c in limits)
    y = [short(finite_number(row[metric])) for _, row in rows]
    return PanelLine(arm.key, names, y, "line", arm.label, low if has else None, high if has else None)


class _Weights(NamedTuple):
    """Factor on correct and on wrong answers (None where the mode has no factor), scale m and shift b."""

    right: Array | None
    wrong: Array | None
    scale: Array
    shift: Array


def _weight_curves(settings: Mapping[str, Any], rho: Array) -> _Weights | None:
    """The curves of one arm's settings; None for a mode that is not known."""
    names = {"low": 0.4, "high": 1.5, "slope": 10.0, "midpoint": 0.75}
    shape = {
        k: v if (v := finite_number(settings.get(f"difficulty_{k}"))) is not None else d
        for k, d in names.items()
    }
    one, none = np.ones_like(rho), np.zeros_like(rho)
    scale, shift = theory.lead_scale(rho, **shape), theory.lead_shift(rho, **shape)
    match settings.get("difficulty", "none"):
        case "none":
            return _Weights(one, one, one, none)
        case "scale_only":
            return _Weights(scale, scale, scale, none)
        case "shift_only":
            return _Weights(None, None, one, shift)
        case "lead" | "mean_normalised":
            return _Weights(
                theory.lead_weight(rho, **shape), theory.lead_weight(1 - rho, **shape), scale, shift
            )
    return None
