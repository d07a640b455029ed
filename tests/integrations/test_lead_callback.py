"""The checks inside TRL's own trainer: what they see and say, and that `stop_on` ends a run with a checkpoint."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from trl import GRPOTrainer

from faults import trl_faults
from leadline.errors import InputError
from leadline.integrations.trl import LeadCallback, LeadGRPOTrainer
from programs import trl_tiny

pytest.importorskip("trl")


def test_an_alarm_is_logged_and_ends_the_run_with_a_checkpoint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    callback = LeadCallback("constant_reward", on_alarm=lambda alarm: told.append(alarm.check.name))
    trainer = GRPOTrainer(
        model=trl_tiny.model(),
        reward_funcs=trl_faults.the_same,
        args=trl_tiny.settings(tmp_path, max_steps=30, per_device_train_batch_size=16),
        train_dataset=trl_tiny.prompts(64),
        processing_class=trl_tiny.tokenizer(),
        callbacks=[callback],
    )
    with caplog.at_level(logging.WARNING, "leadline"):
        trainer.train()
    assert callback.stopped_by is not None
    assert callback.stopped_by.step == trainer.state.global_step < 12
    assert (tmp_path / f"checkpoint-{trainer.state.global_step}" / "trainer_state.json").is_file()
    assert "constant_reward" in told
    assert "constant_reward: every completion of every step so far earned the same: 1" in caplog.text


def test_leadlines_trainer_lets_it_see_the_completions(tmp_path: Path) -> None:
    callback = LeadCallback()
    trainer = LeadGRPOTrainer(
        model=trl_tiny.model(),
        reward_funcs=trl_tiny.REWARDS,
        args=trl_tiny.settings(tmp_path, max_steps=2, reward_weights=trl_tiny.WEIGHTS, num_iterations=1),
        train_dataset=trl_tiny.prompts(64),
        processing_class=trl_tiny.tokenizer(),
        callbacks=[callback],
    )
    trainer.train()
    seen = callback._dog.history.late
    assert [one.step for one in seen] == [1, 2]
    assert {"groups", "loops", "live", "entropy", "truncated"} <= seen[0].values.keys()
    assert seen[0].values["live"] == trainer.state.log_history[0]["lead/live"]


def test_names_of_no_check_are_refused() -> None:
    with pytest.raises(InputError, match="no such check"):
        LeadCallback(["entropie"])
    with pytest.raises(InputError, match="is a note"):
        LeadCallback("small_loss")


def test_completions_of_an_evaluation_are_not_taken_for_the_trainings(tmp_path: Path) -> None:
    """One generation serves four steps, and TRL keeps the evaluation's completions in its place from step 1 on."""

    def accuracy(prompts: list[str], **_: Any) -> list[float]:
        return [float(prompt.startswith("w28")) for prompt in prompts]

    callback = LeadCallback()
    trainer = GRPOTrainer(
        model=trl_tiny.model(),
        reward_funcs=accuracy,
        args=trl_tiny.settings(
            tmp_path, max_steps=6, num_iterations=1, steps_per_generation=4, gradient_accumulation_steps=1,
            eval_strategy="steps", eval_steps=1, per_device_eval_batch_size=8,
        ),
        train_dataset=trl_tiny.prompts(20),
        eval_dataset=Dataset.from_dict({"prompt": ["w28 w1", "w28 w2"]}),
        processing_class=trl_tiny.tokenizer(),
        callbacks=[callback],
    )  # fmt: skip
    callback.attach(trainer)
    trainer.train()
    seen = callback._dog.history.late
    assert [one.step for one in seen] == [1, 2, 3, 4, 5, 6]
    assert [one.values.get("pass@1") for one in seen] == [0.0, None, None, None, 0.0, None]
    assert ["clip_fresh" in one.values for one in seen] == [True, False, False, False, True, False]
    assert [one[0].values["valid"] for one in callback._dog.history.valid] == [1.0] * 6


def test_reward_functions_may_share_a_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two lambdas: TRL keeps one column of both, so that what a completion earned is not known."""
    functions = [
        trl_tiny.accuracy,
        lambda completions, **_: [1.0] * len(completions),
        lambda completions, **_: [0.0] * len(completions),
    ]
    callback = LeadCallback()
    trainer = GRPOTrainer(
        model=trl_tiny.model(),
        reward_funcs=functions,
        args=trl_tiny.settings(tmp_path, max_steps=2, reward_weights=[1.0, 0.1, 0.1], num_iterations=1),
        train_dataset=trl_tiny.prompts(64),
        processing_class=trl_tiny.tokenizer(),
        callbacks=[callback],
    )
    callback.attach(trainer)
    trainer.train()
    seen = callback._dog.history.late
    assert [one.step for one in seen] == [1, 2]
    assert all("groups" in one.values and "outranked" not in one.values for one in seen)
    assert "failed" not in caplog.text


def test_a_check_that_fails_does_not_end_the_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = LeadCallback()
    monkeypatch.setattr(callback._dog, "see", lambda seen: 1 / 0)
    trainer = GRPOTrainer(
        model=trl_tiny.model(),
        reward_funcs=trl_tiny.accuracy,
        args=trl_tiny.settings(tmp_path, max_steps=2, num_iterations=1),
        train_dataset=trl_tiny.prompts(64),
        processing_class=trl_tiny.tokenizer(),
        callbacks=[callback],
    )
    trainer.train()
    assert trainer.state.global_step == 2
    assert caplog.text.count("the checks of step 1 failed: ZeroDivisionError") == 1
    assert "step 2 failed" not in caplog.text


def test_two_evaluation_sets_are_one_series(tmp_path: Path) -> None:
    """One always right, one always wrong: in turn they would fall from 100% to 0 at every step."""

    def accuracy(prompts: list[str], **_: Any) -> list[float]:
        return [float(not prompt.startswith("w28")) for prompt in prompts]

    callback = LeadCallback(stop_on="validation_falls")
    trainer = GRPOTrainer(
        model=trl_tiny.model(),
        reward_funcs=accuracy,
        args=trl_tiny.settings(
            tmp_path, max_steps=12, num_iterations=1, eval_strategy="steps", eval_steps=1, max_completion_length=2,
            per_device_eval_batch_size=4,
        ),
        train_dataset=trl_tiny.prompts(27),
        eval_dataset={name: Dataset.from_dict({"prompt": [f"{name} w1"]}) for name in ("w27", "w28")},
        processing_class=trl_tiny.tokenizer(),
        callbacks=[callback],
    )  # fmt: skip
    trainer.train()
    assert trainer.state.global_step == 12
    seen = [one for one, _ in callback._dog.history.valid]
    assert [(one.step, one.values["valid"]) for one in seen] == [(step, 0.5) for step in range(1, 13)]


def test_throughput_is_of_the_steps_between_two_entries(tmp_path: Path) -> None:
    callback = LeadCallback()
    trainer = GRPOTrainer(
        model=trl_tiny.model(),
        reward_funcs=trl_tiny.accuracy,
        args=trl_tiny.settings(tmp_path, max_steps=8, num_iterations=1, logging_steps=4),
        train_dataset=trl_tiny.prompts(64),
        processing_class=trl_tiny.tokenizer(),
        callbacks=[callback],
    )
    trainer.train()
    first, second = (row for row in trainer.state.log_history if "step_time" in row)
    [_, seen] = callback._dog.history.late
    drawn = second["num_tokens"] - first["num_tokens"]
    assert seen.values["tokens_per_second"] == pytest.approx(drawn / (4 * second["step_time"]))
