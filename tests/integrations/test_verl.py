"""What leadline hands to verl and gets back, without verl: coding, estimator, scores, keys. (With it: beside_verl.)"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advantage_oracle import oracle
from leadline.errors import CheckpointError, ConfigError, InputError
from leadline.grpo.advantages import group_advantages
from leadline.grpo.config import AdvantageConfig
from leadline.grpo.weighing import Weigher
from leadline.integrations.verl import length_memory
from leadline.integrations.verl import score_coding as coding
from leadline.integrations.verl.estimator import estimate
from leadline.integrations.verl.ignored_keys import ignored_faults
from leadline.integrations.verl.model_ends import model_ends
from leadline.integrations.verl.score_coding import BONUS_GRID, LIMIT, decode, encode
from leadline.integrations.verl.scoring import SIGNAL, check_bonus, compute_score, signal
from leadline.integrations.verl.settings import PRESETS, RewardSettings, advantage_settings, reward_settings
from shared_table import CONFIGS, table, verl_rows

STEPS = int(LIMIT / BONUS_GRID)
bonuses = st.integers(-STEPS + 1, STEPS - 1).map(lambda n: n * BONUS_GRID)

# --- coding --------------------------------------------------------------------------------------------------


def test_the_codes_are_those_of_the_decision() -> None:
    # +(4+b) correct, -(4+b) wrong, -(12+b) no answer, 0 unscorable
    assert encode(True, True, 0.25) == 4.25
    assert encode(True, True, -3.5) == 0.5
    assert encode(False, True, 0.25) == -4.25
    assert encode(False, False, 0.25) == -12.25
    assert encode(None, True, 3.0) == 0.0
    got = decode([4.25, 0.5, -4.25, -12.25, 0.0])
    assert got.correct.tolist() == [True, True, False, False, False]
    assert got.answered.tolist() == [True, True, True, False, True]
    assert got.scorable.tolist() == [True, True, True, True, False]
    assert got.bonus.tolist() == [0.25, -3.5, 0.25, 0.25, 0.0]


@given(st.booleans(), st.booleans(), bonuses)
@settings(max_examples=500, deadline=None)
def test_coding_is_lossless_through_float32(correct: bool, answered: bool, bonus: float) -> None:
    answered = answered or correct
    row = torch.zeros(7, dtype=torch.float32)
    row[3] = encode(correct, answered, bonus)  # as verl carries it
    got = decode(row.sum().reshape(1).numpy())
    assert (bool(got.correct[0]), bool(got.answered[0]), bool(got.scorable[0])) == (correct, answered, True)
    assert got.bonus[0] == bonus


@given(st.booleans(), st.floats(-3.999, 3.999))
@settings(max_examples=300, deadline=None)
def test_a_bonus_off_the_grid_moves_by_less_than_5e_7(answered: bool, bonus: float) -> None:
    got = decode(np.float32([encode(False, answered, bonus)]))
    assert abs(got.bonus[0] - bonus) < 5e-7
    assert bool(got.answered[0]) == answered


def test_the_grid_holds_the_twelve_bits_of_the_decision() -> None:
    assert (2.0**-12 / BONUS_GRID).is_integer()
    edge = LIMIT - BONUS_GRID
    for correct, answered in ((True, True), (False, True), (False, False)):
        for bonus in (edge, -edge):
            code = encode(correct, answered, bonus)
            assert float(np.float32(code)) == code
            assert decode([code]).bonus[0] == bonus


@pytest.mark.parametrize("bonus", [4.0, -4.0, 1e9, math.inf, math.nan, LIMIT - BONUS_GRID / 4])
def test_a_bonus_that_cannot_be_coded_is_refused(bonus: float) -> None:
    with pytest.raises(ConfigError, match="cannot be handed to verl"):
        encode(True, True, bonus)


@pytest.mark.parametrize("reward", [8.0, -16.0, 4.0 + 1e-9, 20.0, -8.0, math.nan])
def test_rewards_of_somebody_else_are_refused(reward: float) -> None:
    with pytest.raises(InputError, match=r"row 1: .* no score of leadline's"):
        decode([4.0, reward])


# --- estimator -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("padding", [0, 3])
def test_verl_gets_the_advantages_of_the_local_engine(name: str, padding: int) -> None:
    config = CONFIGS[name]
    rows = table()
    order = torch.randperm(len(rows["correct"]), generator=torch.Generator().manual_seed(padding)).tolist()
    given_rows = verl_rows(order, padding)
    changed = {k: v for k, v in config.model_dump().items() if v != AdvantageConfig().model_dump()[k]}
    section = {"leadline": changed or {"preset": "grpo"}, "use_kl_in_reward": False}
    advantages, returns = estimate(config=section, something_new=1, **given_rows)
    reference = oracle(**rows, config=config)["advantage"]
    engine = group_advantages(**{k: torch.tensor(v) for k, v in rows.items()}, config=config).advantage
    assert torch.equal(advantages, returns)
    mask = given_rows["response_mask"]
    assert torch.equal(advantages[mask == 0], torch.zeros(int((mask == 0).sum())))
    for place, row in enumerate(order):
        values = advantages[place][mask[place] == 1]
        np.testing.assert_allclose(values.numpy(), reference[row], rtol=0, atol=1e-6)
        np.testing.assert_allclose(values.numpy(), float(engine[row]), rtol=0, atol=1e-6)
    assert np.count_nonzero(reference) >= 5


@pytest.mark.parametrize("name", CONFIGS)
def test_trl_gets_the_same_advantages(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same table through what the TRL trainer does with its gathered columns (NaN for None, weights)."""
    config, rows = CONFIGS[name], table()
    order = list(range(len(rows["correct"])))
    changed = {"leadline": config.model_dump(), "use_kl_in_reward": False}
    advantages, _ = estimate(config=changed, **verl_rows(order, 2))
    through_trl = trl_advantages(rows, config)
    np.testing.assert_allclose(advantages[: len(order), 0].numpy(), through_trl.numpy(), rtol=0, atol=1e-6)
    assert bool(through_trl.count_nonzero() >= 5)


