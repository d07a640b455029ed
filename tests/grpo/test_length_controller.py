"""The length term's memory: what it measures, how it moves, and that it goes on to the bit."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from leadline.errors import CheckpointError, InputError
from leadline.grpo.advantages import group_advantages
from leadline.grpo.config import AdvantageConfig
from leadline.grpo.groups import Groups
from leadline.grpo.length_controller import LengthController, accuracy_slope, long_covariance
from leadline.grpo.length_strata import short_rows
from leadline.grpo.weighing import Weigher
from leadline.storage.step_row import DRIFT_FIELDS

SLOPE = AdvantageConfig(
    wrong=-1.0, no_answer=-1.0, length_alpha=0.4, unanimous_groups="nominal", length_control="slope"
)
GAP = SLOPE.replace(length_control="gap", control_target=0.02, control_gain=0.1)


def batch(seed: int, groups: int = 6, size: int = 8) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(seed)
    n = groups * size
    return {
        "correct": torch.tensor(rng.random(n) < 0.7),
        "length": torch.tensor(rng.integers(5, 60, n)),
        "group": torch.tensor(np.repeat(np.arange(groups), size)),
    }


def test_a_group_is_cut_at_its_widest_gap() -> None:
    tokens = np.array([10, 11, 50, 12, 7, 7, 7, 3, 9, 3, 40.0])
    groups = Groups(np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3]), 5)
    short = short_rows(tokens, groups)
    assert short.tolist() == [1, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0]


def test_the_cut_leaves_the_least_spread_whatever_the_order() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        tokens, index = rng.integers(1, 9, 24).astype(float), rng.integers(0, 4, 24)
        groups = Groups(index, 4)
        short = short_rows(tokens, groups)
        order = rng.permutation(24)
        assert (short_rows(tokens[order], Groups(index[order], 4)) == short[order]).all()
        for g in range(4):
            own, left = tokens[index == g], short[index == g]
            cuts = [own <= value for value in np.unique(own)[:-1]]
            if not cuts:
                assert not left.any()
                continue
            spread = [own[cut].var() * cut.sum() + own[~cut].var() * (~cut).sum() for cut in cuts]
            got = own[left].var() * left.sum() + own[~left].var() * (~left).sum()
            assert math.isclose(got, min(spread), rel_tol=1e-9, abs_tol=1e-9)


def test_slope_and_gap_are_what_their_names_say() -> None:
    tokens = np.array([10.0, 10, 30, 30, 5, 5, 5, 5])
    right = np.array([False, True, True, True, True, False, True, True])
    groups = Groups(np.repeat([0, 1], 4), 2)
    z = np.array([-1.0, -1, 1, 1])
    assert accuracy_slope(right, tokens, groups) == pytest.approx(((right[:4] - 0.75) * z).mean() / 2)
    apart, odds = long_covariance(right, tokens, groups), long_covariance(None, tokens, groups)
    assert apart is not None
    assert odds is not None
    assert apart / odds == pytest.approx(1.0 - 0.5)  # long: 2 of 2, short: 1 of 2


def test_the_strength_falls_where_long_is_right_more_often_and_comes_back() -> None:
    controller = LengthController(SLOPE)
    groups = Groups(np.repeat([0, 1], 4), 2)
    tokens = np.tile([10.0, 10, 30, 30], 2)
    costly = np.tile([False, False, True, True], 2)
    alphas = [controller.update(costly, tokens, groups).alpha for _ in range(6)]
    assert alphas == pytest.approx([max(0.4 - 0.2 * 0.49 * n, 0.0) for n in range(1, 7)])
    free = np.ones(8, dtype=bool)
    back = [controller.update(free, tokens, groups).alpha for _ in range(400)]
    assert back[0] == 0.0
    assert back[-1] == 0.4


def test_both_ways_are_trained_without_preferring_one() -> None:
    weigher = Weigher(SLOPE.replace(length_alpha=0.1, length_control="fixed", train_both_steps=1))
    group = batch(3, groups=1)
    first = weigher(**group)
    short = short_rows(group["length"].numpy().astype(float), Groups(np.zeros(8, dtype=np.int64), 1))
    advantage = first.advantages.advantage.numpy()
    assert np.abs(advantage).max() > 0.1
    assert advantage[short].sum() == pytest.approx(0, abs=1e-6)
    assert advantage[~short].sum() == pytest.approx(0, abs=1e-6)
    then = weigher(**group)
    fixed = group_advantages(
        **group,
        config=AdvantageConfig.grpo(wrong=-1.0, no_answer=-1.0, length_alpha=0.1, unanimous_groups="nominal"),
    )
    assert torch.equal(then.advantages.advantage, fixed.advantage)


@pytest.mark.parametrize("config", [SLOPE, GAP, SLOPE.replace(train_both_steps=3)])
def test_a_restored_controller_goes_on_to_the_bit(config: AdvantageConfig) -> None:
    whole, cut = Weigher(config), Weigher(config)
    for step in range(4):
        whole(**batch(step))
        cut(**batch(step))
    again = Weigher(config)
    again.restore(json.loads(json.dumps(cut.saved())))
    for step in range(4, 12):
        a, b = whole(**batch(step)), again(**batch(step))
        assert a.metrics == b.metrics
        assert torch.equal(a.advantages.advantage, b.advantages.advantage)
    assert whole.saved() == again.saved()


DRIFTS: list[tuple[list[float], list[float]]] = [
    ([0.0, 0.0, 0.0, 0.0], [-0.375, 0.0]),
    ([0.0, 0.0, 0.4, 0.4], [-0.375, -0.3]),  # .2 from the group's mean on either side
    ([0.8, 0.8, 0.0, 0.0], [-0.375, 0.6]),
]


@pytest.mark.parametrize(("bonus", "want"), DRIFTS)
@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_what_being_right_pushes_is_told_apart_from_what_the_bonus_does(
    bonus: list[float], want: list[float], alpha: float
) -> None:
    """Short answers right half of the time, long ones always: A = -.25 and +.25 on average, times (G - 1) / G."""
    config = AdvantageConfig.dr_grpo().replace(length_alpha=alpha, unanimous_groups="nominal")
    rows = (
        torch.tensor([True, False, True, True]),
        torch.tensor([2, 2, 10, 10]),
        torch.zeros(4, dtype=torch.long),
    )
    found = Weigher(config)(*rows, bonus=torch.tensor(bonus))
    metrics = found.metrics
    assert [metrics["drift_accuracy"], metrics["drift_bonus"]] == pytest.approx(want, abs=1e-6)
    assert bool(metrics["drift_length_mixed"]) == (alpha > 0)
    assert metrics["drift_length_unanimous"] == 0.0
    whole = found.advantages.advantage.double() @ torch.tensor([0.5, 0.5, -0.5, -0.5]).double() / 4 * 3
    assert sum(metrics[name] or 0.0 for name in DRIFT_FIELDS) == pytest.approx(float(whole), abs=1e-6)


def test_a_batch_that_is_only_looked_at_teaches_nothing() -> None:
    weigher = Weigher(SLOPE)
    weigher(**batch(0))
    before = weigher.saved()
    weigher(**batch(1), learn=False)
    assert weigher.saved() == before


def test_states_of_other_arms_are_refused() -> None:
    controller = LengthController(SLOPE)
    with pytest.raises(CheckpointError, match="another arm"):
        controller.restore({**controller.saved(), "alpha": 0.5})
    with pytest.raises(CheckpointError, match="cannot be read"):
        controller.restore({"alpha": 0.1})
    with pytest.raises(InputError, match="Weigher"):
        group_advantages(**batch(0), config=SLOPE)
