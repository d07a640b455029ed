"""Run directories drawn from a seeded simulation, for tests of what reads runs (the report above all).

No model runs here: solve rates, lengths and texts come from a few formulas and a random generator, shaped like
the runs of the quickstart: accuracy rises, LEAD shortens, groups lose their variance as problems are solved. Some
completions are hostile on purpose. ``python tests/fake_run.py OUT [--seed N]`` writes one to look at.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leadline.grpo.config import AdvantageConfig
from leadline.storage.run_directory import RunWriter
from leadline.theory import lead_weight

GROUP = 8
HOSTILE = (
    "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'></script><!-- <script> -->",
    "]]></script></style></title><svg onload=window.pwned=3>{{ 7*7 }}{% raw %}&lt;b&gt;",
    "mixed scripts: 漢字 – עברית – Ελληνικά – 👩‍🔬👍🏽 – \u202eright to left\u202c"
    " – \u2028line\u2029 – nul \x00 – half \ud83d",
    "a very long one: " + "check this step again, " * 4000 + "the end",
)
WORDS = {
    "backtracking": re.compile(r"\b(mistake|error)\b"),
    "verification": re.compile(r"\b(check|verify)\b"),
    "sub-goals": re.compile(r"\bstep\b"),
    "backward": re.compile(r"\bgoal\b"),
}


@dataclass(frozen=True)
class Arm:
    """What one arm tends to: solve rate and tokens at step 0 and in the end, and its advantage settings."""

    name: str
    solved: tuple[float, float]
    tokens: tuple[float, float]
    advantage: AdvantageConfig | None = None


ARMS = (
    Arm("base", (0.02, 0.02), (70.0, 70.0)),
    Arm("sft", (0.61, 0.61), (46.0, 46.0)),
    Arm("grpo", (0.61, 0.88), (46.0, 45.0), AdvantageConfig.grpo()),
    Arm("lead", (0.61, 0.885), (46.0, 28.0), AdvantageConfig.lead()),
)


def make_run(
    root: Path,
    *,
    arms: Sequence[Arm] = ARMS,
    steps: int = 60,
    problems: int = 120,
    seed: int = 0,
    hostile: bool = True,
    finished: bool = True,
    sections: bool = False,
) -> Path:
    """Write a run directory and return it."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(0, 1.2, problems)  # the same problems for every arm: that is what makes pairs
    with RunWriter(root) as run:
        run.recipe(
            f"name: {root.name}\nseed: {seed}\nrl:\n  steps: {steps}\n  group_size: {GROUP}\n  note: '</script>'\n"
        )
        run.environment({"leadline": "0.1.0", "python": "3.11.7", "torch": "2.13.0", "threads": 2})
        for arm in arms:
            _metrics(run, arm, steps, rng)
        evals = {arm.name: list(_samples(arm, 1.0, None, ease, rng, hostile)) for arm in arms}
        for arm in arms:
            for step in range(20, steps + 1, 20) if arm.advantage else ():
                rows = _samples(arm, step / steps, step, ease[:24], rng, hostile)
                run.samples(arm.name, f"step-{step:06d}", rows)
            run.samples(arm.name, "eval", evals[arm.name])
        if sections:
            _sections(run)
        if finished:
            run.summary(_summary(root.name, arms, evals, seed))
    return root


def _metrics(run: RunWriter, arm: Arm, steps: int, rng: np.random.Generator) -> None:
    if arm.name == "sft":
        for step in range(1, steps + 1):
            loss = 2.6 * np.exp(-step / (steps / 4)) + 0.35 + rng.normal(0, 0.02)
            run.metric(
                {
                    "arm": "sft",
                    "stage": "sft",
                    "step": step,
                    "loss": loss,
                    "tokens_per_second": 9e3,
                    "seconds": 0.5,
                }
            )
    if arm.advantage is None:
        return
    for step in range(1, steps + 1):
        rate, tokens = _tendency(arm, step / steps)
        solved = float(np.clip(rate + rng.normal(0, 0.03), 0.01, 0.99))
        live = 1 - solved**4 - (1 - solved) ** 4
        run.metric(
            {
                "arm": arm.name, "stage": "rl", "step": step, "reward": solved + arm.advantage.wrong * (1 - solved),
                "pass@1": solved, "mean_tokens": tokens + rng.normal(0, 1.2), "mean_tokens_correct": tokens - 2,
                "truncated": 0.04 * (1 - step / steps), "no_answer": 0.02, "live": min(1.0, live + 0.05),
                "mixed": live, "weight": float(lead_weight(solved)) if arm.name == "lead" else 1.0,
                "loss": float("nan") if step == 17 else rng.normal(0, 0.02), "grad_norm": 0.6 + rng.normal(0, 0.1),
                "clip_share": 0.02, "kl": 0.001 * step, "format": 0.98, "reflection": 0.3 + 0.001 * step,
                "tokens_per_second": 12e3 + rng.normal(0, 300), "seconds": 1.2,
            }
        )  # fmt: skip
        if step % 10 == 0 or step == 1:
            run.metric(
                {
                    "arm": arm.name,
                    "stage": "valid",
                    "step": step,
                    "pass@1": rate + rng.normal(0, 0.01),
                    "mean_tokens": tokens,
                }
            )