def trl_advantages(rows: dict[str, list[Any]], config: AdvantageConfig) -> torch.Tensor:
    return through_trl(trl_trainer(config), rows).out.advantage


def trl_trainer(config: AdvantageConfig) -> Any:
    """What a trainer knows once it is set up; TRL itself is in test_trl."""
    from leadline.integrations.trl.mixin import LeadMixin

    trainer = object.__new__(LeadMixin)
    trainer.weigher, trainer.correctness = Weigher(config), "accuracy"
    trainer.model = SimpleNamespace(training=True)
    trainer.reward_func_names = ["accuracy", "answered", "style"]
    trainer.reward_weights = torch.tensor([1.0, 0.0, 0.5])
    return trainer


def through_trl(trainer: Any, rows: dict[str, list[Any]]) -> Any:
    scorable = torch.tensor(rows["scorable"])
    right = torch.where(scorable, torch.tensor(rows["correct"]).float(), torch.nan)
    columns = torch.stack([right, torch.tensor(rows["answered"]).float(), torch.tensor(rows["bonus"]) * 2], 1)
    finished = torch.ones(len(right), dtype=torch.bool)
    length, group = torch.tensor(rows["length"]), torch.tensor(rows["group"])
    return trainer._scored(columns, length, finished, group)


CONTROLLED = {
    "slope": AdvantageConfig(
        wrong=-1.0, no_answer=-1.0, length_alpha=0.4, unanimous_groups="nominal", length_control="slope"
    ),
    "gap": AdvantageConfig(wrong=-1.0, no_answer=-1.0, length_alpha=0.4, length_control="gap"),
    "train both": AdvantageConfig(length_alpha=0.1, unanimous_groups="nominal", train_both_steps=2),
}


