"""What leadline relies on in verl, asked of the real verl: discovery, estimator, reward loop, configuration."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_module
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.v1.utils import compute_advantage_for_multi_trajectories

from advantage_oracle import oracle
from leadline.grpo.config import AdvantageConfig
from leadline.grpo.weighing import Weigher
from leadline.integrations.verl import check as checks
from leadline.integrations.verl import guard
from leadline.integrations.verl.length_memory import LOG
from leadline.integrations.verl.score_coding import BONUS_GRID, LIMIT, decode, encode
from leadline.integrations.verl.scoring import SIGNAL
from leadline.recipes import find_recipe, read_packaged
from leadline.runs.backends.command_line import as_argument, as_arguments
from leadline.runs.backends.verl import plan_verl
from leadline.runs.backends.verl.checks import environment_report
from shared_table import CONFIGS, table, verl_rows

sys.path.insert(0, str(Path(__file__).parent))
import verl_tiny as tiny

BASE = [
    "algorithm.adv_estimator=leadline", "reward.reward_manager.source=importlib",
    f"reward.reward_manager.module.path={guard.MANAGER[0]}", f"reward.reward_manager.name={guard.MANAGER[1]}",
    "actor_rollout_ref.rollout.name=vllm", "actor_rollout_ref.actor.use_dynamic_bsz=True",
]  # fmt: skip


def composed(*overrides: str) -> Any:
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", overrides=[*BASE, *overrides])


# --- discovery -----------------------------------------------------------------------------------------------


def asked(tmp_path: Path, sabotage: str = "", *arguments: str, **environment: str) -> list[str]:
    """The faults that the self-check finds in a process of its own, with a module that spoils it."""
    (tmp_path / "sitecustomize.py").write_text(sabotage)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "leadline.integrations.verl.check", *arguments],
        capture_output=True, text=True, timeout=240, check=False, env={**os.environ, "PYTHONPATH": path, **environment},
    )  # fmt: skip
    answer = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == (2 if answer["faults"] else 0), done.stderr[-2000:]
    return list(answer["faults"])


def test_verl_finds_the_plugin_by_itself() -> None:
    code = (
        "import sys, verl; from verl.trainer.ppo.core_algos import get_adv_estimator_fn as get; "
        "print(get('leadline').__module__, 'leadline.integrations.verl.plugin' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True
    )
    assert done.stdout.split()[-2:] == ["leadline.integrations.verl.estimator", "True"]
    assert environment_report()["faults"] == []


def test_a_plugin_that_does_not_import_is_named_with_its_reason(tmp_path: Path) -> None:
    sabotage = """
import sys
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "leadline.integrations.verl.estimator":
            raise ImportError("spoiled on purpose")
