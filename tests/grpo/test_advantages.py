"""Golden values worked by hand, an independent slow reference, properties, and the paper's claims put to the test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from advantage_oracle import oracle
from leadline import theory
from leadline.errors import InputError
from leadline.grpo.advantages import Advantages, group_advantages
from leadline.grpo.config import AdvantageConfig

PRESETS = {
    "grpo": AdvantageConfig.grpo(),
    "dr_grpo": AdvantageConfig.dr_grpo(),
    "rloo": AdvantageConfig.rloo(),
    "lead": AdvantageConfig.lead(),
    "lead_released_code": AdvantageConfig.lead_released_code(length_grace_tokens=6),
}


def run(
    correct: list[int], length: list[float] | None = None, group: list[int] | None = None, **kwargs: Any
) -> Advantages:
    """``group_advantages`` on plain lists; one group and equal lengths unless said otherwise."""
    size = len(correct)
    for name in ("scorable", "answered"):
        if name in kwargs:
            kwargs[name] = torch.tensor(kwargs[name], dtype=torch.bool)
    if "bonus" in kwargs:
        kwargs["bonus"] = torch.tensor(kwargs["bonus"], dtype=torch.float64)
    return group_advantages(
        torch.tensor(correct, dtype=torch.bool),
        torch.tensor(length if length is not None else [7] * size, dtype=torch.float64),
        torch.tensor(group if group is not None else [3] * size, dtype=torch.int64),
        **kwargs,
    )


def close(got: torch.Tensor, expected: list[float], atol: float = 1e-6) -> None:
    np.testing.assert_allclose(got.numpy(), np.array(expected), rtol=0, atol=atol)


# --- golden values
# -------------------------------------------------------------------------------------------


def test_grpo_by_hand() -> None:
    # rewards 1 0 0 0: mean .25, sample variance (.5625 + 3 * .0625) / 3 = .25, std .5; .75 / (.5 + 1e-6)
    # = 1.499997
    out = run([1, 0, 0, 0])
    close(out.advantage, [1.499997, -0.499999, -0.499999, -0.499999])
    close(out.reward, [1, 0, 0, 0])
    close(out.solve_rate, [0.25] * 4)
    close(out.weight, [1] * 4)
    assert out.live.tolist() == [True] * 4
    # population variance .1875, std .4330127: .75 / .4330127 = sqrt 3
    close(run([1, 0, 0, 0], config=AdvantageConfig(std_ddof=0)).advantage, [1.732051, *[-0.577350] * 3], 5e-6)


def test_dr_grpo_and_leave_one_out_by_hand() -> None:
    close(run([1, 0, 0, 0], config=AdvantageConfig.dr_grpo()).advantage, [0.75, -0.25, -0.25, -0.25])
    # the others' mean is 0 for the correct one, 1/3 for each wrong one
    close(run([1, 0, 0, 0], config=AdvantageConfig.rloo()).advantage, [1, -1 / 3, -1 / 3, -1 / 3])


def test_batch_normalisation_by_hand() -> None:
    # rewards 1 0 | 1 1: batch mean .75, sample variance (3 * .0625 + .5625) / 3 = .25, std .5
    out = run([1, 0, 1, 1], group=[0, 0, 1, 1], config=AdvantageConfig(normalisation="batch"))
    close(out.advantage, [0.999998, -0.999998, 0, 0])
    assert out.live.tolist() == [True, True, False, False]


def test_lead_by_hand() -> None:
    # lengths of the correct ones 10 and 20: mean 15, population std 5, z = -1 and +1
    # R = exp(.05), exp(-.05), -1, -1 = 1.0512711, .9512294, -1, -1: mean .0006251
    # squared deviations 1.1038573, .9036484, 1.0012506, 1.0012506: sum 4.0100069, / 3 = 1.3366690, root 1.1561440
    # A = 1.0506460, .9506043, -1.0006251, -1.0006251 over 1.1561450 = .9087493, .8222188, -.8654840, -.8654840
    # rho = 1/2: w = .4 + 1.1 / (1 + exp(-2.5)) = .4 + 1.1 * .9241418 = 1.4165560 on both branches
    out = run([1, 1, 0, 0], [10, 20, 15, 40], config=AdvantageConfig.lead())
    close(out.reward, [1.0512711, 0.9512294, -1, -1])
    close(out.advantage, [1.2872943, 1.1647190, -1.2260066, -1.2260066], 2e-6)
    close(out.weight, [1.4165560] * 4)


def test_difficulty_weights_by_hand() -> None:
    # theory.md section 7, the columns 1/8, 4/8, 7/8: w(rho) on the positive, w(1 - rho) on the others
    for n_correct, up, down in ((1, 1.498, 0.645), (4, 1.417, 1.417), (7, 0.645, 1.498)):
        out = run([1] * n_correct + [0] * (8 - n_correct), config=AdvantageConfig.lead())
        close(out.weight, [up] * n_correct + [down] * (8 - n_correct), 6e-4)


def test_unanimous_groups_by_hand() -> None:
    # all correct, lengths 10 and 20: R = 1.0512711, .9512294, centred +-.0500208
    # unit: sample std .0500208 * sqrt 2 = .0707401, so +-.7071
    # nominal: the std of a half-correct group, |1 - (-1)| / 2 * sqrt 2
    plain = {"length_alpha": 0.05, "wrong": -1.0, "no_answer": -1.0}
    close(run([1, 1], [10, 20], config=AdvantageConfig(**plain)).advantage, [0.7070968, -0.7070968], 2e-6)
    nominal = AdvantageConfig(**plain, unanimous_groups="nominal")
    close(run([1, 1], [10, 20], config=nominal).advantage, [0.0353701, -0.0353701])
    # the same for a bonus in an all-wrong group: centred +-.1, over 1 * sqrt 2
    close(run([0, 0], bonus=[0.2, 0.0], config=nominal).advantage, [0.0707106, -0.0707106])
    # mixed groups are left alone
    close(run([1, 0], config=nominal).advantage, [0.7071063, -0.7071063])


def test_released_code_by_hand() -> None:
    # correct at 5000 and 6000: mean 5500, sample std 707.1068, z = -+.7071068, R = exp(+-.0353553)
    # wrong -1, no answer 0. Three shortest (5000 + 6000 + 7000) / 3 = 6000 > 4000: the length term is on
    code = AdvantageConfig.lead_released_code()
    rows: dict[str, Any] = {"correct": [1, 1, 0, 0], "answered": [True, True, True, False]}
    close(run(**rows, length=[5000, 6000, 7000, 8000], config=code).reward, [1.0359878, 0.9652623, -1, 0])
    # a tenth as long: 600 <= 4000, off
    close(run(**rows, length=[500, 600, 700, 800], config=code).reward, [1, 1, -1, 0])
    # exactly 4000 is still off; a group of fewer than three always has it
    close(run(**rows, length=[3000, 4000, 5000, 9000], config=code).reward, [1, 1, -1, 0])
    close(run([1, 1], [10, 20], config=code).reward, [1.0359878, 0.9652623])
    # wrong and no answer, none positive: dropped there, full-size advantages in the paper's form with
    # that split
    hopeless: dict[str, Any] = {"correct": [0, 0], "answered": [True, False]}
    close(run(**hopeless, config=code).advantage, [0, 0])
    assert not run(**hopeless, config=code).live.any()
    # rho = 0: the positive one gets w(0) = 1.499393, the other w(1) = .483445; A = -+.5 / .7071078 =
    # -+.7071058
    close(run(**hopeless, config=code.replace(drop_unsolved=False)).advantage, [-0.341846, 1.060229])


def test_bonus_counts_before_normalisation_and_not_in_the_solve_rate() -> None:
    # R = 1, 0, .5: mean .5; Dr. GRPO centres only
    out = run([1, 0, 0], bonus=[0.0, 0.0, 0.5], config=AdvantageConfig.dr_grpo())
    close(out.advantage, [0.5, -0.5, 0])
    close(out.solve_rate, [1 / 3] * 3)
    # a bonus that lifts a wrong row above a right one: by sign it gets w(rho), by correctness w(1 - rho)
    rows: dict[str, Any] = {"correct": [1, 0], "bonus": [0.0, 3.0]}
    by_sign = run(**rows, config=AdvantageConfig(difficulty="lead", difficulty_midpoint=0.4))
    by_correct = run(
        **rows,
        config=AdvantageConfig(difficulty="lead", difficulty_midpoint=0.4, difficulty_branch="by_correct"),
    )
    assert by_sign.advantage[1] > 0
    close(by_sign.weight, by_correct.weight.tolist())  # rho = 1/2: both branches agree
    rows = {"correct": [1, 0, 0], "bonus": [0.0, 3.0, 0.0]}
    up, down = theory.lead_weight([1 / 3, 2 / 3]).tolist()
    close(run(**rows, config=AdvantageConfig(difficulty="lead")).weight, [down, up, down])
    close(
        run(**rows, config=AdvantageConfig(difficulty="lead", difficulty_branch="by_correct")).weight,
        [up, down, down],
    )


def test_unscorable_rows_by_hand() -> None:
    # without row 2 (garbage in every column) the group is 1 0: A = +-.5
    out = run(
        [1, 0, 1, 1],
        [5, 5, float("nan"), 5],
        [4, 4, 4, 9],
        scorable=[1, 1, 0, 0],
        config=AdvantageConfig.dr_grpo(),
    )
    close(out.advantage, [0.5, -0.5, 0, 0])
    close(out.solve_rate, [0.5, 0.5, 0.5, float("nan")])
    close(out.reward, [1, 0, float("nan"), float("nan")])
    close(out.weight, [1, 1, 0, 0])
    assert out.live.tolist() == [True, True, True, False]


def test_outputs_are_float32_vectors_without_gradient_and_empty_batches_pass() -> None:
    for out in (run([1, 0]), run([])):
        assert [column.dtype for column in out] == [torch.float32] * 4 + [torch.bool]
        assert not any(column.requires_grad for column in out)
    assert [len(column) for column in run([])] == [0] * 5


def test_half_precision_and_integer_inputs_are_taken() -> None:
    correct, group = torch.tensor([True, False]), torch.tensor([5, 5], dtype=torch.int32)
    out = group_advantages(
        correct, torch.tensor([3, 4]), group, bonus=torch.tensor([0.5, 0.0], dtype=torch.bfloat16)
    )
    close(out.reward, [1.5, 0])


def test_bad_columns_are_named_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        group_advantages(
            torch.tensor([1.0, 0.0]), torch.tensor([1]), torch.tensor([0.5, 0.5]), bonus=torch.zeros(2, 1)
        )
    assert [fault.split(":")[0] for fault in caught.value.problems] == ["length", "bonus", "correct", "group"]
    good = {"correct": torch.tensor([True, True]), "group": torch.tensor([0, 0])}
    with pytest.raises(InputError, match="not finite"):
        group_advantages(length=torch.tensor([1.0, float("nan")]), **good)
    with pytest.raises(InputError, match="negative"):
        group_advantages(length=torch.tensor([1, -1]), **good)
    with pytest.raises(InputError, match="bonus: not finite"):
        group_advantages(length=torch.tensor([1, 1]), bonus=torch.tensor([0.0, torch.inf]), **good)


# --- an independent reference
# --------------------------------------------------------------------------------

CONFIGS = st.builds(
    AdvantageConfig,
    right=st.sampled_from([1.0, 2.5]),
    wrong=st.sampled_from([0.0, -1.0]),
    no_answer=st.sampled_from([0.0, -1.0, -0.5]),
    length_alpha=st.sampled_from([0.05, 0.3]),
    length_ddof=st.sampled_from([0, 1]),
    length_grace_tokens=st.sampled_from([None, 20.0]),
    normalisation=st.sampled_from(["group_std", "batch", "leave_one_out", "none"]),
    std_ddof=st.sampled_from([0, 1]),
    std_eps=st.sampled_from([1e-6, 1e-4]),
    unanimous_groups=st.sampled_from(["unit", "nominal"]),
    difficulty=st.sampled_from(["none", "lead", "scale_only", "shift_only", "mean_normalised"]),
    difficulty_branch=st.sampled_from(["by_sign", "by_correct"]),
    difficulty_slope=st.sampled_from([10.0, -3.0]),
    drop_unsolved=st.booleans(),
)


@st.composite
def batches(draw: st.DrawFn) -> dict[str, Any]:
    """Up to 30 rows in groups of any size with arbitrary ids, in any order; a fifth of the rows unscorable."""
    size = draw(st.integers(0, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ids = rng.integers(-(2**60), 2**60, size=draw(st.integers(1, 8)))
    return {
        "correct": (rng.random(size) < rng.choice([0.1, 0.5, 0.9])).tolist(),
        "length": rng.integers(1, 60, size).tolist(),
        "group": rng.choice(ids, size).tolist(),
        "scorable": (rng.random(size) < 0.8).tolist(),
        "answered": (rng.random(size) < 0.7).tolist(),
        "bonus": (rng.choice([0.0, 1.0]) * rng.normal(size=size).round(2)).tolist(),
    }


@settings(max_examples=400, deadline=None)
@given(batches(), CONFIGS)
def test_matches_the_slow_reference(batch: dict[str, Any], config: AdvantageConfig) -> None:
    got, expected = run(**batch, config=config), oracle(**batch, config=config)
    for name in ("reward", "weight", "solve_rate"):
        np.testing.assert_allclose(
            getattr(got, name).numpy(), expected[name], rtol=2e-6, atol=1e-6, err_msg=name
        )
    np.testing.assert_allclose(got.advantage.numpy(), expected["advantage"], rtol=2e-6, atol=2e-6)
    significant = (
        np.abs(expected["advantage"]) > 1e-9
    )  # the reference has rounding noise where we have exact zeros
    live = np.isin(batch["group"], np.array(batch["group"])[significant]) if len(significant) else significant
    assert got.live.tolist() == live.tolist()


# --- properties
# ----------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(batches(), CONFIGS, st.randoms(use_true_random=False))
def test_rows_may_come_in_any_order_and_groups_may_be_renamed(
    batch: dict[str, Any], config: AdvantageConfig, random: Any
) -> None:
    order = list(range(len(batch["correct"])))
    random.shuffle(order)
    names = {old: 17 - 3 * i for i, old in enumerate(dict.fromkeys(batch["group"]))}
    moved = {key: [values[i] for i in order] for key, values in batch.items()}
    moved["group"] = [names[g] for g in moved["group"]]
    for here, there in zip(run(**batch, config=config), run(**moved, config=config), strict=True):
        np.testing.assert_allclose(here.numpy()[order], there.numpy(), rtol=1e-5, atol=1e-6)


@settings(max_examples=150, deadline=None)
@given(batches(), CONFIGS)
def test_unscorable_rows_are_inert(batch: dict[str, Any], config: AdvantageConfig) -> None:
    keep = [i for i, scorable in enumerate(batch["scorable"]) if scorable]
    whole = run(**batch, config=config)
    alone = run(**{key: [values[i] for i in keep] for key, values in batch.items()}, config=config)
    for here, there in zip(whole, alone, strict=True):
        np.testing.assert_array_equal(here.numpy()[keep], there.numpy())
    gone = [i for i, scorable in enumerate(batch["scorable"]) if not scorable]
    assert not whole.advantage[gone].any()


@settings(max_examples=150, deadline=None)
@given(st.floats(-1e3, 1e3), st.integers(1, 40), st.booleans(), CONFIGS)
def test_equal_rewards_give_exact_zeros(
    bonus: float, size: int, correct: bool, config: AdvantageConfig
) -> None:
    # 40 equal float64 rewards whose mean is not exact: rounding alone must not reach the advantages
    out = run([int(correct)] * size, [0.1] * size, bonus=[bonus / 3] * size, config=config)
    assert not out.advantage.any()
    assert not out.live.any()


@pytest.mark.parametrize("name", PRESETS)
def test_groups_of_one_have_no_advantage(name: str) -> None:
    out = run([1, 0, 1], [5, 6, 7], [0, 1, 2], bonus=[0.1, 0.2, 0.3], config=PRESETS[name])
    assert out.advantage.tolist() == [0, 0, 0]


@settings(max_examples=150, deadline=None)
@given(batches(), CONFIGS)
def test_mean_normalised_keeps_the_total_push(batch: dict[str, Any], config: AdvantageConfig) -> None:
    plain = run(**batch, config=config.replace(difficulty="none")).advantage.abs().sum()
    same = run(**batch, config=config.replace(difficulty="mean_normalised")).advantage.abs().sum()
    np.testing.assert_allclose(same, plain, rtol=1e-5, atol=1e-6)


@settings(max_examples=150, deadline=None)
@given(batches(), CONFIGS)
def test_scale_only_multiplies_and_shift_only_shifts_a_whole_group(
    batch: dict[str, Any], config: AdvantageConfig
) -> None:
    by_mode = {
        mode: run(**batch, config=config.replace(difficulty=mode))
        for mode in ("none", "scale_only", "shift_only")
    }
    plain, scaled, shifted = (
        by_mode[mode].advantage.double() for mode in ("none", "scale_only", "shift_only")
    )
    np.testing.assert_allclose(scaled, plain * by_mode["scale_only"].weight, rtol=1e-5, atol=1e-6)
    rows = torch.tensor(batch["scorable"], dtype=torch.bool)
    for g in set(batch["group"]):
        moved = (shifted - plain)[rows & (torch.tensor(batch["group"]) == g)]
        assert moved.numel() == 0 or float(moved.max() - moved.min()) < 1e-5


# --- the paper's claims, put to the test (theory.md section 7)
# -----------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=9), min_size=1, max_size=5), CONFIGS)
def test_for_a_binary_reward_lead_is_a_scale_and_a_shift(
    outcomes: list[list[bool]], config: AdvantageConfig
) -> None:
    """A' = m(rho) A + b(rho), exactly, for every normalisation; with population std b is ``theory.lead_shift``."""
    config = config.replace(length_alpha=0.0, length_grace_tokens=None, no_answer=config.wrong)
    flat: dict[str, Any] = {
        "correct": [int(c) for row in outcomes for c in row],
        "group": [g for g, row in enumerate(outcomes) for _ in row],
    }
    none, lead, scale, shift = (
        run(**flat, config=config.replace(difficulty=mode)).advantage.double()
        for mode in ("none", "lead", "scale_only", "shift_only")
    )
    np.testing.assert_allclose(lead, scale + (shift - none), rtol=0, atol=3e-6)


