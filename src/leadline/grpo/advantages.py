"""From the scores of a batch of completions to their advantages: all group logic of this project.

The local engine, the TRL trainer and the verl plug-in all call :func:`group_advantages`. It groups by id and
never by position: TRL may split a group over processes, verl hands its rows over in shuffled order.

The formulas, one a function (S1 = GRPO-LEAD, arXiv 2504.09696, code: github.com/aeroplanepaper/GRPO-LEAD):

    length_factor   exp(-alpha z), z = (L - mean) / (std + eps) over the correct completions    S1, reward
    base_reward     exp(-alpha z) if correct, else -1                                           S1, penalty
    normalised      (R - mean R) / (std R + eps), and its relatives         GRPO, Dr. GRPO, RLOO, batch
    reweighted      A w(rho) if A > 0 else A w(1 - rho), and its parts m(rho) and b(rho)        S1, difficulty

Where the algebra says that a claim of the paper does not hold, the docstring of the function says so under
"Not as claimed". The numbers behind these notes are checked in ``tests/test_advantages.py``.

Everything is computed in float64 with NumPy on the CPU: in float32 the rounding error of a mean, divided by a
standard deviation of almost nothing plus 1e-6, gives advantages of up to 0.19 in groups of equal rewards; MPS
has no float64, CUDA's scatter-add is not deterministic, and a batch is a few thousand rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from leadline.errors import InputError
from leadline.grpo.config import AdvantageConfig
from leadline.grpo.groups import Bools, Floats, Groups
from leadline.grpo.length_controller import LengthTerm
from leadline.grpo.length_strata import short_rows
from leadline.grpo.rows import ScorableRows, as_numpy
from leadline.theory import lead_scale, lead_weight

__all__ = ["AdvantageConfig", "Advantages", "group_advantages"]


class Advantages(NamedTuple):
    """What :func:`group_advantages` returns: 1-D tensors of length B, no gradient, on the inputs' device.

    Attributes:
        advantage: float32; 0 for unscorable rows, in groups of one and in groups of equal rewards.
        reward: float32, base + bonus, before normalisation; NaN for unscorable rows.
        weight: float32, the factor that the difficulty weight put on the row's advantage; 1 in the modes
            ``none`` and ``shift_only``, 0 for unscorable rows.
        solve_rate: float32, correct / scorable rows of the row's group; NaN where there is none.
        live: bool, True when any advantage in the row's group is not 0. (A group is *mixed* when its solve
            rate is neither 0 nor 1; with a length term or a bonus a unanimous group can be live too.)
    """

    advantage: Tensor
    reward: Tensor
    weight: Tensor
    solve_rate: Tensor
    live: Tensor


def group_advantages(
    correct: Tensor,
    length: Tensor,
    group: Tensor,
    *,
    scorable: Tensor | None = None,
    answered: Tensor | None = None,
    bonus: Tensor | None = None,
    config: AdvantageConfig = AdvantageConfig(),  # noqa: B008 (frozen)
    term: LengthTerm | None = None,
) -> Advantages:
    """Advantages of B completions, normalised within groups of equal ``group`` id.

    All inputs are 1-D of length B. Rows come in any order, groups have any size, ids any value. Hand over
    whole groups: the rows of all processes, not the local ones.

    Args:
        correct: bool, the grader's verdict.
        length: int or float, completion tokens.
        group: integer, equal for completions of the same prompt.
        scorable: bool, default all True. False (the reference answer is at fault, or the row is padding): the row
            takes part in no statistic, has advantage 0, and its other columns may hold anything.
        answered: bool, default all True. False = no answer found: ``no_answer`` instead of ``wrong``.
        bonus: float, default 0: weighted sum of the other reward parts, added before normalisation; it never
            touches the solve rate (decision "Reward").
        config: see :class:`~leadline.grpo.config.AdvantageConfig`.
        term: what the arm's length controller says for this batch, as :class:`leadline.grpo.weighing.Weigher` hands it
            over; needed exactly where the length term changes from batch to batch (``config.remembers``).

    Raises:
        InputError: shapes, types or values that do not fit; lists all of them.

    >>> out = group_advantages(
    ...     torch.tensor([True, False, True, False]), torch.tensor([9, 9, 9, 9]), torch.tensor([7, 7, 7, 7]),
    ...     config=AdvantageConfig.dr_grpo())
    >>> out.advantage
    tensor([ 0.5000, -0.5000,  0.5000, -0.5000])
    """
    _validate(correct, length, group, scorable, answered, bonus, config, term)
    rows = ScorableRows.of(correct, length, group, scorable, answered)
    extra = None if bonus is None else as_numpy(bonus)[rows.keep]
    reward, advantage, weight = row_advantages(rows, extra, config, term or LengthTerm(config.length_alpha))
    out = Advantages(
        advantage=rows.back(advantage, fill=0.0),
        reward=rows.back(reward, fill=np.nan),
        weight=rows.back(weight, fill=0.0),
        solve_rate=rows.spread(rows.solve_rate.astype(np.float32)),
        live=rows.spread(rows.groups.total(advantage.astype(np.float32) != 0) > 0),
    )
    return Advantages(*(column.to(correct.device) for column in out))


def row_advantages(
    rows: ScorableRows, bonus: Floats | None, config: AdvantageConfig, term: LengthTerm
) -> tuple[Floats, Floats, Floats]:
    """[N] reward, advantage, and the weight in it: the formulas below, one after another."""
    groups, solve_rate = rows.groups, rows.solve_rate
    reward = base_reward(rows.correct, rows.answered, rows.tokens, groups, config, term.alpha)
    if bonus is not None:
        reward = reward + bonus
    baseline = groups.mean(reward)[groups.index]
    if term.within_strata:
        baseline = mean_within_strata(reward, rows.tokens, groups)
    plain = normalised(reward, solve_rate, groups, config, baseline)
    if config.drop_unsolved:
        plain = np.where(groups.total(reward > 0)[groups.index] > 0, plain, 0.0)
    return reward, *reweighted(plain, rows.correct, solve_rate, groups, config)


def length_factor(
    correct: Bools, tokens: Floats, groups: Groups, config: AdvantageConfig, alpha: float
) -> Floats:
    """[N] exp(-alpha z), z = (L - mean L) / (std L + eps) over the correct completions of the group. S1.

    1 for rows that are not correct. Lengths are standardised within the group, so alpha has no unit: with
    alpha = 0.05 one standard deviation costs 5%, be it 3 tokens or 3,000.

    The released code differs: sample std (``length_ddof=1``), and no length term where the three shortest
    completions of the group average <= 4000 tokens (``length_grace_tokens``).
    """
    mean, std = groups.mean(tokens, correct), groups.std(tokens, config.length_ddof, correct)
    z = (tokens - mean[groups.index]) / (std[groups.index] + config.length_eps)
    counts = correct
    if config.length_grace_tokens is not None:
        counts = correct & (mean_of_three_shortest(tokens, groups) > config.length_grace_tokens)[groups.index]
    return np.exp(-alpha * np.where(counts, z, 0.0))


def mean_of_three_shortest(tokens: Floats, groups: Groups) -> Floats:
    """[n_groups] mean of the three smallest lengths, right or wrong; infinite in groups of fewer than 3."""
    order = np.lexsort((tokens, groups.index))
    first = np.concatenate(([0], np.cumsum(groups.size)[:-1])).astype(np.int64)
    ranked = groups.index[order]
    shortest = np.arange(groups.rows) - first[ranked] < 3
    total = np.bincount(ranked[shortest], weights=tokens[order][shortest], minlength=groups.n_groups)
    return np.where(groups.size >= 3, total / 3, np.inf)


def base_reward(
    correct: Bools,
    answered: Bools,
    tokens: Floats,
    groups: Groups,
    config: AdvantageConfig,
    alpha: float,
) -> Floats:
    """[N] ``right`` * exp(-alpha z) if correct, else ``wrong`` or ``no_answer``. S1, explicit penalty.

    Not as claimed: S1 motivates the penalty by the expected reward 2P - 1, positive only for P > 1/2. A group
    baseline removes any such threshold: {0, 1} -> {-1, 1} is affine, and std-normalised advantages of a
    binary reward are the same for both. What the penalty does is to halve the length term against
    right-or-wrong (theory.md section 7: the spread of A among 4 correct of 8 falls from .093 to .047), which
    agrees with the longer completions that the paper reports with it (5323 -> 6104 tokens).
    """
    if not config.pay_accuracy:
        return np.zeros(len(correct))
    success = config.right * length_factor(correct, tokens, groups, config, alpha)
    failure = np.where(answered, config.wrong, config.no_answer)
    return np.where(correct, success, failure)


def mean_within_strata(reward: Floats, tokens: Floats, groups: Groups) -> Floats:
    """[N] the mean reward of the short, or of the long, completions of the row's group.

    Centred about it, the advantages of either part sum to 0: they raise what is right in each and, to first order,
    neither part at the other's expense. Own algebra, docs/theory.md section 7.
    """
    parts = Groups(2 * groups.index + short_rows(tokens, groups), 2 * groups.n_groups)
    return parts.mean(reward)[parts.index]


def normalised(
    reward: Floats, solve_rate: Floats, groups: Groups, config: AdvantageConfig, baseline: Floats
) -> Floats:
    """[N] (R - baseline) / scale: the group's std + eps (GRPO), the batch's + eps, or a constant.

    The baseline is the group's mean, or that of the short or long part of the group that the row is in.
    Leave-one-out needs no second formula: R_i - mean of the others = (R_i - mean) n / (n - 1).
    Exactly 0 in a group of one and where all rewards are equal, whatever rounding did to the mean.
    """
    centred = reward - baseline
    flat = groups.constant(reward)[groups.index]
    return np.where(flat, 0.0, centred / scale(reward, solve_rate, groups, config)[groups.index])


def scale(reward: Floats, solve_rate: Floats, groups: Groups, config: AdvantageConfig) -> Floats:
    """[n_groups] what centred rewards are divided by.

    Not as claimed: in an all-correct group the std of the rewards *is* the length term, so dividing by it
    gives advantages of unit size whatever alpha is; alpha matters in mixed groups only (theory.md section 7).
    ``unanimous_groups="nominal"`` divides by the std of a half-correct group there: |right - wrong| / 2.
    """
    n, ddof = groups.size, config.std_ddof
    if config.normalisation == "none":
        return np.ones(groups.n_groups)
    if config.normalisation == "leave_one_out":
        return np.divide(n - 1, n, out=np.ones(groups.n_groups), where=n > 1)
    if config.normalisation == "batch":
        whole = np.std(reward, ddof=ddof) if groups.rows > ddof else 0.0
        return np.full(groups.n_groups, whole + config.std_eps)
    std = groups.std(reward, ddof)
    if config.unanimous_groups == "nominal":
        bessel = np.sqrt(np.divide(n, n - ddof, out=np.ones(groups.n_groups), where=n > ddof))
        half_correct = abs(config.right - config.wrong) / 2 * bessel
        std = np.where((solve_rate == 0) | (solve_rate == 1), half_correct, std)
    return std + config.std_eps


def reweighted(
    advantage: Floats, correct: Bools, solve_rate: Floats, groups: Groups, config: AdvantageConfig
) -> tuple[Floats, Floats]:
    """[N] A w(rho) if A > 0 else A w(1 - rho), and the factor that was put on each. S1, difficulty.

    w(rho) = low + (high - low) / (1 + exp(slope (rho - midpoint))): ``theory.lead_weight``. w(1 - rho)
    evaluates the logistic again: it is not 1 - w(rho).

    Not as claimed: for a binary reward A' = m(rho) A + b(rho), exactly, with m *symmetric* in rho <-> 1 - rho
    and b an offset that all rows of the group share, without effect on the expected gradient as the group
    grows. So to first order the weight is a learning-rate factor of 1.34 to 1.50 that prefers hard prompts no
    more than easy ones (theory.md section 7); under Adam even that factor cancels. ``scale_only`` (m) and
    ``shift_only`` (b) are here to measure it.
    """
    one = np.ones(groups.rows)
    if config.difficulty == "none":
        return advantage, one
    if config.difficulty == "shift_only":
        return advantage + shift(advantage, correct, solve_rate, groups, config)[groups.index], one
    if config.difficulty == "scale_only":
        weight = lead_scale(solve_rate, **_logistic(config))[groups.index]
        return advantage * weight, weight
    favoured = correct if config.difficulty_branch == "by_correct" else advantage > 0
    rho = solve_rate[groups.index]
    weight = lead_weight(np.where(favoured, rho, 1 - rho), **_logistic(config))
    if config.difficulty == "mean_normalised":
        pushed = np.abs(advantage * weight).sum()
        weight = weight * (np.abs(advantage).sum() / pushed if pushed > 0 else 1.0)
    return advantage * weight, weight


def shift(
    advantage: Floats, correct: Bools, solve_rate: Floats, groups: Groups, config: AdvantageConfig
) -> Floats:
    """[n_groups] b = (w(rho) - w(1 - rho)) rho (1 - rho) D; D = mean A of the correct - mean A of the rest.

    With a binary reward and population std D = 1 / sqrt(rho (1 - rho)): then this is ``theory.lead_shift``.
    Taking D from the advantages keeps A' = m A + b exact for every normalisation. As the advantages of a
    group sum to 0, rho (1 - rho) D is their sum over the correct rows divided by n.
    """
    pushed = groups.total(np.where(correct, advantage, 0.0))
    mixed = (solve_rate > 0) & (solve_rate < 1)
    push = np.divide(pushed, groups.size, out=np.zeros(groups.n_groups), where=mixed)
    rho = np.where(mixed, solve_rate, 0.5)
    return (lead_weight(rho, **_logistic(config)) - lead_weight(1 - rho, **_logistic(config))) * push


def _logistic(config: AdvantageConfig) -> dict[str, float]:
    return {
        "low": config.difficulty_low,
        "high": config.difficulty_high,
        "slope": config.difficulty_slope,
        "midpoint": config.difficulty_midpoint,
    }


def _validate(
    correct: Tensor,
    length: Tensor,
    group: Tensor,
    scorable: Tensor | None,
    answered: Tensor | None,
    bonus: Tensor | None,
    config: AdvantageConfig,
    term: LengthTerm | None,
) -> None:
    """Raise one InputError that names every column that does not fit."""
    columns = {"correct": correct, "length": length, "group": group}
    columns |= {
        name: value
        for name, value in (("scorable", scorable), ("answered", answered), ("bonus", bonus))
        if value is not None
    }
    _check_kinds(columns, config)
    faults = [
        f"{name}: shape {tuple(value.shape)}, expected ({len(correct) if correct.ndim else 'B'},)"
        for name, value in columns.items()
        if value.ndim != 1 or value.shape != correct.shape
    ]
    faults += [
        f"{name}: {columns[name].dtype}, expected torch.bool"
        for name in ("correct", "scorable", "answered")
        if name in columns and columns[name].dtype != torch.bool
    ]
    if group.is_floating_point() or group.is_complex() or group.dtype == torch.bool:
        faults.append(f"group: {group.dtype}, expected integer ids")
    if not faults:
        rows = torch.ones_like(correct) if scorable is None else scorable
        for name in ("length", "bonus"):
            if name in columns and not columns[name][rows].isfinite().all():
                faults.append(f"{name}: not finite in a scorable row")
        if (length[rows] < 0).any():
            faults.append("length: negative in a scorable row")
    if not faults and term is None and config.remembers:
        faults.append(
            "config: its length term changes from batch to batch: use leadline.grpo.weighing.Weigher"
        )
    if faults:
        raise InputError(faults)


def _check_kinds(columns: Mapping[str, object], config: object) -> None:
    faults = [
        f"{name}: {type(value).__name__}, expected a tensor"
        for name, value in columns.items()
        if not isinstance(value, Tensor)
    ]
    if not isinstance(config, AdvantageConfig):
        faults.append(f"config: {str(config)[:40]!r} is no AdvantageConfig, such as AdvantageConfig.lead()")
    if faults:
        raise InputError(faults)