def _tendency(arm: Arm, progress: float) -> tuple[float, float]:
    bend = 1 - np.exp(-3 * progress)
    full = 1 - np.exp(-3.0)
    return tuple(float(lo + (hi - lo) * bend / full) for lo, hi in (arm.solved, arm.tokens))  # type: ignore[return-value]


def _samples(
    arm: Arm, progress: float, step: int | None, ease: np.ndarray, rng: np.random.Generator, hostile: bool
) -> Iterator[dict[str, Any]]:
    rate, tokens = _tendency(arm, progress)
    chance = 1 / (1 + np.exp(-(np.log(rate / (1 - rate)) + ease)))
    for index, p in enumerate(chance):
        for draw in range(GROUP):
            correct = bool(rng.random() < p)
            length = max(4, int(rng.normal(tokens + 3 * (index % 6), 6)))
            finished = bool(rng.random() > 0.03)
            text = _text(rng, index, correct)
            if hostile and index < len(HOSTILE) and draw == 0:
                text = HOSTILE[index]
            row = {
                "problem_id": f"chain-{index:04d}",
                "prompt": f"Start with {index}. Add 7 <twice> & multiply by 3. What is it?",
                "completion": text,
                "gold": str(3 * (index + 14)),
                "n_tokens": length if finished else 96,
                "finished": finished,
                "correct": correct and finished,
                "reason": ("match" if correct else "mismatch") if finished else "truncated",
                "answer": str(3 * (index + 14 + (not correct))) if finished else None,
                "logprob": -0.3 * length,
                "difficulty": 1 + index % 6,
                "step": step,
                "arm": arm.name,
                "parts": {"accuracy": float(correct), "format": 1.0},
                "spans": spans(text),
            }
            if step is not None:
                row |= {"reward": float(correct) + rng.normal(0, 0.05), "advantage": float(rng.normal())}
            yield row


def spans(text: str) -> list[list[Any]]:
    """Reflecting words of a text, as the reflection reward would list them (but from four plain patterns)."""
    found = [[m.start(), m.end(), name] for name, pattern in WORDS.items() for m in pattern.finditer(text)]
    return sorted(found)


def _text(rng: np.random.Generator, index: int, correct: bool) -> str:
    value = index + 14
    lines = [f"step 1: {index} + 7 = {index + 7}", f"step 2: {index + 7} + 7 = {value}"]
    if rng.random() < 0.5:
        lines.append(f"check: {value} - 7 = {index + 7}, right")
    if not correct:
        lines.append("that was a mistake, again")
    lines.append(f"the goal: {value} * 3 = {3 * (value + (not correct))}")
    return "<think>" + "\n".join(lines) + f"</think><answer>{3 * (value + (not correct))}</answer>"


def _summary(
    name: str, arms: Sequence[Arm], evals: dict[str, list[dict[str, Any]]], seed: int
) -> dict[str, Any]:
    tables = {arm.name: _by_problem(evals[arm.name]) for arm in arms}
    results = {arm.name: _result(arm, evals[arm.name], tables[arm.name]) for arm in arms}
    pairs = [(a.name, b.name) for a in arms for b in arms if b.advantage and a is not b and a.name < b.name]
    pairs += [("sft", arm.name) for arm in arms if arm.advantage and "sft" in results]
    return {
        "name": name, "seed": seed, "seconds": 203.4, "versions": {"leadline": "0.1.0", "torch": "2.13.0"},
        "arms": results,
        "paired": [_paired(tables, a, b, column) for a, b in dict.fromkeys(pairs) for column in (0, 1)],
    }  # fmt: skip