sys.meta_path.insert(0, Broken())
"""
    [fault] = asked(tmp_path, sabotage)
    assert (
        "could not load the plug-in leadline.integrations.verl.plugin: ImportError: spoiled on purpose"
        in fault
    )


def test_plugins_switched_off_are_named(tmp_path: Path) -> None:
    [fault] = asked(tmp_path, VERL_USE_EXTERNAL_PLUGINS="none")
    assert fault.startswith("VERL_USE_EXTERNAL_PLUGINS=none")


def test_another_release_whose_hooks_are_there_is_taken_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "TESTED_VERL", ("0.8.0",))
    assert checks.check() == []
    assert "verl 0.9.1 was not tested (0.8.0 was)" in str(guard.untested())


def test_a_missing_package_of_verls_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(guard.NEEDED, "no_such_module", "no-such-package")
    assert checks.check() == [
        "verl: its default trainer imports 'no_such_module', which is missing: pip install no-such-package"
    ]


# --- configuration -------------------------------------------------------------------------------------------


def faults_of(arguments: list[str]) -> list[str]:
    """What is wrong with a job, but for flash-attn: a package for GPUs alone, which is not here."""
    faults = checks.check(arguments)
    assert any("flash-attn" in fault for fault in faults) == (find_spec("flash_attn") is None)
    return [fault for fault in faults if "flash-attn" not in fault]


def test_flash_attention_is_asked_for_where_verl_uses_it(tmp_path: Path) -> None:
    [job] = plan_verl(find_recipe("lead-14b-verl"), tmp_path).jobs
    assert faults_of(job.arguments) == []
    assert (
        checks.check([*job.arguments, "+actor_rollout_ref.model.override_config.attn_implementation=sdpa"])
        == []
    )


@pytest.mark.parametrize("name", ["lead-14b-verl", "lead-1.5b-verl"])
def test_the_packaged_recipes_are_keys_that_verl_takes_and_reads(name: str, tmp_path: Path) -> None:
    plan = plan_verl(find_recipe(name), tmp_path)
    for job in plan.jobs:
        assert faults_of(job.arguments) == []
        config = composed_plainly(job.arguments)
        assert config.actor_rollout_ref.rollout.n == plan.recipe.rl.group_size
        assert config.trainer.nnodes == plan.section.nodes
        assert OmegaConf.to_container(config.reward.leadline.weights) == plan.recipe.arms[job.arm].rewards
        for key, value in job.keys.items():
            found = OmegaConf.select(config, key.lstrip("+"))
            assert (OmegaConf.to_container(found) if OmegaConf.is_config(found) else found) == value, key


def composed_plainly(arguments: list[str]) -> Any:
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", overrides=arguments)


@pytest.mark.parametrize("kl", ["k2", "k3"])
def test_the_other_losses_are_keys_too(kl: str, tmp_path: Path) -> None:
    changes = [
        f"arms.lead.loss={{kl: {kl}, beta: 0.01, aggregation: constant, level: sequence}}",
        "arms.lead.rewards={accuracy: 1, overlong: 0.5}",
        "arms.lead.reward_options={overlong: {max_tokens: 8192, cache: 1024}}",
        "rl.optimiser.decay=cosine", "rl.optimiser.eps=1e-7",
    ]  # fmt: skip
    [job] = plan_verl(find_recipe("lead-14b-verl", changes), tmp_path).jobs
    assert faults_of(job.arguments) == []


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("custom_reward_function.path=mine.py", "reads reward.custom_reward_function instead"),
        ("reward_model.reward_manager=dapo", "reads reward.reward_model"),
        ("reward.custom_reward_function.path=mine.py", "has its own"),
        ("actor_rollout_ref.actor.grad_clip=0.5", "optim.clip_grad"),
        ("algorithm.norm_adv_by_std_in_grpo=False", "normalisation"),
        ("algorithm.filter_groups.max_num_gen_batches=3", "max_inflight_gen_batches"),
        ("+actor_rollout_ref.actor.clip_ratio_hihg=0.3", "verl has no such key"),
        ("algorithm.use_kl_in_reward=True", "overwrite the coded scores"),
        ("algorithm.adv_estimator=grpo", "must be leadline"),
        ("trainer.use_v1=False", "legacy"),
        ("reward.reward_manager.name=NoSuchManager", "cannot be resolved: AttributeError"),
        ("reward.reward_manager.module.path=pkg://no.such.module", "cannot be resolved: ModuleNotFoundError"),
        ("+algorithm.leadline.length_alfa=1", "algorithm.leadline.length_alfa: unknown key"),
        ("+reward.leadline.weights={accuracy:1,format:5}", "the bonus can reach 5"),
        ("no_such_section.key=1", "no_such_section"),
    ],
)
def test_keys_that_would_be_ignored_or_refused_are_named(override: str, why: str) -> None:
    faults = checks.check([*BASE, override])
    assert len(faults) >= 1
    assert why in " ".join(faults), faults


def test_a_metric_that_would_evict_all_correct_groups_is_refused() -> None:
    overrides = [*BASE, "algorithm.filter_groups.enable=True", "algorithm.filter_groups.metric=acc"]
    assert any(SIGNAL in fault for fault in checks.check(overrides))


def test_what_is_said_to_be_ignored_is_not_read_by_the_trainer() -> None:
    """verl's sources: the legacy section is migrated by other entry points only."""
    import verl

    root = Path(verl.__file__).parent
    users = [
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if "migrate_legacy_reward_impl(" in path.read_text() and "def migrate_legacy" not in path.read_text()
    ]
    assert all(user.startswith("experimental/") for user in users), users
    engine = (root / "workers" / "engine" / "fsdp" / "transformer_impl.py").read_text()
    assert ".grad_clip" not in engine
    assert "optimizer_config.clip_grad" in engine


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12)
values = st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), texts,
                   st.floats(allow_nan=False, allow_infinity=False, width=32))  # fmt: skip


