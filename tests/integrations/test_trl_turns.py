"""Tools, environments and thoughts under TRL: only what the model wrote is graded and counted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leadline.integrations.trl.turns import opens_thought, own_text

pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

sys.path.append(str(Path(__file__).parents[1] / "programs"))  # last: it has a conftest of its own
import trl_tools
from datasets import Dataset
from trl.chat_template_utils import qwen3_5_think_chat_template

ASKS, GIVES_UP = trl_tools.call("look_up", key="a") + trl_tools.END, "I do not know." + trl_tools.END
OWN = len(trl_tools.tokenizer()(ASKS + GIVES_UP)["input_ids"])


class Library:
    """An environment whose tool prints the answer."""

    def reset(self, **_: Any) -> None: ...

    def look_up(self, key: str) -> str:
        """Look a number up.

        Args:
            key: what to look up.
        """
        return trl_tools.look_up(key)


def with_rollout_func(prompts: Any, trainer: Any) -> dict[str, Any]:
    words = trainer.processing_class
    asks, tool, end = (words(t)["input_ids"] for t in (ASKS, trl_tools.look_up("a"), GIVES_UP))
    mask = [1] * len(asks) + [0] * len(tool) + [1] * len(end)
    one = [asks + tool + end] * len(prompts)
    logprobs = [[0.0] * len(mask)] * len(prompts)
    return {
        "prompt_ids": [words("6 x 7?")["input_ids"]] * len(prompts), "completion_ids": one, "logprobs": logprobs,
        "env_mask": [mask] * len(prompts),
    }  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [{"tools": [trl_tools.look_up]}, {"environment_factory": Library}, {"rollout_func": with_rollout_func}],
    ids=["tools", "environment", "rollout_func"],
)
def test_a_completion_is_as_long_as_what_the_model_wrote(tmp_path: Path, more: dict[str, Any]) -> None:
    trainer = trl_tools.trainer(tmp_path, [ASKS, GIVES_UP], **more)
    trainer.train()
    batch = trainer.lead_batch
    assert batch is not None
    assert batch.length.tolist() == [OWN, OWN]
    assert batch.finished.tolist() == [True, True]
    if "rollout_func" not in more:  # there TRL hands over one text, without turns
        names = list(trainer.reward_func_names)
        assert batch.columns[:, names.index("accuracy")].tolist() == [0.0, 0.0]  # the tool printed the box
        assert batch.columns[:, names.index("reflection")].tolist() == [0.0, 0.0]
    logged = [row for row in trainer.state.log_history if "completions/mean_length" in row]
    assert logged[0]["completions/mean_length"] == OWN


@pytest.mark.parametrize("as_array", [torch.tensor, np.array], ids=["tensor", "array"])
def test_a_rollout_may_bring_arrays_and_the_gold(tmp_path: Path, as_array: Any) -> None:
    """TRL takes ``env_mask`` in any form, and columns of the reward functions from the rollout."""

    def rollout(prompts: Any, trainer: Any) -> dict[str, Any]:
        found = with_rollout_func(prompts, trainer)
        return {**found, "env_mask": as_array(found["env_mask"]), "answer": ["42"] * len(prompts)}

    rows = Dataset.from_list([{"prompt": [{"role": "user", "content": "6 x 7?"}]}] * 2)
    trainer = trl_tools.trainer(tmp_path, [], rollout_func=rollout, train_dataset=rows)
    trainer.train()
    assert trainer.lead_batch is not None
    assert trainer.lead_batch.length.tolist() == [OWN, OWN]


def test_a_completion_that_ends_with_a_tools_word_did_not_end(tmp_path: Path) -> None:
    trainer = trl_tools.trainer(tmp_path, [ASKS, ""], tools=[trl_tools.look_up])
    trainer.train()
    assert trainer.lead_batch is not None
    assert trainer.lead_batch.finished.tolist() == [False, False]


RIGHT = r"<think>" + "\nLet me check: 6 x 7 = 42.\n" + r"</think>" + "\n\n" + r"<answer>\boxed{42}</answer>"


def test_a_thought_that_trl_takes_out_of_the_text_is_still_there(tmp_path: Path) -> None:
    """With tools TRL parses turns, and the thought leaves ``content``."""
    columns = []
    for more in ({}, {"tools": [trl_tools.look_up]}):
        trainer = trl_tools.trainer(tmp_path, [RIGHT + trl_tools.END], **more)
        trainer.train()
        assert trainer.lead_batch is not None
        columns.append(trainer.lead_batch.columns[0].tolist())
    assert columns[0] == columns[1]
    assert columns[0][2:] == [1.0, pytest.approx(0.21)]


def test_a_thought_that_the_prompt_begins_is_put_back(tmp_path: Path) -> None:
    script = [RIGHT.removeprefix("<think>") + trl_tools.END]
    trainer = trl_tools.trainer(tmp_path, script, template=qwen3_5_think_chat_template)
    trainer.train()
    assert trainer.lead_batch is not None
    assert trainer.lead_batch.columns[0, 2] == 1.0


def test_a_thought_is_opened_by_the_prompt_that_the_model_saw(tmp_path: Path) -> None:
    """A prompt of plain text is put to the model without the template, whatever that would end with."""
    words = trl_tools.tokenizer(qwen3_5_think_chat_template)
    for prompt, opened in (("6 x 7?", False), ("6 x 7? <think>\n", True)):
        assert opens_thought(words, words(prompt)["input_ids"]) is opened
        rows = Dataset.from_list([{"prompt": prompt, "answer": "42"}] * 2)
        for text in (RIGHT, RIGHT.removeprefix("<think>")):
            script = [text + trl_tools.END]
            trainer = trl_tools.trainer(
                tmp_path, script, template=qwen3_5_think_chat_template, train_dataset=rows
            )
            trainer.train()
            assert trainer.lead_batch is not None
            names = list(trainer.reward_func_names)
            whole = opened or text == RIGHT  # an answer without a thought is no format
            assert trainer.lead_batch.columns[0, names.index("format")] == float(whole)


def test_turns_that_are_not_the_models_do_not_count() -> None:
    turns = [
        {"role": "assistant", "content": "asks", "reasoning_content": "why"},
        {"role": "tool", "content": r"\boxed{42}"},
        {"role": "assistant", "content": "so"},
    ]
    assert own_text(turns) == "<think>why</think>asks\nso"