def _by_problem(rows: list[dict[str, Any]]) -> np.ndarray:
    correct = np.array([row["correct"] for row in rows], float).reshape(-1, GROUP)
    tokens = np.array([row["n_tokens"] for row in rows], float).reshape(-1, GROUP)
    return np.stack([correct.mean(1), tokens.mean(1)], axis=1)


def _interval(values: np.ndarray, floor: float = -np.inf, ceiling: float = np.inf) -> list[float]:
    half = 1.96 * values.std(ddof=int(values.size > 1)) / np.sqrt(values.size)
    return [float(max(floor, values.mean() - half)), float(min(ceiling, values.mean() + half))]


def _result(arm: Arm, rows: list[dict[str, Any]], table: np.ndarray) -> dict[str, Any]:
    solved = np.array([row["correct"] for row in rows]).reshape(-1, GROUP)
    levels = sorted({row["difficulty"] for row in rows})
    by_difficulty = {}
    for level in levels:
        chosen = np.array([rows[i * GROUP]["difficulty"] == level for i in range(len(table))])
        rate, tokens = table[chosen].mean(0)
        by_difficulty[str(level)] = {"pass@1": rate, "mean_tokens": tokens, "n_problems": int(chosen.sum())}
        by_difficulty[str(level)]["pass@1_ci"] = _interval(table[chosen, 0], 0, 1)
    result = {
        "pass@1": table[:, 0].mean(), "pass@1_ci": _interval(table[:, 0], 0, 1), "pass@8": solved.any(1).mean(),
        "pass@8_ci": _interval(solved.any(1).astype(float), 0, 1),
        "cons@8": (solved.mean(1) > 0.5).mean(),
        "mean_tokens": table[:, 1].mean(), "mean_tokens_ci": _interval(table[:, 1]),
        "mean_tokens_correct": float(np.mean([row["n_tokens"] for row in rows if row["correct"]] or [np.nan])),
        "truncated": float(np.mean([not row["finished"] for row in rows])), "truncated_ci": [0.01, 0.04],
        "no_answer": 0.01, "no_answer_ci": [0.0, 0.03], "reflection": 0.21, "reflection_ci": [0.2, 0.22],
        "n_problems": len(table), "n_samples": len(rows), "by_difficulty": by_difficulty,
    }  # fmt: skip
    if arm.advantage:
        result["advantage"] = arm.advantage.model_dump()
    return result


def _paired(tables: dict[str, np.ndarray], a: str, b: str, column: int) -> dict[str, Any]:
    gap = tables[b][:, column] - tables[a][:, column]
    metric = ("pass@1", "mean_tokens")[column]
    return {"a": a, "b": b, "metric": metric, "difference": float(gap.mean()), "ci": _interval(gap)}


def _sections(run: RunWriter) -> None:
    run.section(
        "probe",
        "sft",
        {
            "sentences": [
                "Of 120 problems, 71 gave a live group at G = 8.",
                "GRPO can help here <b>a lot</b>.",
            ],
            "tables": [
                {
                    "title": "Live groups",
                    "columns": ["G", "share"],
                    "rows": [[4, 0.41], [8, 0.59], [16, 0.71]],
                },
            ],
            "charts": [
                {
                    "title": "pass@k before and after",
                    "x_label": "k",
                    "log_x": True,
                    "curves": {
                        name: [
                            [k, 1 - q**k, 1 - (q + 0.05) ** k, 1 - (q - 0.05) ** k] for k in (1, 2, 4, 8, 16)
                        ]
                        for name, q in (("base", 0.6), ("tuned", 0.4))
                    },
                }
            ],
            "n_samples": 16,
            "verdict": "worth training",
        },
    )
    run.section(
        "compare",
        "lead",
        {"sentences": ["The gain is a sharpening: slope 0.97 [0.91, 1.04]."], "slope": 0.97},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--problems", type=int, default=120)
    arguments = parser.parse_args()
    print(make_run(arguments.out, seed=arguments.seed, problems=arguments.problems, sections=True))
