"""Completions that end in another way than TRL looks for: tokens and texts of ``generation_kwargs``, own rollouts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from leadline.integrations.trl.ends import Ends, stop_tokens

pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

sys.path.append(str(Path(__file__).parents[1] / "programs"))
import trl_tiny

RUN: dict[str, Any] = {"rows": 6, "max_steps": 1, "num_iterations": 1}


def right(completions: list[str], **_: Any) -> list[float]:
    return [1.0] * len(completions)


right.__name__ = "accuracy"


def trained(folder: Path, **changes: Any) -> Any:
    run = trl_tiny.trainer(folder, functions=[right], **{**RUN, **changes})
    run.train()
    return run


def test_ends_of_generation_kwargs_are_ends(tmp_path: Path) -> None:
    """Every word but one ends; TRL by itself looks for <eos> alone, and pads what is behind an end."""
    run = trained(tmp_path, generation_kwargs={"eos_token_id": [1, *range(3, 20)]}, max_completion_length=60)
    batch = run.lead_batch
    assert batch.finished.tolist() == [True] * 8
    assert batch.out.solve_rate.tolist() == [1.0] * 8
    [ended] = [row for row in run.state.log_history if "completions/clipped_ratio" in row]
    assert ended["completions/clipped_ratio"] == 0.0
    words = {0, 2, *range(20, 32)}
    assert all(set(tokens[:-1]) <= words for tokens in run.generations[0]["tokens"]), "nothing behind the end"
    assert batch.length.tolist() == [len(tokens) for tokens in run.generations[0]["tokens"]]


def test_a_rollout_that_takes_the_end_off_ended_where_it_is_short(tmp_path: Path) -> None:
    def rollout(prompts: Any, trainer: Any) -> dict[str, Any]:
        ids = [[5] * (6 if i % 4 == 0 else 3) for i in range(len(prompts))]
        return {
            "prompt_ids": [[3, 4]] * len(prompts), "completion_ids": ids,
            "logprobs": [[0.0] * len(row) for row in ids],
        }  # fmt: skip

    run = trl_tiny.LeadGRPOTrainer(
        model=trl_tiny.model(), reward_funcs=right, args=trl_tiny.settings(tmp_path, max_steps=1, num_iterations=1),
        train_dataset=trl_tiny.prompts(6), processing_class=trl_tiny.tokenizer(), rollout_func=rollout,
    )  # fmt: skip
    run.train()
    assert run.lead_batch is not None
    assert run.lead_batch.finished.tolist() == [False, True, True, True] * 2


def test_what_says_that_an_end_leaves_no_token() -> None:
    tokens = [1, 0]
    assert Ends.of(tokens, 50, None, rolled=False) == Ends(frozenset({0, 1}))
    assert Ends.of(tokens, 50, {"top_p": 0.9}, rolled=False).cap is None
    assert Ends.of(tokens, 50, {"stop": ["\n\n"]}, rolled=False).cap == 50
    assert Ends.of(tokens, 50, {"stop": ["\n\n"], "max_tokens": 20}, rolled=False).cap == 20
    cut = Ends(frozenset({1}), cap=3)
    assert not cut.ended([5, 6, 7], [1, 1, 1])
    assert not cut.ended([5, 6], [1, 0]), "a tool's word is no end of the model's"
    assert stop_tokens(None) == stop_tokens({"eos_token_id": None}) == []
