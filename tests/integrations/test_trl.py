"""The TRL trainer against the numpy reference: one process, and two real gloo processes with every group split."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leadline.errors import ConfigError, MissingExtra, TrainingError
from leadline.grpo.advantages import group_advantages
from leadline.grpo.config import AdvantageConfig
from leadline.integrations.trl import answered as leadlines_answered
from leadline.integrations.trl import guard, reward_functions
from leadline.integrations.trl.mixin import LeadMixin, fingerprint, group_ids

trl = pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE), str(HERE / "programs")]
import trl_tiny  # noqa: E402

from advantage_oracle import oracle  # noqa: E402

CONFIGS = {
    "lead": AdvantageConfig.lead(),
    "released": AdvantageConfig.lead_released_code(length_grace_tokens=2),
    "nominal": AdvantageConfig.lead(unanimous_groups="nominal", difficulty="mean_normalised"),
    "rloo": AdvantageConfig.rloo(),
}


def expected(
    prompt: list[str], completion: list[str], tokens: list[list[int]], config: AdvantageConfig
) -> Any:
    """The reference on the rows of all processes, grouped by what the prompt *says*; the local engine's too."""
    right = trl_tiny.accuracy(prompt, completion)
    said = trl_tiny.answered(completion)
    style = trl_tiny.style(completion)
    finished = [row[-1] in (0, 1) for row in tokens]
    names = {text: i for i, text in enumerate(dict.fromkeys(prompt))}
    columns: dict[str, Any] = {
        "correct": [bool(value) and end for value, end in zip(right, finished, strict=True)],
        "length": [len(row) for row in tokens],
        "group": [names[text] for text in prompt],
        "scorable": [value is not None for value in right],
        "answered": [bool(value) and end for value, end in zip(said, finished, strict=True)],
        "bonus": [0.25 * (value or 0.0) for value in style],
    }
    engine = group_advantages(
        **{name: torch.tensor(values) for name, values in columns.items()}, config=config
    )
    return oracle(**columns, config=config)["advantage"], engine.advantage.numpy(), columns


def check(ranks: list[list[dict[str, Any]]], config: AdvantageConfig) -> dict[str, int]:
    """Compare every generation of every rank; returns what was seen, so that a test can ask for the hard cases."""
    seen = {"rows": 0, "unscorable": 0, "signal": 0, "split": 0, "generations": len(ranks[0])}
    for parts in zip(*ranks, strict=True):
        rows: dict[str, Any] = {
            name: [value for part in parts for value in part[name]]
            for name in ("prompt", "completion", "tokens")
        }
        reference, engine, columns = expected(**rows, config=config)
        got = [value for part in parts for value in part["advantage"]]
        np.testing.assert_allclose(got, reference, rtol=0, atol=1e-6)
        np.testing.assert_allclose(got, engine, rtol=0, atol=1e-6)
        for part in parts:  # what TRL logs is what was trained on
            np.testing.assert_allclose(part["logged"], got, rtol=0, atol=1e-6)
        seen["rows"] += len(got)
        seen["unscorable"] += columns["scorable"].count(False)
        seen["signal"] += int(np.count_nonzero(got))
        whole = [set(part["prompt"]) for part in parts]
        seen["split"] += len(set.intersection(*whole)) if len(parts) > 1 else 0
    return seen


def test_the_answered_column_is_never_paid(tmp_path: Path) -> None:
    run = trl_tiny.trainer(tmp_path, rows=4, max_steps=1)
    run.reward_weights[1] = 5.0
    run.train()
    check([run.generations], AdvantageConfig.lead())


@pytest.mark.parametrize("name", CONFIGS)
def test_one_process_matches_the_reference(name: str, tmp_path: Path) -> None:
    run = trl_tiny.trainer(tmp_path, rows=12, config=CONFIGS[name])
    run.train()
    seen = check([run.generations], CONFIGS[name])
    assert seen["rows"] == 12 * 4
    assert seen["unscorable"] > 0
    assert seen["signal"] > 12


def test_two_processes_match_the_reference_with_every_group_split(tmp_path: Path) -> None:
    # 4 completions a step and process, 2 steps a generation, 2 processes: 16 rows = one group of 16 over both
    config = AdvantageConfig.lead_released_code(length_grace_tokens=2)
    changes = {
        "rows": 3,
        "num_generations": 16,
        "num_train_epochs": 2,
        "save_strategy": "steps",
        "save_steps": 1,
    }
    # --multi_gpu is the launcher's word for "several processes here"; use_cpu in the settings makes them gloo ones
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
        "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0",
        str(HERE / "programs" / "trl_tiny.py"), str(tmp_path), config.model_dump_json(), json.dumps(changes), "9",
    ]  # fmt: skip
    env = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=env, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    written = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    ranks = [rank["generations"] for rank in written]
    assert {part["world"] for rank in ranks for part in rank} == {2}
    seen = check(ranks, config)
    assert (seen["generations"], seen["rows"], seen["split"]) == (6, 6 * 16, 6)
    assert seen["unscorable"] > 0
    assert seen["signal"] > 6 * 8
    # resumed after optimizer step 9 of 12: epoch 2, in the middle of a cycle of 2 optimizer steps
    for rank in written:
        assert len(rank["steps"]) == 24
        assert rank["resumed"] == rank["steps"][18:]