def test_shift_only_is_the_closed_form_for_binary_rewards() -> None:
    for n_correct in range(9):
        config = AdvantageConfig(std_ddof=0, std_eps=1e-12)
        rows = [1] * n_correct + [0] * (8 - n_correct)
        plain, shifted = (
            run(rows, config=config.replace(difficulty=mode)).advantage for mode in ("none", "shift_only")
        )
        close(shifted - plain, [float(theory.lead_shift(n_correct / 8))] * 8)
        scaled = run(rows, config=config.replace(difficulty="scale_only"))
        close(scaled.weight, [float(theory.lead_scale(n_correct / 8))] * 8)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=16), st.floats(-5, 0.5))
def test_the_penalty_alone_changes_nothing(outcomes: list[bool], wrong: float) -> None:
    """{0, 1} -> {wrong, 1} is affine: same advantages, and a factor of 1 - wrong without the division."""
    rows = [int(c) for c in outcomes]
    for base in (AdvantageConfig(std_eps=1e-12), AdvantageConfig(std_eps=1e-12, difficulty="lead")):
        penalised = base.replace(wrong=wrong, no_answer=wrong)
        close(run(rows, config=penalised).advantage, run(rows, config=base).advantage.tolist(), 1e-5)
    plain = run(rows, config=AdvantageConfig.dr_grpo()).advantage
    pushed = run(rows, config=AdvantageConfig.dr_grpo(wrong=wrong, no_answer=wrong)).advantage
    close(pushed, (plain * (1 - wrong)).tolist(), 1e-5)