@given(st.one_of(values, st.lists(values, max_size=3)))
@example("it's \\' a \\ test\\")
@example("1e-6")
@example("a=b,c: [d]{e}")
@settings(max_examples=300, deadline=None)
def test_hydra_reads_a_value_back_as_it_was(value: Any) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    [override] = OverridesParser.create().parse_overrides([f"+key={as_argument(value)}"])
    found = override.value()
    found = (
        [getattr(item, "text", item) for item in found]
        if isinstance(found, list)
        else getattr(found, "text", found)
    )
    assert found == value


# --- estimator -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_verls_own_advantage_call_gives_the_local_engines_advantages(name: str) -> None:
    config, rows, padding = CONFIGS[name], table(), 3
    order = torch.randperm(len(rows["correct"]), generator=torch.Generator().manual_seed(1)).tolist()
    given_rows = verl_rows(order, padding)
    changed = {k: v for k, v in config.model_dump().items() if v != AdvantageConfig().model_dump()[k]}
    keys = as_arguments({f"+algorithm.leadline.{k}": v for k, v in (changed or {"preset": "grpo"}).items()})
    batch = TensorDict(
        {name: given_rows[name] for name in ("token_level_rewards", "response_mask")},
        batch_size=len(order) + padding,
    )
    data = DataProto(batch=batch, non_tensor_batch={"uid": given_rows["index"]})
    data = compute_advantage_for_multi_trajectories(
        data, [f"{uid}_{i}_0" for i, uid in enumerate(given_rows["index"])], "leadline",
        config=composed(*keys).algorithm,
    )  # fmt: skip
    expected = oracle(**rows, config=config)["advantage"]
    got = data.batch["advantages"]
    for place, row in enumerate(order):
        np.testing.assert_allclose(
            got[place][given_rows["response_mask"][place] == 1], expected[row], rtol=0, atol=1e-6
        )
    assert not got[len(order) :].any()


def test_the_length_controllers_state_lies_beside_verls_checkpoints(tmp_path: Path) -> None:
    config = AdvantageConfig.concise()
    keys = {"+algorithm.leadline.preset": "concise", "+algorithm.leadline.state": str(tmp_path)}
    algorithm = composed(*as_arguments(keys)).algorithm
    local = Weigher(config)
    for step in range(3):
        rows = table(turned=step)
        here = local(**{name: torch.tensor(values) for name, values in rows.items()})
        given_rows = verl_rows(list(range(len(rows["correct"]))), 0, rows=rows)
        tensors = {name: given_rows[name] for name in ("token_level_rewards", "response_mask")}
        data = DataProto(
            batch=TensorDict(tensors, batch_size=len(rows["correct"])),
            non_tensor_batch={"uid": given_rows["index"]},
        )
        keys_of_rows = [f"{uid}_{i}_0" for i, uid in enumerate(given_rows["index"])]
        data = compute_advantage_for_multi_trajectories(data, keys_of_rows, "leadline", config=algorithm)
        assert torch.allclose(data.batch["advantages"][:, 0], here.advantages.advantage, rtol=0, atol=1e-6)
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line["batches"] for line in lines] == [1, 2, 3]
    assert {name: lines[-1][name] for name in local.saved()} == local.saved()