@pytest.mark.parametrize("name", CONTROLLED)
def test_a_length_controller_moves_alike_in_every_trainer(name: str, tmp_path: Path) -> None:
    """Six steps of the table, its verdicts and lengths turned further each time; verl's process is killed twice."""
    config, folder = CONTROLLED[name], tmp_path / "checkpoints"
    local, trainer = Weigher(config), trl_trainer(config)
    section = {"leadline": config.model_dump() | {"state": str(folder)}, "use_kl_in_reward": False}
    alphas = []
    for step in range(6):
        rows = table(turned=step)
        count = len(rows["correct"])
        order = torch.randperm(count, generator=torch.Generator().manual_seed(step)).tolist()
        here = local(**{k: torch.tensor(v) for k, v in rows.items()})
        there = through_trl(trainer, rows)
        if step in (2, 5):  # verl saved step 2, went on to 3, was killed, and does 3 again
            length_memory._MEMORIES.clear()
            (folder / "latest_checkpointed_iteration.txt").write_text(str(step))
        if step == 2:
            estimate(config=section, **verl_rows(order, 0, rows=rows))
            length_memory._MEMORIES.clear()
        advantages, _ = estimate(config=section, **verl_rows(order, 2, rows=rows))
        last = json.loads((folder / length_memory.LOG).read_text().splitlines()[-1])
        assert here.metrics["drift_bonus"], "the table's bonus pushes one way or the other"
        assert here.metrics == there.length_metrics == pytest.approx({key: last[key] for key in here.metrics})
        assert local.saved() == trainer.weigher.saved() == {key: last[key] for key in local.saved()}
        assert torch.equal(here.advantages.advantage, there.out.advantage)
        by_row = torch.empty(count)
        by_row[order] = advantages[:count, 0]
        assert torch.allclose(by_row, here.advantages.advantage, rtol=0, atol=1e-6)
        alphas.append(here.metrics["length_alpha"])
    assert len(set(alphas)) > 1
    assert local.saved()["batches"] == 6


def test_verl_does_not_go_on_without_the_controllers_state(tmp_path: Path) -> None:
    config = CONTROLLED["slope"].model_dump()
    with pytest.raises(ConfigError, match=r"algorithm\.leadline\.state: needed"):
        estimate(config={"leadline": config}, **verl_rows([0, 1], 0))
    (tmp_path / "latest_checkpointed_iteration.txt").write_text("7")
    with pytest.raises(CheckpointError, match="goes on from step 7, of which no state"):
        estimate(config={"leadline": config | {"state": str(tmp_path)}}, **verl_rows([0, 1], 0))


def test_kl_in_the_reward_and_missing_uids_are_refused() -> None:
    rows = verl_rows([0, 1, 2, 3], 0)
    with pytest.raises(ConfigError, match="use_kl_in_reward"):
        estimate(config={"use_kl_in_reward": True}, **rows)
    with pytest.raises(ConfigError, match="uids"):
        estimate(**{**rows, "index": None})


def test_a_batch_of_nothing_but_padding_has_no_advantages() -> None:
    advantages, _ = estimate(**verl_rows([], 4))
    assert advantages.shape == (4, 16)
    assert not advantages.any()


def test_a_row_that_verl_masked_out_takes_no_part() -> None:
    rows = verl_rows([0, 1, 2, 3], 0)  # one group: right, wrong, no answer, right
    rows["response_mask"][3] = 0  # its reward stays: rejected by verl's rollout correction, say
    advantages, _ = estimate(**rows)
    without, _ = estimate(**{name: values[:3] for name, values in rows.items()})
    assert torch.equal(advantages[:3], without)
    assert not advantages[3].any()


def test_scores_of_another_reward_function_are_refused() -> None:
    rows = verl_rows([0, 1], 0)
    rows["token_level_rewards"][0, 0] += 0.1
    with pytest.raises(InputError, match="reward manager"):
        estimate(**rows)


# --- settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_and_fields(preset: str) -> None:
    made, state = getattr(AdvantageConfig, preset)(), {"state": "checkpoints"}
    assert advantage_settings({"leadline": {"preset": preset} | state}) == made
    plain = made.model_dump()
    assert advantage_settings({"leadline": plain | state}).model_dump() == plain


def test_without_a_section_it_is_lead_and_fields_alone_start_from_grpo() -> None:
    assert advantage_settings({}) == AdvantageConfig.lead()
    assert advantage_settings({"leadline": {"wrong": -1}}) == AdvantageConfig.grpo(wrong=-1)