def test_the_penalty_halves_the_length_term() -> None:
    """Spread of the advantages among 4 correct of 8: .093 with wrong = 0, .047 with wrong = -1."""
    rows: dict[str, Any] = {"correct": [1, 1, 1, 1, 0, 0, 0, 0], "length": [30, 41, 55, 90, 10, 20, 30, 40]}
    spread = {
        wrong: float(
            run(**rows, config=AdvantageConfig(length_alpha=0.05, wrong=wrong))
            .advantage[:4]
            .double()
            .std(correction=0)
        )
        for wrong in (0.0, -1.0)
    }
    assert spread[0.0] == pytest.approx(0.093, abs=2e-3)
    assert spread[-1.0] == pytest.approx(0.047, abs=2e-3)


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.5])
def test_an_all_correct_group_has_unit_advantages_whatever_alpha(alpha: float) -> None:
    config = AdvantageConfig(length_alpha=alpha)
    rows: dict[str, Any] = {"correct": [1] * 8, "length": [10, 20, 30, 40, 50, 60, 70, 80]}
    assert float(run(**rows, config=config).advantage.std()) == pytest.approx(1, abs=2e-3)
    nominal = run(**rows, config=config.replace(unanimous_groups="nominal")).advantage
    assert float(nominal.std()) < 2.5 * alpha


@pytest.mark.parametrize("p", [0.01, 0.2, 0.5, 0.8, 0.99])
def test_expected_push_prefers_hard_prompts_no_more_than_easy_ones(p: float) -> None:
    """E over K ~ Bin(8, p) of mean_i A_i (c_i - p), the coefficient of grad logit p, against the closed form."""
    push = {"none": 0.0, "lead": 0.0}
    for k in range(9):
        rows = [1] * k + [0] * (8 - k)
        for mode in push:
            config = AdvantageConfig(difficulty=mode, std_ddof=0, std_eps=1e-12)  # type: ignore[arg-type]
            advantage = run(rows, config=config).advantage.double().numpy()
            push[mode] += stats.binom.pmf(k, 8, p) * float((advantage * (np.array(rows) - p)).mean())
    assert push["lead"] == pytest.approx(float(theory.lead_push(p, 8)), rel=1e-5)
    assert 1.337 <= push["lead"] / push["none"] <= 1.4971
    assert theory.lead_push_ratio(p, 8) == pytest.approx(theory.lead_push_ratio(1 - p, 8))