def test_the_reward_survives_verls_way_of_placing_it() -> None:
    from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

    rng = np.random.default_rng(0)
    steps = int(LIMIT / BONUS_GRID)
    bonuses = rng.integers(-steps + 1, steps, 200) * BONUS_GRID
    scores = [encode(bool(i % 3 == 0), i % 3 != 2, float(b)) for i, b in enumerate(bonuses)]
    batch = TensorDict(
        {
            "prompts": torch.zeros(200, 4),
            "responses": torch.zeros(200, 9, dtype=torch.int64),
            "attention_mask": torch.ones(200, 13, dtype=torch.int64),
        },
        batch_size=200,
    )
    placed = RewardManagerBase.assemble_rm_scores(DataProto(batch=batch), scores)
    assert placed.dtype == torch.float32
    got = decode(placed.sum(-1).numpy())
    assert got.bonus.tolist() == bonuses.tolist()
    assert got.correct.tolist() == [i % 3 == 0 for i in range(200)]


# --- reward loop ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("model"))


def trajectory(
    ids: list[int], gold: str = "2", *, padded_to: int | None = None, session: int = 0
) -> DataProto:
    """One trajectory as verl's agent loop hands it to a reward worker."""
    width = padded_to or len(ids)
    row = torch.tensor([ids + [0] * (width - len(ids))])
    mask = torch.tensor([[1] * (3 + len(ids)) + [0] * (width - len(ids))])
    said: dict[str, Any] = {
        "data_source": "tiny", "reward_model": {"style": "rule", "ground_truth": gold},
        "uid": "u", "session_id": session,
        "extra_info": {"id": "p1", "split": "train"}, "raw_prompt": [{"role": "user", "content": "pick a number"}],
    }  # fmt: skip
    if padded_to is None:
        said["response_len"] = len(ids)
    extra = {key: np.array([value, None], dtype=object)[:1] for key, value in said.items()}
    batch = TensorDict(
        {"prompts": torch.ones(1, 3, dtype=torch.int64), "responses": row, "attention_mask": mask},
        batch_size=1,
    )
    return DataProto(batch=batch, non_tensor_batch=extra)


def score_all(config: Any, rows: list[DataProto]) -> list[dict[str, Any]]:
    from verl.experimental.reward_loop import RewardLoopWorker

    async def run() -> list[dict[str, Any]]:
        worker = RewardLoopWorker(config)
        return list(await asyncio.gather(*(worker.compute_score(row) for row in rows)))

    return asyncio.run(run())


def test_the_reward_manager_through_verls_reward_worker(model: Path, tmp_path: Path) -> None:
    config = composed(
        f"actor_rollout_ref.model.path={model}", "data.max_response_length=6", "+algorithm.leadline.preset=lead",
        "+reward.leadline.weights={accuracy:1.0,reflection:0.5}", f"+reward.leadline.trail={tmp_path / 'trail'}",
    )  # fmt: skip
    right, wrong, eos = tiny.WORDS.index(r"\boxed{2}"), tiny.WORDS.index(r"\boxed{1}"), 1
    check = tiny.WORDS.index("Check")
    rows = [
        trajectory([right, eos], session=0),
        trajectory([check, right, eos], session=1),
        trajectory([wrong, eos], session=2),
        trajectory([eos], session=3),
        trajectory([right] * 6, session=4),  # cut off
        trajectory([right] * 5 + [eos], session=5),  # ends exactly at the cap
        trajectory([right, eos], gold="", session=6),
        trajectory([right, eos], padded_to=6, session=7),  # the batch path: rows padded, no response_len
    ]
    got = score_all(config, rows)
    scores = [row["reward_score"] for row in got]
    bonus = scores[1] - 4
    assert 0 < bonus < 0.5
    assert scores == [4.0, scores[1], -4.0, -12.0, -12.0, 4.0, 0.0, 4.0]
    info = [row["reward_extra_info"] for row in got]
    assert [row[SIGNAL] for row in info] == [2.0, 3.0, -1.0, -1.0, -1.0, 6.0, -1.0, 2.0]
    assert [row["n_tokens"] for row in info] == [2, 3, 2, 1, 6, 6, 2, 2]
    assert [row["finished"] for row in info] == [1, 1, 1, 1, 0, 1, 1, 1]
    assert [row["reason"] for row in info][2:5] == ["mismatch", "no_answer", "truncated"]
    assert all(row.keys() == info[0].keys() for row in info)
    [path] = (tmp_path / "trail").glob("*.jsonl")
    trail = {row["uid"]: row for row in map(json.loads, path.read_text().splitlines())}
    assert set(trail) == {f"u_{session}" for session in range(8)}
    assert trail["u_1"]["spans"] == [[0, 5, "verification"]]
    assert (trail["u_1"]["completion"], trail["u_1"]["n_tokens"]) == (r"Check \boxed{2}", 3)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    assert {row["prompt"] for row in trail.values()} == {tokenizer.decode([1, 1, 1])}, "as the model saw it"


