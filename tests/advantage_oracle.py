"""A slow reference for ``group_advantages``: plain loops over groups and rows, written from the papers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from leadline.grpo.config import AdvantageConfig


def logistic(rate: float, config: AdvantageConfig) -> float:
    low, high = config.difficulty_low, config.difficulty_high
    return low + (high - low) / (1 + math.exp(config.difficulty_slope * (rate - config.difficulty_midpoint)))


def spread(values: list[float], ddof: int) -> float:
    return float(np.std(values, ddof=ddof)) if len(values) > ddof else 0.0


def rewards_of(rows: list[dict[str, Any]], config: AdvantageConfig) -> list[float]:
    lengths = [row["length"] for row in rows if row["correct"]]
    shortest = sorted(row["length"] for row in rows)[:3]
    paused = (
        config.length_grace_tokens is not None
        and len(shortest) == 3
        and sum(shortest) / 3 <= config.length_grace_tokens
    )
    out = []
    for row in rows:
        if row["correct"]:
            z = (row["length"] - np.mean(lengths)) / (spread(lengths, config.length_ddof) + config.length_eps)
            base = config.right * (1.0 if paused else math.exp(-config.length_alpha * z))
        else:
            base = config.wrong if row["answered"] else config.no_answer
        out.append(base + row["bonus"])
    return out


def plain_advantages(
    rows: list[dict[str, Any]], rewards: list[float], everything: list[float], config: AdvantageConfig
) -> list[float]:
    n, mean = len(rewards), sum(rewards) / len(rewards)
    if n == 1 or max(rewards) == min(rewards) or (config.drop_unsolved and max(rewards) <= 0):
        return [0.0] * n
    if config.normalisation == "none":
        return [r - mean for r in rewards]
    if config.normalisation == "leave_one_out":
        return [r - (sum(rewards) - r) / (n - 1) for r in rewards]
    if config.normalisation == "batch":
        return [(r - mean) / (spread(everything, config.std_ddof) + config.std_eps) for r in rewards]
    std = spread(rewards, config.std_ddof)
    if config.unanimous_groups == "nominal" and len({row["correct"] for row in rows}) == 1:
        std = abs(config.right - config.wrong) / 2 * math.sqrt(n / (n - config.std_ddof))
    return [(r - mean) / (std + config.std_eps) for r in rewards]


def weighted(
    rows: list[dict[str, Any]], plain: list[float], config: AdvantageConfig
) -> tuple[list[float], list[float]]:
    rho = sum(row["correct"] for row in rows) / len(rows)
    up, down = logistic(rho, config), logistic(1 - rho, config)
    if config.difficulty == "none":
        return plain, [1.0] * len(rows)
    if config.difficulty == "scale_only":
        m = (1 - rho) * up + rho * down
        return [a * m for a in plain], [m] * len(rows)
    if config.difficulty == "shift_only":
        if rho in (0, 1):
            return plain, [1.0] * len(rows)
        right = np.mean([a for a, row in zip(plain, rows, strict=True) if row["correct"]])
        wrong = np.mean([a for a, row in zip(plain, rows, strict=True) if not row["correct"]])
        b = rho * (1 - rho) * (right - wrong) * (up - down)
        return [a + b for a in plain], [1.0] * len(rows)
    by_correct = config.difficulty_branch == "by_correct"
    chosen = [row["correct"] if by_correct else a > 0 for a, row in zip(plain, rows, strict=True)]
    weight = [up if yes else down for yes in chosen]
    return [a * w for a, w in zip(plain, weight, strict=True)], weight


def oracle(
    correct: list[bool],
    length: list[float],
    group: list[int],
    scorable: list[bool],
    answered: list[bool],
    bonus: list[float],
    config: AdvantageConfig,
) -> dict[str, np.ndarray]:
    """The five outputs of ``group_advantages`` as float64 / bool arrays, by name."""
    size = len(correct)
    out = {
        name: np.full(size, fill) for name, fill in (("advantage", 0.0), ("reward", np.nan), ("weight", 0.0))
    }
    out |= {"solve_rate": np.full(size, np.nan), "live": np.zeros(size, dtype=bool)}
    members: dict[int, list[int]] = {}
    for i in range(size):
        if scorable[i]:
            members.setdefault(group[i], []).append(i)
    table = [
        {"correct": correct[i], "length": length[i], "answered": answered[i], "bonus": bonus[i]}
        for i in range(size)
    ]
    rewards = {g: rewards_of([table[i] for i in rows], config) for g, rows in members.items()}
    everything = [r for values in rewards.values() for r in values]
    before = after = 0.0
    for g, index in members.items():
        rows = [table[i] for i in index]
        plain = plain_advantages(rows, rewards[g], everything, config)
        final, weight = weighted(rows, plain, config)
        before, after = before + sum(map(abs, plain)), after + sum(map(abs, final))
        out["advantage"][index], out["reward"][index], out["weight"][index] = final, rewards[g], weight
        for i in range(size):
            if group[i] == g:
                out["solve_rate"][i] = sum(row["correct"] for row in rows) / len(rows)
                out["live"][i] = any(final)
    if config.difficulty == "mean_normalised" and after > 0:
        out["advantage"] *= before / after
        out["weight"] *= before / after
    return out
