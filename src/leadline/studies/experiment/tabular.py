"""A policy without shared weights: one table of logits a prompt, trained by the same advantages as the network.

Between the tilted optimum (what the algebra allows) and the network (what sharing weights adds) stands what the
algorithm itself does. Two ways to train it: by expected updates, which have the fixed points of theory.md exactly,
and by sampled groups, with the group size and the number of visits of the network's own run.

Everything here works with *action values* u: the policy gradient in the logits is ``pi * (u - E_pi u)`` and the natural
gradient is u itself (up to a constant), so both have the same fixed points; the natural one gets there sooner.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from scipy import optimize, special, stats

from leadline.grpo.advantages import group_advantages
from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.theory import tilt_kl, tilted_success

__all__ = ["action_values", "at_equal_kl", "sampled_training", "tilt_at_kl"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_LARGEST_STRENGTH = 60.0  # tilts beyond it have p' = 1 to the last digit for every mass that is told from 0


def action_values(
    policy: Array, base: Array, correct: Bools, advantage: AdvantageConfig, loss: LossConfig, group: int
) -> Array:
    """``[V]`` expected advantage of every outcome in groups of G, with the KL term of the loss.

    The advantages are those of :func:`leadline.grpo.advantages.group_advantages` itself, called once for every
    number K of correct completions and weighted by its binomial probability: exact for a two-valued reward and any
    normalisation. With k1 in the reward (normalisation none or leave-one-out only) the shaped reward has many
    values, but advantages are linear in it, so their expectation is the centred shaped reward, times ``1 - 1/G``
    where the group's mean contains the completion itself.

    Source: docs/theory.md, sections 1b and 4.
    """
    p = float(policy[correct].sum())
    log_ratio = np.log(policy) - np.log(base)
    if loss.kl == "k1_in_reward":
        shaped = correct * (advantage.right - advantage.wrong) - loss.beta * log_ratio
        factor = 1.0 if advantage.normalisation == "leave_one_out" else 1 - 1 / group
        return np.asarray(factor * (shaped - policy @ shaped))
    right, wrong = _expected_by_class(p, advantage, group)
    values = np.where(correct, right, wrong)
    if loss.kl == "k2":  # on policy, the gradient of the reverse KL
        values = values - loss.beta * log_ratio
    if loss.kl == "k3":  # grad k3 = (1 - pi0/pi) grad log pi: of the forward KL
        values = values - loss.beta * (1 - base / policy)
    return np.asarray(values - policy @ values)


def _expected_by_class(p: float, advantage: AdvantageConfig, group: int) -> tuple[float, float]:
    """Expected advantage of an outcome that is drawn, given that it is right, and given that it is wrong.

    Given one completion, the others are ``Bin(G - 1, p)``: a right one sits in a group of K = others + 1.
    """
    table = _advantage_table(advantage, group)
    others = stats.binom.pmf(np.arange(group), group - 1, p)
    return float(others @ table[1:, 0]), float(others @ table[:-1, -1])


@cache
def _advantage_table(advantage: AdvantageConfig, group: int) -> Array:
    """``[G + 1, G]`` advantages in a group with K = 0 ... G right completions, which stand first."""
    number = np.arange(group + 1)
    rows = number[:, None] > np.arange(group)  # row K: K correct completions, the first ones
    found = group_advantages(
        torch.from_numpy(rows.ravel()),
        torch.ones(rows.size),
        torch.from_numpy(np.repeat(number, group)),
        config=advantage,
    )
    return found.advantage.double().numpy().reshape(group + 1, group)


def sampled_training(
    base: Array,
    column: npt.NDArray[np.int64],
    advantage: AdvantageConfig,
    loss: LossConfig,
    *,
    group: int,
    visits: int,
    rate: float,
    seed: int,
) -> Array:
    """``[N, V]`` policies after ``visits`` sampled groups of each of N prompts, by plain policy gradient.

    Args:
        base: ``[N, V]`` base policies; ``column [N]`` the right outcome of each.
        rate: step on the logits of the mean over the group of ``A (onehot - pi)``.
    """
    rng = np.random.default_rng(seed)
    prompts, outcomes = base.shape
    log_base = np.log(np.maximum(base, 1e-300))
    logits = log_base.copy()
    owner = torch.arange(prompts).repeat_interleave(group)
    rows = owner.numpy()
    for _ in range(visits):
        policy = special.softmax(logits, axis=1)
        drawn = _draw(policy, group, rng)
        bonus = None
        log_ratio = np.log(np.maximum(policy, 1e-300)) - log_base
        if loss.kl == "k1_in_reward":
            bonus = torch.from_numpy(-loss.beta * log_ratio[rows, drawn])
        right = torch.from_numpy(drawn == column[rows])
        found = group_advantages(right, torch.ones(len(drawn)), owner, bonus=bonus, config=advantage)
        push = found.advantage.double().numpy()
        if loss.kl == "k2":
            push = push - loss.beta * log_ratio[rows, drawn]
        if loss.kl == "k3":
            push = push - loss.beta * (1 - np.exp(-log_ratio[rows, drawn]))
        step = np.zeros((prompts, outcomes))
        np.add.at(step, (rows, drawn), push / group)
        step -= policy * np.bincount(rows, push / group, prompts)[:, None]
        logits = special.log_softmax(logits + rate * step, axis=1)
    return np.asarray(special.softmax(logits, axis=1))


def _draw(policy: Array, group: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """``[N * G]`` outcomes, ``group`` of each prompt, by inverting the cumulative law."""
    edges = policy.cumsum(1)
    uniform = rng.random((len(policy), group)) * edges[:, -1:]
    return np.concatenate(
        [np.searchsorted(edge, points, side="right") for edge, points in zip(edges, uniform, strict=True)]
    ).clip(max=policy.shape[1] - 1)


def at_equal_kl(
    base: Array,
    column: npt.NDArray[np.int64],
    advantage: AdvantageConfig,
    loss: LossConfig,
    *,
    group: int,
    visits: int,
    kl: float,
    seed: int,
) -> Array:
    """``[N]`` successes of the tabular policy whose mean KL to the base comes nearest to the network's.

    Learning rates of a table and of a network have no common unit; what both spend is KL, so the table's rate is
    chosen among powers of two to spend as much as the network did.
    """
    best: tuple[float, Array] = (np.inf, np.take_along_axis(base, column[:, None], 1)[:, 0])
    for power in range(-2, 8):
        after = sampled_training(
            base, column, advantage, loss, group=group, visits=visits, rate=2.0**power, seed=seed
        )
        spent = float(special.rel_entr(after, base).sum(1).mean())
        if abs(spent - kl) < best[0]:
            best = abs(spent - kl), np.take_along_axis(after, column[:, None], 1)[:, 0]
        if spent > kl:
            break
    return best[1]


def tilt_at_kl(mass: Array, kl: float) -> Array:
    """``[N]`` successes of the exact tilt, one strength for all prompts, whose mean KL is ``kl``: the most for it."""
    if kl <= 0:
        return np.asarray(mass)

    def excess(strength: float) -> float:
        return float(tilt_kl(mass, strength).mean()) - kl

    if excess(_LARGEST_STRENGTH) < 0:
        return np.asarray(tilted_success(mass, _LARGEST_STRENGTH))
    return np.asarray(tilted_success(mass, optimize.brentq(excess, 0.0, _LARGEST_STRENGTH)))
