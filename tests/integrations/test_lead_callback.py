"""The checks inside TRL's own trainer: what they see and say, and that `stop_on` ends a run with a checkpoint."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
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
