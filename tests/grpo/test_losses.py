"""Golden values by hand, micro-batch invariance of value and gradient, and what each KL estimator pulls towards."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from leadline.errors import InputError
from leadline.grpo.config import LossConfig
from leadline.grpo.losses import PolicyLoss, k1, k2, k3, loss_normaliser, policy_loss, sequence_k1

LOG2, LOG3 = math.log(2), math.log(3)
AGGREGATIONS = ("token_mean", "sequence_mean", "constant")


def loss_of(
    log_ratio: list[list[float]],
    advantage: list[float],
    mask: list[list[int]],
    config: LossConfig,
    **kwargs: Any,
) -> PolicyLoss:
    """The loss with old log-probabilities of -1 and new ones of -1 + log_ratio; token mean unless said otherwise."""
    new = torch.tensor(log_ratio, dtype=torch.float64) - 1
    bools = torch.tensor(mask, dtype=torch.bool)
    normaliser = loss_normaliser(int(bools.sum()), len(advantage), config, max_tokens=4)
    old = torch.full_like(new, -1)
    return policy_loss(
        new, old, torch.tensor(advantage), bools, normaliser=normaliser, config=config, **kwargs
    )


# --- golden values
# -------------------------------------------------------------------------------------------


def test_clipping_by_hand() -> None:
    # ratios 2, 1/2, 1 with clips .2 and .3. A = +1: -min(2, 1.3), -min(.5, .8), -1 = -1.3, -.5, -1
    # A = -1: -min(-2, -1.3), -min(-.5, -.8), 1 = 2, .8, 1. Only the bounds that stop the push count as
    # clipped.
    config = LossConfig(clip_low=0.2, clip_high=0.3)
    row, every = [LOG2, -LOG2, 0.0], [1, 1, 1]
    up = loss_of([row], [1.0], [every], config)
    down = loss_of([row], [-1.0], [every], config)
    assert float(up.loss) == pytest.approx(-2.8 / 3)
    assert float(down.loss) == pytest.approx(3.8 / 3)
    assert (int(up.clipped_low), int(up.clipped_high)) == (0, 1)
    assert (int(down.clipped_low), int(down.clipped_high)) == (1, 0)
    assert up.clip_share == pytest.approx(1 / 3)
    both = up + down
    assert float(both.loss) == pytest.approx(1 / 3)
    assert (int(both.tokens), both.clip_share) == (6, pytest.approx(1 / 3))


def test_aggregation_by_hand() -> None:
    # on-policy, A = 1 on a row of 1 token and 3 on a row of 3: token losses -1 | -3 -3 -3
    mask, ratio = [[1, 0, 0], [1, 1, 1]], [[0.0] * 3] * 2
    expected = {"token_mean": -10 / 4, "sequence_mean": -(1 + 3) / 2, "constant": -10 / (2 * 4)}
    for name, value in expected.items():
        config = LossConfig(aggregation=name)  # type: ignore[arg-type]
        assert float(loss_of(ratio, [1.0, 3.0], mask, config).loss) == pytest.approx(value), name


def test_sequence_level_ratio_by_hand() -> None:
    # log-ratios log 2 and log 8: geometric mean 4, clipped at 1.2 for A > 0; both tokens carry it
    config = LossConfig(level="sequence")
    assert float(loss_of([[LOG2, 3 * LOG2]], [1.0], [[1, 1]], config).loss) == pytest.approx(-1.2)
    assert float(loss_of([[LOG2, 3 * LOG2]], [-1.0], [[1, 1]], config).loss) == pytest.approx(4.0)
    # log 2 and -log 2 cancel: ratio 1, nothing clipped, where token level clips one of the two
    assert loss_of([[LOG2, -LOG2]], [1.0], [[1, 1]], config).clip_share == 0
    assert loss_of([[LOG2, -LOG2]], [1.0], [[1, 1]], LossConfig()).clip_share == 0.5


def test_kl_estimators_by_hand() -> None:
    # pi = 1/2, ref = 1/6: log-ratio log 3, q = 1/3
    pi, ref = torch.tensor(-LOG2), torch.tensor(-LOG2 - LOG3)
    assert float(k1(pi, ref)) == pytest.approx(LOG3)
    assert float(k2(pi, ref)) == pytest.approx(LOG3**2 / 2)
    assert float(k3(pi, ref)) == pytest.approx(1 / 3 + LOG3 - 1)
    mask = torch.tensor([[True, True, False]])
    values = torch.tensor([[0.0, 1.0, float("nan")]])
    assert sequence_k1(values, torch.full((1, 3), -0.5), mask).tolist() == [2.0]


@pytest.mark.parametrize("kl", ["k2", "k3"])
def test_kl_in_the_loss_is_added_with_beta(kl: Any) -> None:
    # A = 0, log pi - log ref = log 3 on both tokens: beta times the estimator, and nothing is skipped
    config = LossConfig(kl=kl, beta=0.5)
    ref = torch.full((1, 2), -1 - LOG3, dtype=torch.float64)
    out = loss_of([[0.0, 0.0]], [0.0], [[1, 1]], config, ref_logp=ref)
    expected = {"k2": LOG3**2 / 2, "k3": 1 / 3 + LOG3 - 1}[kl]
    assert float(out.loss) == pytest.approx(expected / 2)
    assert out.mean_kl == pytest.approx(expected)


def test_without_old_log_probabilities_it_is_the_policy_gradient() -> None:
    logp = torch.tensor([[-1.0, -2.0]], requires_grad=True)
    mask = torch.tensor([[True, True]])
    policy_loss(logp, None, torch.tensor([3.0]), mask, normaliser=2.0).loss.backward()
    assert logp.grad is not None
    assert logp.grad.tolist() == [[-1.5, -1.5]]


def test_a_clipped_token_has_no_gradient() -> None:
    logp = torch.tensor([[LOG2 - 1, 0.1 - 1]], requires_grad=True)
    mask = torch.tensor([[True, True]])
    policy_loss(logp, torch.full((1, 2), -1.0), torch.tensor([1.0]), mask, normaliser=1.0).loss.backward()
    assert logp.grad is not None
    assert logp.grad[0].tolist() == pytest.approx([0.0, -math.exp(0.1)])


# --- what must not matter
# ------------------------------------------------------------------------------------


def batch(seed: int = 0, rows: int = 12, width: int = 9) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """logits-like leaf [R, T], old and reference log-probabilities, advantages, a ragged mask with an empty row."""
    rng = torch.Generator().manual_seed(seed)
    draw = lambda: -torch.rand(rows, width, generator=rng, dtype=torch.float64) * 2  # noqa: E731
    length = torch.randint(1, width + 1, (rows,), generator=rng)
    length[3] = 0
    mask = torch.arange(width) < length[:, None]
    return draw(), draw(), draw(), torch.randn(rows, generator=rng, dtype=torch.float64), mask


def configs() -> list[LossConfig]:
    kls = ({"kl": "none"}, {"kl": "k2", "beta": 0.3}, {"kl": "k3", "beta": 0.3})
    return [
        LossConfig(level=level, aggregation=name, **kl)  # type: ignore[arg-type]
        for level in ("token", "sequence")
        for name in AGGREGATIONS
        for kl in kls
    ]


def value_and_gradient(splits: list[list[int]], config: LossConfig) -> tuple[float, Tensor, PolicyLoss]:
    new, old, ref, advantage, mask = batch()
    new.requires_grad_(True)
    normaliser = loss_normaliser(int(mask.sum()), len(mask), config, max_tokens=9)
    parts = []
    for rows in splits:
        part = policy_loss(
            new[rows], old[rows], advantage[rows], mask[rows], normaliser=normaliser, config=config,
            ref_logp=ref[rows] if config.kl_in_loss else None,
        )  # fmt: skip
        part.loss.backward()  # type: ignore[no-untyped-call]
        parts.append(part)
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    assert new.grad is not None
    return float(total.loss.detach()), new.grad, total


@pytest.mark.parametrize("config", configs(), ids=lambda c: f"{c.level}-{c.aggregation}-{c.kl}")
def test_the_micro_batch_split_does_not_matter(config: LossConfig) -> None:
    whole, gradient, statistics = value_and_gradient([list(range(12))], config)
    assert gradient.abs().max() > 1e-3
    for splits in ([[i] for i in range(12)], [[11, 0, 5], [1, 2], [3, 4, 6, 7, 8, 9, 10]]):
        value, split_gradient, split_statistics = value_and_gradient(splits, config)
        assert value == pytest.approx(whole, abs=1e-6)
        torch.testing.assert_close(split_gradient, gradient, rtol=0, atol=1e-6)
        assert split_statistics.clip_share == pytest.approx(statistics.clip_share)
        assert split_statistics.mean_kl == pytest.approx(statistics.mean_kl)


@pytest.mark.parametrize("config", configs(), ids=lambda c: f"{c.level}-{c.aggregation}-{c.kl}")
def test_packed_and_padded_agree(config: LossConfig) -> None:
    new, old, ref, advantage, mask = batch()
    rows = mask.nonzero()[:, 0]
    kl = config.kl_in_loss
    padded = policy_loss(
        new, old, advantage, mask, normaliser=7.0, config=config, ref_logp=ref if kl else None
    )
    packed = policy_loss(
        new[mask],
        old[mask],
        advantage,
        rows=rows,
        normaliser=7.0,
        config=config,
        ref_logp=ref[mask] if kl else None,
    )
    assert float(packed.loss) == pytest.approx(float(padded.loss), abs=1e-12)
    shuffled = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1))
    moved = policy_loss(
        new[mask][shuffled], old[mask][shuffled], advantage, rows=rows[shuffled], normaliser=7.0, config=config,
        ref_logp=ref[mask][shuffled] if kl else None,
    )  # fmt: skip
    assert float(moved.loss) == pytest.approx(float(padded.loss), abs=1e-12)


@pytest.mark.parametrize("config", configs(), ids=lambda c: f"{c.level}-{c.aggregation}-{c.kl}")
def test_what_the_padding_holds_does_not_matter(config: LossConfig) -> None:
    grads = []
    for rubbish in (0.0, float("nan")):
        new, old, ref, advantage, mask = batch()
        columns = [torch.where(mask, column, rubbish) for column in (new, old, ref)]
        columns[0].requires_grad_(True)
        kl = {"ref_logp": columns[2]} if config.kl_in_loss else {}
        policy_loss(*columns[:2], advantage, mask, normaliser=5.0, config=config, **kl).loss.backward()  # type: ignore[no-untyped-call]
        assert columns[0].grad is not None
        assert not columns[0].grad[~mask].any()
        grads.append(columns[0].grad)
    assert torch.equal(grads[0], grads[1])


def test_only_the_trained_policy_has_a_gradient() -> None:
    columns = [column.clone().requires_grad_(True) for column in batch()[:4]]
    new, old, ref, advantage = columns
    config = LossConfig(kl="k3", beta=0.3)
    policy_loss(new, old, advantage, batch()[4], normaliser=1.0, config=config, ref_logp=ref).loss.backward()  # type: ignore[no-untyped-call]
    assert [column.grad is None for column in columns] == [False, True, True, True]


def test_skipping_rows_without_signal_is_exact_without_kl_in_the_loss() -> None:
    # decision "Advantage 0": skipped tokens stay in the normaliser
    new, old, _, advantage, mask = batch()
    advantage[::2] = 0
    live = advantage != 0
    normaliser = loss_normaliser(int(mask.sum()), len(mask), LossConfig())
    whole = policy_loss(new, old, advantage, mask, normaliser=normaliser).loss
    skipped = policy_loss(new[live], old[live], advantage[live], mask[live], normaliser=normaliser).loss
    assert float(whole) == pytest.approx(float(skipped), abs=1e-12)


def test_an_independent_loop_gives_the_same_loss() -> None:
    new, old, ref, advantage, mask = batch(seed=5)
    config = LossConfig(clip_low=0.1, clip_high=0.4, aggregation="sequence_mean", kl="k3", beta=0.2)
    total = 0.0
    for i in range(len(mask)):
        tokens = [t for t in range(mask.shape[1]) if mask[i, t]]
        for t in tokens:
            r = math.exp(float(new[i, t] - old[i, t]))
            a = float(advantage[i])
            q = math.exp(float(ref[i, t] - new[i, t]))
            surrogate = -min(r * a, min(max(r, 0.9), 1.4) * a)
            total += (surrogate + 0.2 * (q - math.log(q) - 1)) / len(tokens) / len(mask)
    got = policy_loss(new, old, advantage, mask, normaliser=len(mask), config=config, ref_logp=ref)
    assert float(got.loss) == pytest.approx(total, abs=1e-12)


# --- what the estimators pull towards, by exact enumeration over a small alphabet
# --------------------------------


def expected_gradient(estimator: Any, logits: Tensor, ref: Tensor) -> Tensor:
    """sum_y pi(y) grad estimator(y): the on-policy gradient of the estimator as a loss term."""
    logits = logits.clone().requires_grad_(True)
    logp = logits.log_softmax(-1)
    (logp.exp().detach() * estimator(logp, ref)).sum().backward()
    assert logits.grad is not None
    return logits.grad


def test_k2_pulls_along_the_reverse_kl_k3_along_the_forward_kl_and_k1_nowhere() -> None:
    rng = torch.Generator().manual_seed(3)
    logits = torch.randn(6, generator=rng, dtype=torch.float64)
    ref = torch.randn(6, generator=rng, dtype=torch.float64).log_softmax(-1)
    reverse, forward = logits.clone().requires_grad_(True), logits.clone().requires_grad_(True)
    (reverse.log_softmax(-1).exp() * (reverse.log_softmax(-1) - ref)).sum().backward()
    (ref.exp() * (ref - forward.log_softmax(-1))).sum().backward()
    torch.testing.assert_close(expected_gradient(k2, logits, ref), reverse.grad)
    torch.testing.assert_close(expected_gradient(k3, logits, ref), forward.grad)
    assert expected_gradient(k1, logits, ref).abs().max() < 1e-12


def test_k1_and_k3_are_unbiased_values_of_the_reverse_kl() -> None:
    rng = torch.Generator().manual_seed(4)
    logp = torch.randn(6, generator=rng, dtype=torch.float64).log_softmax(-1)
    ref = torch.randn(6, generator=rng, dtype=torch.float64).log_softmax(-1)
    kl = float((logp.exp() * (logp - ref)).sum())
    means = [float((logp.exp() * estimator(logp, ref)).sum()) for estimator in (k1, k2, k3)]
    np.testing.assert_allclose([means[0], means[2]], kl, atol=1e-12)
    assert abs(means[1] - kl) > 1e-3  # k2 is biased


# --- refusals
# ------------------------------------------------------------------------------------------------


def test_bad_arguments_are_named_all_at_once() -> None:
    logp, mask = torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool)
    with pytest.raises(InputError) as caught:
        policy_loss(
            logp, torch.zeros(2, 2), torch.zeros(2), normaliser=0.0, config=LossConfig(kl="k3", beta=0.1)
        )
    named = " | ".join(caught.value.problems)
    for word in ("old_logp", "either mask", "ref_logp: needed", "normaliser"):
        assert word in named
    with pytest.raises(InputError, match="padded layout"):
        policy_loss(logp, None, torch.zeros(3), mask, normaliser=1.0)
    with pytest.raises(InputError, match="packed layout"):
        policy_loss(logp, None, torch.zeros(3), rows=torch.zeros(2, 3, dtype=torch.int64), normaliser=1.0)
    with pytest.raises(InputError, match="ref_logp: given"):
        policy_loss(logp, None, torch.zeros(2), mask, normaliser=1.0, ref_logp=logp)
    with pytest.raises(InputError, match="max_tokens"):
        loss_normaliser(1, 1, LossConfig(aggregation="constant"))