def test_evaluation_and_logging_use_the_same_advantages(tmp_path: Path) -> None:
    run = trl_tiny.trainer(tmp_path, rows=4, per_device_eval_batch_size=8, num_generations_eval=2)
    run.model.eval()
    inputs = [row for row in trl_tiny.prompts(2) for _ in range(2)]  # fewer rows than the log has room for
    run._prepare_inputs(inputs)
    check([run.generations], AdvantageConfig.lead())
    assert {"lead/reward", "lead/solve_rate", "lead/live", "lead/mixed", "lead/weight"} <= set(
        run._metrics["eval"]
    )


def test_an_evaluation_is_the_mean_over_its_completions(tmp_path: Path) -> None:
    """Of 5 prompts 4 make a batch; TRL by itself takes the batches for equally large."""

    def accuracy(prompts: list[str], **_: Any) -> list[float]:
        return [float(prompt.startswith("w4")) for prompt in prompts]

    run = trl_tiny.LeadGRPOTrainer(
        model=trl_tiny.model(), reward_funcs=accuracy, processing_class=trl_tiny.tokenizer(),
        args=trl_tiny.settings(
            tmp_path, per_device_eval_batch_size=8, num_generations_eval=2,
            generation_kwargs={"eos_token_id": [*range(32)]},
        ),
        train_dataset=trl_tiny.prompts(4), eval_dataset=trl_tiny.prompts(5),
    )  # fmt: skip
    for _ in range(2):  # the second time from nothing again
        said = run.evaluate()
        [*_, row] = [row for row in run.state.log_history if "eval_lead/solve_rate" in row]
        assert row["eval_lead/solve_rate"] == row["eval_rewards/accuracy/mean"] == pytest.approx(0.2)
        assert row["eval_completions/mean_length"] == 1.0
        assert "eval_loss" in said


def test_the_length_controller_learns_from_training_alone(tmp_path: Path) -> None:
    config = AdvantageConfig.concise(control_gain=2.0)
    run = trl_tiny.trainer(
        tmp_path, rows=4, per_device_eval_batch_size=8, num_generations_eval=2, config=config
    )
    before = run.weigher.saved()
    run.model.eval()
    run._prepare_inputs([row for row in trl_tiny.prompts(2) for _ in range(2)])
    assert run.weigher.saved() == before
    run.model.train()
    run._generate_and_score_completions(
        [row for row in trl_tiny.prompts(2) for _ in range(run.num_generations)]
    )
    assert run.weigher.saved() != before


# --- refusals ------------------------------------------------------------------------------------------------


def test_rewards_that_do_not_fit_are_refused_all_at_once(tmp_path: Path) -> None:
    def make(functions: list[Any], weights: list[float] | None, **kwargs: Any) -> Any:
        changes = {name: kwargs.pop(name) for name in ("multi_objective_aggregation",) if name in kwargs}
        return trl_tiny.LeadGRPOTrainer(
            model=trl_tiny.model(), reward_funcs=functions, processing_class=trl_tiny.tokenizer(),
            args=trl_tiny.settings(tmp_path, reward_weights=weights, **changes), train_dataset=trl_tiny.prompts(4),
            **kwargs,
        )  # fmt: skip

    with pytest.raises(ConfigError) as caught:
        make(
            [trl_tiny.style], [1.0], advantage=AdvantageConfig.lead_released_code(),
            multi_objective_aggregation="normalize_then_sum",
        )  # fmt: skip
    assert [fault.split(":")[0] for fault in caught.value.problems] == [
        "correctness",
        "advantage",
        "multi_objective_aggregation",
    ]
    with pytest.raises(ConfigError, match="must be 1: a right answer"):
        make([trl_tiny.accuracy], [2.0])
    with pytest.raises(ConfigError, match=r"there are \['style'\]: correctness=NAME says which"):
        make([trl_tiny.style], [1.0])
    with pytest.raises(
        ConfigError, match=r"advantage: 'lead' is no AdvantageConfig; there are AdvantageConfig.grpo"
    ):
        make([trl_tiny.accuracy], [1.0], advantage="lead")
    for weights in ([1.0, 0.5], None):  # TRL's default is 1 each
        with pytest.raises(ConfigError, match=r"that of 'answered' is .* must be 0: .*needs another name"):
            make([trl_tiny.accuracy, trl_tiny.answered], weights)
    with pytest.raises(ConfigError, match=r"that of 'answered' is 0\.5, must be 0"):
        make([trl_tiny.accuracy, leadlines_answered], [1.0, 0.5])
    make([trl_tiny.accuracy, leadlines_answered], None)  # nobody asked that it be paid
    make([trl_tiny.accuracy, trl_tiny.style], [1.0, 0.5])
    with pytest.raises(ConfigError, match=r"that of 'style' must be 1: .*pay_accuracy=False, length_alpha=0"):
        make([trl_tiny.style], [0.0], correctness="style")  # it would be paid all the same
    unpaid = AdvantageConfig.lead(pay_accuracy=False, length_alpha=0)
    make([trl_tiny.style], [0.0], correctness="style", advantage=unpaid)