def test_wrong_settings_are_named() -> None:
    with pytest.raises(ConfigError) as caught:
        advantage_settings({"leadline": {"length_alfa": 1, "std_ddof": 3}})
    assert sorted(line.split(":")[0] for line in caught.value.problems) == [
        "algorithm.leadline.length_alfa",
        "algorithm.leadline.std_ddof",
    ]
    with pytest.raises(ConfigError, match="preset"):
        advantage_settings({"leadline": {"preset": "ppo"}})
    with pytest.raises(ConfigError, match=r"reward\.leadline\.wait: unknown key"):
        reward_settings({"leadline": {"wait": 1}})


def test_reward_settings_may_be_json_texts() -> None:
    text = json.dumps({"accuracy": 1.0, "math:sqrt": 0.1})
    assert reward_settings({"leadline": {"weights": text}}).weights == {"accuracy": 1.0, "math:sqrt": 0.1}
    with pytest.raises(ConfigError, match="starts like JSON"):
        reward_settings({"leadline": {"weights": "{accuracy"}})


# --- scores --------------------------------------------------------------------------------------------------


def test_compute_score_codes_what_the_grader_says() -> None:
    given_settings: dict[str, Any] = {"weights": {"accuracy": 1, "format": 0.25}}
    right = r"<think>six times seven</think><answer>\boxed{42}</answer>"
    row = compute_score("math", right, "42", {"id": "p"}, **given_settings)
    assert (row["score"], row["acc"], row["part/format"], row["reason"]) == (4.25, 1.0, 1.0, "match")
    assert compute_score("math", r"\boxed{41}", "42", **given_settings)["score"] == -4.0
    assert compute_score("math", "so what", "42", **given_settings)["score"] == -12.0
    lost = compute_score("math", right, "", **given_settings)
    assert (lost["score"], lost["scorable"], lost["acc"]) == (0.0, 0.0, 0.0)
    for key, value in row.items():  # verl averages what is no text
        assert isinstance(value, float | str), key


def test_weights_that_could_overflow_the_coding_are_refused() -> None:
    check_bonus(RewardSettings(weights={"accuracy": 1, "format": 1, "reflection": 1, "repetition": 1.5}))
    with pytest.raises(ConfigError, match="can reach 4"):
        check_bonus(RewardSettings(weights={"accuracy": 1, "format": 2, "repetition": 2}))


def evicted(values: list[float]) -> bool:
    """verl's own rule (replay_buffer.py): a group of more than one whose metric has no spread."""
    return len(values) > 1 and float(np.std(values)) == 0.0


def test_dynamic_sampling_evicts_all_wrong_and_keeps_what_lead_learns_from() -> None:
    def group(*rows: tuple[bool | None, int], by_length: bool = True) -> list[float]:
        return [signal(correct, length, by_length=by_length) for correct, length in rows]

    assert evicted(group((False, 10), (False, 20), (False, 30)))
    assert evicted(group((None, 10), (None, 20)))
    assert evicted(group((True, 10), (True, 10), (True, 10)))
    assert not evicted(group((True, 10), (True, 12), (True, 10)))
    assert not evicted(group((True, 10), (False, 10)))
    # without a length term lengths are no signal
    assert evicted(group((True, 10), (True, 12), by_length=False))
    assert not evicted(group((True, 10), (False, 10), by_length=False))
    assert SIGNAL == "leadline_signal"


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40)), min_size=2, max_size=8))
@settings(max_examples=200, deadline=None)
def test_a_group_is_evicted_exactly_when_lead_gives_it_no_advantage(rows: list[tuple[bool, int]]) -> None:
    correct = torch.tensor([row[0] for row in rows])
    out = group_advantages(
        correct,
        torch.tensor([row[1] for row in rows]),
        torch.zeros(len(rows), dtype=torch.int64),
        config=AdvantageConfig.lead(),
    )
    assert evicted([signal(*row) for row in rows]) == (not bool(out.live.any()))


def test_the_light_part_needs_neither_verl_nor_torch() -> None:
    assert "verl" not in sys.modules
    assert coding.decode is decode


BASE = {"trainer": {"project": "p"}, "data": {"override": {}}, "ray_kwargs": {"ray_init": {"num_cpus": None}}}


def ignored(*overrides: str, path: str = "leadline.integrations.verl.reward_manager") -> list[str]:
    return ignored_faults(overrides, BASE, {"reward": {"reward_manager": {"module": {"path": path}}}})


