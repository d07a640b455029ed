"""The clipped policy loss, its KL estimators and its normaliser: pure functions on log-probabilities.

Every sum is divided by a normaliser that the caller counts over the *whole* batch (all micro-batches, all
processes) and hands in. So the micro-batch losses, and their gradients, add up to those of the whole batch
however it was split; a mean inside a micro-batch would give short micro-batches' tokens more weight.

Two layouts, one code path: padded ``[R, T]`` with a bool mask, or packed ``[N]`` with ``rows`` [N], the row
number of every token (whole rows only: a row is never split between calls). Log-probabilities are natural
logarithms of the temperature-scaled distribution that the tokens were sampled from (decision "One sampling
distribution").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from leadline.errors import InputError
from leadline.grpo.config import LossConfig

__all__ = [
    "LossConfig",
    "PolicyLoss",
    "k1",
    "k2",
    "k3",
    "loss_normaliser",
    "policy_loss",
    "reverse_kl",
    "sequence_k1",
]


@dataclass(frozen=True)
class PolicyLoss:
    """The share of one micro-batch in the loss, with its statistics as sums, so that shares add up.

    Attributes:
        loss: scalar with gradient: (surrogate + beta * KL) summed over the tokens / normaliser.
        tokens: how many tokens took part.
        clipped_low: tokens held at 1 - clip_low: negative advantage, ratio below it; no gradient.
        clipped_high: tokens held at 1 + clip_high: positive advantage, ratio above it; no gradient.
        kl: sum of the configured KL estimator over the tokens, in nats; 0 without one.
    """

    loss: Tensor
    tokens: Tensor
    clipped_low: Tensor
    clipped_high: Tensor
    kl: Tensor

    def __add__(self, other: PolicyLoss) -> PolicyLoss:
        """The sum of two shares, for the log: its loss has no gradient."""
        return PolicyLoss(
            (self.loss + other.loss).detach(),
            self.tokens + other.tokens,
            self.clipped_low + other.clipped_low,
            self.clipped_high + other.clipped_high,
            self.kl + other.kl,
        )

    @property
    def clip_share(self) -> float:
        """Share of the tokens whose gradient the clip removed; 0 when there are no tokens."""
        return float((self.clipped_low + self.clipped_high) / self.tokens.clamp(min=1))

    @property
    def mean_kl(self) -> float:
        """Mean of the KL estimator a token, in nats; 0 when there are no tokens."""
        return float(self.kl / self.tokens.clamp(min=1))


def policy_loss(
    logp: Tensor,
    old_logp: Tensor | None,
    advantage: Tensor,
    mask: Tensor | None = None,
    *,
    normaliser: float,
    rows: Tensor | None = None,
    ref_logp: Tensor | None = None,
    config: LossConfig = LossConfig(),  # noqa: B008 (frozen)
) -> PolicyLoss:
    """sum over tokens of weight * (-min(r A, clip(r) A) + beta * KL) / normaliser.

    Args:
        logp: [R, T] or [N], of the policy that is trained; carries the gradient.
        old_logp: the same shape, of the policy that sampled; None = this one (ratio 1, gradient of log pi).
        advantage: [R], one a row.
        mask: bool [R, T], True on completion tokens, the end-of-sequence token included. Whatever the other
            columns hold where it is False, NaN included, has no effect on value or gradient.
        normaliser: what :func:`loss_normaliser` gives for the whole batch.
        rows: int64 [N], packed layout: the row of each token. Give either ``mask`` or ``rows``.
        ref_logp: the shape of ``logp``, of the reference policy; needed exactly with KL in the loss.
        config: see :class:`~leadline.grpo.config.LossConfig`.

    Raises:
        InputError: shapes or arguments that do not fit; lists all of them.
    """
    _validate(logp, old_logp, advantage, mask, rows, ref_logp, normaliser, config)
    pick, rows = _layout(mask, rows)
    new, n_rows = pick(logp), len(advantage)
    token_log_ratio = log_ratio = new - (new if old_logp is None else pick(old_logp)).detach()
    if config.level == "sequence":
        log_ratio = row_mean(log_ratio, rows, n_rows)[rows]
    ratio, push = log_ratio.exp(), advantage.detach().to(new.dtype)[rows]
    losses = clipped_surrogate(ratio, push, config.clip_low, config.clip_high)
    kl = torch.zeros_like(new)
    if ref_logp is not None and config.kl_in_loss:
        kl = kl_term(config.kl, new, pick(ref_logp).detach(), token_log_ratio)
        losses = losses + config.beta * kl
    if config.aggregation == "sequence_mean":
        losses = row_mean(losses, rows, n_rows)
    return PolicyLoss(
        loss=losses.sum() / normaliser,
        tokens=torch.tensor(len(new), device=new.device),
        clipped_low=((push < 0) & (ratio < 1 - config.clip_low)).sum(),
        clipped_high=((push > 0) & (ratio > 1 + config.clip_high)).sum(),
        kl=kl.detach().sum(),
    )


def _layout(mask: Tensor | None, rows: Tensor | None) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """How the tokens are taken out of a column of either layout, and the row of each."""
    if rows is not None:
        return (lambda column: column), rows
    assert mask is not None  # _validate: one of the two
    return (lambda column: column[mask]), mask.nonzero()[:, 0]


def loss_normaliser(
    tokens: int, completions: int, config: LossConfig, *, max_tokens: int | None = None
) -> float:
    """What the loss of a whole batch is divided by, from counts over all its micro-batches and processes.

    Args:
        tokens: completion tokens of the batch. Tokens of skipped groups count (decision "Advantage 0"): they would have
            entered with gradient 0, and leaving them out would raise everybody else's weight.
        completions: completions of the batch, skipped ones included.
        config: only ``aggregation`` is read: ``token_mean`` -> tokens, ``sequence_mean`` -> completions,
            ``constant`` -> completions * max_tokens (Dr. GRPO: no length enters at all).
        max_tokens: the token cap; needed exactly for ``constant``.

    >>> loss_normaliser(90, 4, LossConfig()), loss_normaliser(90, 4, LossConfig(aggregation="sequence_mean"))
    (90.0, 4.0)
    >>> loss_normaliser(90, 4, LossConfig(aggregation="constant"), max_tokens=32)
    128.0
    """
    if config.aggregation == "constant":
        if max_tokens is None:
            raise InputError("max_tokens: needed for aggregation 'constant'")
        return float(completions * max_tokens)
    return float(tokens if config.aggregation == "token_mean" else completions)


def clipped_surrogate(ratio: Tensor, advantage: Tensor, clip_low: float, clip_high: float) -> Tensor:
    """-min(r A, clip(r, 1 - clip_low, 1 + clip_high) A), element by element. PPO, arXiv 1707.06347."""
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high)
    # A ratio may overflow to inf where the advantage is 0 (rows kept for their KL term), and inf * 0 is NaN.
    bounded = torch.where(advantage == 0, torch.ones_like(ratio), ratio)
    return -torch.minimum(bounded * advantage, clipped * advantage)


def row_mean(values: Tensor, rows: Tensor, n_rows: int) -> Tensor:
    """[N] tokens -> [n_rows] means, 0 for rows without tokens; differentiable.

    Exponentiated log-ratios: the geometric mean of a completion's token ratios, GSPO's importance ratio
    (arXiv 2507.18071).
    """
    total = values.new_zeros(n_rows).index_add(0, rows, values)
    return total / torch.bincount(rows, minlength=n_rows).clamp(min=1).to(values.dtype)


def k1(logp: Tensor, ref_logp: Tensor) -> Tensor:
    """log pi - log ref: the unbiased estimator of KL(pi || ref), element by element; negative half of the time.

    In the *reward* its score-function gradient is that of the reverse KL, and the optimum is the exponential
    tilt (theory.md section 1). In the *loss* its gradient, grad log pi, is zero in expectation: of no use
    there.
    Source: http://joschu.net/blog/kl-approx.html
    """
    return logp - ref_logp


def k2(logp: Tensor, ref_logp: Tensor) -> Tensor:
    """(log pi - log ref)^2 / 2: biased as a value; on-policy its gradient is that of the reverse KL.

    grad k2 = (log pi - log ref) grad log pi, whose expectation is grad KL(pi || ref). Source: as :func:`k1`.
    """
    return k1(logp, ref_logp) ** 2 / 2


def k3(logp: Tensor, ref_logp: Tensor) -> Tensor:
    """q - log q - 1 with q = ref / pi: unbiased as a value, never negative.

    Not what it is used for: on-policy grad k3 = (1 - q) grad log pi, whose expectation is the gradient of the
    *forward* KL(ref || pi). As a loss term its optimum is not the exponential tilt but
    pi(y) = beta ref(y) / (lambda - r(y)) (theory.md section 1b, iv). Source: as :func:`k1`.
    """
    log_q = ref_logp - logp
    return log_q.exp() - log_q - 1


def reverse_kl(logp: Tensor, ref_logp: Tensor, log_ratio: Tensor) -> Tensor:
    """r k3, r = pi / (the policy that sampled): unbiased for KL(pi || ref) in value *and* gradient.

    grad (r k3) = r (k3 + 1 - q) grad log pi = r k1 grad log pi, whose expectation over the sampled tokens is
    grad KL(pi || ref) however far pi has moved from the policy that sampled; k2's is so on-policy only.
    Source: DeepSeek-V3.2, arXiv 2512.02556.
    """
    return log_ratio.exp() * k3(logp, ref_logp)


def kl_term(name: str, logp: Tensor, ref_logp: Tensor, log_ratio: Tensor) -> Tensor:
    """The KL estimator of a loss, token by token, by its name in :class:`LossConfig`."""
    if name == "reverse":
        return reverse_kl(logp, ref_logp, log_ratio)
    return {"k2": k2, "k3": k3}[name](logp, ref_logp)


def sequence_k1(logp: Tensor, ref_logp: Tensor, mask: Tensor) -> Tensor:
    """[R, T] -> [R]: k1 of whole completions, the sum over their tokens, without gradient.

    ``bonus - beta * sequence_k1(...)`` is KL in the reward; allowed only without division by a standard
    deviation (decision "KL in the reward", :func:`leadline.grpo.config.kl_faults`).
    """
    return torch.where(mask, k1(logp, ref_logp), 0.0).sum(-1).detach()


def _validate(
    logp: Tensor,
    old_logp: Tensor | None,
    advantage: Tensor,
    mask: Tensor | None,
    rows: Tensor | None,
    ref_logp: Tensor | None,
    normaliser: float,
    config: LossConfig,
) -> None:
    """Raise one InputError that names every argument that does not fit."""
    faults = [
        f"{name}: shape {tuple(value.shape)}, expected {tuple(logp.shape)} as logp"
        for name, value in (("old_logp", old_logp), ("ref_logp", ref_logp), ("mask", mask), ("rows", rows))
        if value is not None and value.shape != logp.shape
    ]
    if (mask is None) == (rows is None):
        faults.append("give either mask (padded [R, T]) or rows (packed [N])")
    elif mask is not None and (
        mask.dtype != torch.bool or logp.ndim != 2 or advantage.shape != logp.shape[:1]
    ):
        faults.append("padded layout: logp [R, T], mask bool [R, T], advantage [R]")
    elif rows is not None and (rows.dtype != torch.int64 or logp.ndim != 1 or advantage.ndim != 1):
        faults.append("packed layout: logp [N], rows int64 [N], advantage [R]")
    if config.kl_in_loss != (ref_logp is not None):
        faults.append(f"ref_logp: {'needed' if config.kl_in_loss else 'given'}, but kl is {config.kl!r}")
    if not normaliser > 0:
        faults.append(f"normaliser: {normaliser}, must be > 0")
    if faults:
        raise InputError(faults)