def test_a_data_set_without_golds_is_refused_before_the_model_is_loaded(tmp_path: Path) -> None:
    functions, weights = reward_functions({"accuracy": 1, "format": 0.2})
    with pytest.raises(ConfigError) as caught:
        trl_tiny.LeadGRPOTrainer(
            model=str(tmp_path / "nowhere"), reward_funcs=functions, processing_class=trl_tiny.tokenizer(),
            args=trl_tiny.settings(tmp_path, reward_weights=weights), train_dataset=trl_tiny.prompts(4),
            eval_dataset={"hard": trl_tiny.prompts(4), "easy": trl_tiny.prompts(4).add_column("target", ["1"] * 4)},
        )  # fmt: skip
    looked = "no gold column: looked for answer, solution, ground_truth, target, found prompt"
    assert list(caught.value.problems) == [f"train_dataset: {looked}", f"eval_dataset['hard']: {looked}"]


def test_rows_that_do_not_come_in_groups_are_refused() -> None:
    with pytest.raises(TrainingError, match="do not make groups"):
        group_ids(torch.tensor([1, 1, 1]), 2)
    with pytest.raises(TrainingError, match="blocks of 2"):
        group_ids(torch.tensor([1, 2, 1, 2]), 2)
    assert group_ids(torch.tensor([7, 7, 7, 7]), 2).tolist() == [0, 0, 1, 1]  # one prompt twice: two groups


def test_fingerprints_tell_prompts_apart_and_are_stable() -> None:
    chat = [{"role": "user", "content": "2 + 2?"}]
    assert fingerprint(chat) == fingerprint([{"content": "2 + 2?", "role": "user"}])
    assert len({fingerprint(value) for value in (chat, "2 + 2?", "2 + 3?", None)}) == 4
    assert all(0 <= fingerprint(str(i)) < 2**63 for i in range(64))
    assert fingerprint([object()]) == fingerprint([object()])


# --- the guard -----------------------------------------------------------------------------------------------


def test_this_trl_has_every_hook() -> None:
    assert guard.missing_hooks(trl.GRPOTrainer) == []
    guard.check_trl()


def test_a_trl_without_a_hook_is_refused_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(trl.GRPOTrainer):  # type: ignore[misc]
        def _calculate_rewards(self, batch: Any) -> Any: ...

    faults = guard.missing_hooks(Later)
    assert any("_calculate_rewards(inputs" in fault for fault in faults)
    assert "attribute _buffered_inputs" in faults  # this class's own code does not use it
    module = types.SimpleNamespace(GRPOTrainer=type("GRPOTrainer", (), {}), __version__="9.0")
    monkeypatch.setitem(sys.modules, "trl", module)
    with pytest.raises(MissingExtra, match=re.escape("trl 9.0 does not fit")) as caught:
        guard.check_trl()
    assert all(name in str(caught.value) for name in guard.HOOKS)
    assert "1.16.0" in str(caught.value)


def test_an_untested_trl_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "TESTED_TRL", ("1.0.0",))
    with pytest.warns(UserWarning, match="every hook it needs is there"):
        guard.check_trl()


def test_the_mixin_suits_a_trainer_of_ones_own(tmp_path: Path) -> None:
    class Mine(LeadMixin, trl.GRPOTrainer):  # type: ignore[misc]
        """A subclass that somebody already has."""

    mine = Mine(
        model=trl_tiny.model(), reward_funcs=trl_tiny.REWARDS, processing_class=trl_tiny.tokenizer(),
        args=trl_tiny.settings(tmp_path, reward_weights=trl_tiny.WEIGHTS, max_steps=1),
        train_dataset=trl_tiny.prompts(4), advantage=AdvantageConfig.dr_grpo(),
    )  # fmt: skip
    mine.train()
    assert mine.lead_batch is not None
    assert mine.lead_batch.out.advantage.shape == (8,)