def test_keys_without_effect_are_told_from_those_with_one() -> None:
    assert ignored("critic.optim.lr=1", "++algorithm.gamma=0.9") == [
        "critic.optim.lr: has no effect: the estimator leadline has no critic",
        "algorithm.gamma: has no effect: the estimator leadline has no discount",
    ]
    assert ignored("critical=1", "trainer.project=x", "algorithm.gammas=1") == []
    custom = "reward.custom_reward_function.path=f.py"
    assert len(ignored(custom)) == 1
    assert ignored(custom, path="somebody/else.py") == []


def test_added_keys_that_nobody_reads() -> None:
    assert ignored("+trainer.projct=x") == ["trainer.projct: has no effect: verl has no such key"]
    read = ("+algorithm.leadline.preset=lead", "+data.override.any=1", "+ray_kwargs.ray_init.address=a")
    assert ignored(*read) == []


def test_the_check_says_the_first_kind_of_fault_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from leadline.integrations.verl import check as module

    monkeypatch.setattr(module, "version_fault", lambda: None)
    monkeypatch.setattr(module, "NEEDED", {})
    found = {"_plugin_faults": ["plug-in"], "missing_verl_hooks": ["hook"]}
    for name in found:
        monkeypatch.setattr(module, name, lambda name=name: found[name])
    monkeypatch.setattr(module, "_argument_faults", lambda overrides: [f"{len(overrides)} arguments"])
    assert module.check(["a=1"]) == ["plug-in"]
    found["_plugin_faults"] = []
    assert module.check(["a=1"]) == ["hook"]
    found["missing_verl_hooks"] = []
    assert module.check(["a=1"]) == ["1 arguments"]
    assert module.check() == []
    monkeypatch.setattr(module, "NEEDED", {"no_such_module_of_anybody": "a-package"})
    assert module.check() == [
        "verl: its default trainer imports 'no_such_module_of_anybody', which is missing: pip install a-package"
    ]
    monkeypatch.setattr(module, "version_fault", lambda: "old")
    assert module.check(["a=1"]) == ["old"]


@pytest.mark.parametrize(
    ("policy", "kept_out"), [("none", True), ("other,more", True), ("other,leadline", False), ("auto", False)]
)
def test_a_setting_that_keeps_the_plug_in_out_is_named(
    policy: str, kept_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leadline.integrations.verl.check import _plugin_faults

    monkeypatch.setenv("VERL_USE_EXTERNAL_PLUGINS", policy)
    monkeypatch.setitem(sys.modules, "verl", None)  # importing it is tested beside it, and takes long
    [fault] = _plugin_faults()
    assert fault.startswith("VERL_USE_EXTERNAL_PLUGINS=") == kept_out, fault
    assert kept_out or fault.startswith("verl: cannot be imported: ModuleNotFoundError")


# --- ends ----------------------------------------------------------------------------------------------------


def test_ends_are_read_off_the_models_files_and_nothing_else(tmp_path: Path) -> None:
    tokenizer = SimpleNamespace(name_or_path=str(tmp_path / "copy"))
    config: dict[str, Any] = {"actor_rollout_ref": {"model": {"path": str(tmp_path / "model")}}}
    assert model_ends(config, tokenizer) == frozenset(), "nothing is here"
    for name in ("model", "copy"):
        (tmp_path / name).mkdir()
    copy, model = (tmp_path / name / "generation_config.json" for name in ("copy", "model"))
    copy.write_text('{"eos_token_id": 9}')
    assert model_ends(config, tokenizer) == model_ends({}, tokenizer) == {9}
    hdfs = {"actor_rollout_ref": {"model": {"path": "hdfs://some/where/else"}}}
    assert model_ends(hdfs, tokenizer) == {9}
    model.with_name("config.json").write_text('{"eos_token_id": 5}')
    assert model_ends(config, tokenizer) == {5}
    model.write_text('{"eos_token_id": [1, 106, null, true, "x"]}')
    assert model_ends(config, tokenizer) == {1, 106}
    model.write_text("[" * 100_000)
    assert model_ends(config, tokenizer) == {5}
    model.write_text(" " * (1 << 20) + '{"eos_token_id": 7}')
    assert model_ends(config, tokenizer) == {5}
    assert model_ends({}, SimpleNamespace()) == frozenset()