def test_a_turn_may_end_with_a_token_of_the_models_own(model: Path, tmp_path: Path) -> None:
    """As Gemma's do: the tokenizer knows <eos>, the model's generation settings another end besides."""
    own = shutil.copytree(model, tmp_path / "model")
    end, right = tiny.WORDS.index("."), tiny.WORDS.index(r"\boxed{2}")
    (own / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, end]}))
    config = composed(
        f"actor_rollout_ref.model.path={own}", "data.max_response_length=3",
        f"+reward.leadline.trail={tmp_path / 'trail'}",
    )  # fmt: skip
    got = score_all(config, [trajectory([right, right, last]) for last in (end, 1, right)])
    assert [row["reward_score"] for row in got] == [4.0, 4.0, -12.0]
    assert [row["reward_extra_info"]["finished"] for row in got] == [1.0, 1.0, 0.0]
    [path] = (tmp_path / "trail").glob("*.jsonl")
    texts = [json.loads(line)["completion"] for line in path.read_text().splitlines()]
    assert sorted(texts) == sorted([r"\boxed{2} \boxed{2}"] * 2 + [r"\boxed{2} \boxed{2} \boxed{2}"])


def test_wrong_settings_stop_the_reward_worker(model: Path) -> None:
    with pytest.raises(Exception, match=r"reward\.leadline\.wieghts: unknown key"):
        score_all(
            composed(f"actor_rollout_ref.model.path={model}", "+reward.leadline.wieghts={accuracy:1}"), []
        )


def test_compute_score_in_verls_own_manager(model: Path) -> None:
    config = composed(
        f"actor_rollout_ref.model.path={model}", "reward.reward_manager.source=register",
        "reward.reward_manager.name=naive", "reward.custom_reward_function.path=pkg://leadline.integrations.verl",
        "reward.custom_reward_function.name=compute_score",
        "+reward.custom_reward_function.reward_kwargs={weights:{accuracy:1,reflection:0.5}}",
    )  # fmt: skip
    right, eos = tiny.WORDS.index(r"\boxed{2}"), 1
    [row] = score_all(config, [trajectory([right, eos])])
    assert row["reward_score"] == 4.0
    assert row["reward_extra_info"]["acc"] == 1.0


def test_the_dynamic_sampling_rule_is_verls(monkeypatch: pytest.MonkeyPatch) -> None:
    """verl's own replay buffer, fed with our metric: which groups it would throw away."""
    from verl.trainer.ppo.v1 import replay_buffer as rb

    groups = {"wrong": [-1.0, -1.0], "short-long": [5.0, 9.0], "same": [7.0, 7.0], "mixed": [7.0, -1.0]}
    rows = {f"{uid}_{i}_0": value for uid, values in groups.items() for i, value in enumerate(values)}

    class Queue:
        @staticmethod
        def kv_batch_get(keys: list[str], **_: Any) -> dict[str, Any]:
            return {"extra_fields": [{"reward_extra_info": {SIGNAL: rows[key]}} for key in keys]}

    monkeypatch.setattr(rb, "tq", Queue)
    buffer = object.__new__(rb.ReplayBuffer)
    buffer.filter_groups_metric = SIGNAL
    buffer.finished_keys = {"train": set(groups)}
    buffer.partitions = {"train": dict.fromkeys(rows)}
    buffer._dapo_classification_cache = {"train": {}}
    evicted, _ = buffer._dapo_filtered_keys("train")
    assert evicted == {"wrong", "same"}


def test_the_recipes_name_what_they_need() -> None:
    for name in ("lead-14b-verl", "lead-1.5b-verl"):
        text = read_packaged(name)
        assert "Never run by this project" in text
        assert len(text.splitlines()) <= 50
