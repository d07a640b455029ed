"""Which prompts TRL's trainer asks: by what is known of them, or until enough groups have a signal; and resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from leadline.errors import CheckpointError, ConfigError

pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

HERE = Path(__file__).parents[1]
sys.path.insert(0, str(HERE / "programs"))
import trl_tiny  # noqa: E402
from datasets import Dataset  # noqa: E402

from leadline.integrations.trl.mixin import lead_metrics  # noqa: E402
from leadline.integrations.trl.selection import joined_rows  # noqa: E402

RUN: dict[str, Any] = {"rows": 12, "max_steps": 6, "num_iterations": 1, "select_factor": 3}


def asked(generation: dict[str, Any]) -> list[str]:
    return generation["prompt"][::4]


@pytest.mark.parametrize("select", ["window", "refill"])
def test_resume_goes_on_as_if_nothing_had_happened(select: str, tmp_path: Path) -> None:
    changes = {**RUN, "select": select, "save_strategy": "steps", "save_steps": 1}
    run = trl_tiny.trainer(tmp_path, **changes)
    run.train()
    again = trl_tiny.resumed(tmp_path, 4, **changes)
    assert again.generations == run.generations[4:]
    assert again.steps == run.steps[4 * 2 :]
    assert again.window.saved() == run.window.saved()
    with pytest.raises(CheckpointError, match="select was"):
        trl_tiny.resumed(tmp_path, 4, **{**changes, "select_factor": 2})


def test_a_window_asks_less_and_less_what_is_never_right(tmp_path: Path) -> None:
    """Of twelve prompts six are hopeless, and the others right about every other time."""

    def hopeless(prompt: str) -> bool:
        return int(prompt.split()[0][1:]) % 2 == 0

    def accuracy(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        pairs = zip(prompts, completions, strict=True)
        return [0.0 if hopeless(prompt) else float(trl_tiny.number(text) % 2) for prompt, text in pairs]

    run = trl_tiny.trainer(
        tmp_path, functions=[accuracy], rows=12, max_steps=24, num_iterations=1, select="window", learning_rate=0.0,
        num_generations=8, per_device_train_batch_size=8,
    )  # fmt: skip
    run.train()
    wasted = [hopeless(prompt) for generation in run.generations for prompt in generation["prompt"][::8]]
    assert len(wasted) == 48
    assert sum(wasted[24:]) < min(24 / 3, sum(wasted[:24])), "half of them would be, without a choice"


def test_rows_without_a_verdict_say_nothing_of_a_prompt(tmp_path: Path) -> None:
    def accuracy(prompts: list[str], **_: Any) -> list[float | None]:
        return [None if i % 4 == 0 else 1.0 for i, _ in enumerate(prompts)]

    run = trl_tiny.trainer(
        tmp_path, functions=[accuracy], **{**RUN, "max_steps": 1}, select="window",
        generation_kwargs={"eos_token_id": [*range(32)]},
    )  # fmt: skip
    run.train()
    assert run.window.saved()["level/None"] == [6.0, 0.0], "of 8 rows two had no verdict"


def test_refill_learns_from_groups_with_a_signal_alone(tmp_path: Path) -> None:
    run = trl_tiny.trainer(tmp_path, **RUN, select="refill", logging_steps=1)
    run.train()
    rounds = [len(asked(g)) for g in run.generations]
    assert len(set(rounds)) > 1, "some steps ask more than once"
    for step, generation in enumerate(run.generations):
        groups = torch.tensor(generation["advantage"]).view(-1, 4)
        live = (groups != 0).any(1)
        assert len(groups) == 2, "a generation is of two groups whatever was asked"
        assert live.all() or rounds[step] == 6
        unmasked = torch.tensor([bool(tokens) for tokens in generation["tokens"]]).view(-1, 4).any(1)
        assert torch.equal(live, unmasked), "what has no signal is masked"


def test_what_is_logged_of_a_refill_is_of_all_that_was_asked(tmp_path: Path) -> None:
    run = trl_tiny.trainer(tmp_path, **RUN, select="refill")
    run.train()
    rows = [row for row in run.state.log_history if "lead/live" in row]
    for row, generation in zip(rows, run.generations, strict=True):
        kept = (torch.tensor(generation["advantage"]).view(-1, 4) != 0).any(1).sum()
        assert row["lead/live"] == pytest.approx(float(kept) / len(asked(generation)))


def test_each_step_of_a_refill_is_in_the_log_once(tmp_path: Path) -> None:
    """One line of the log for six steps: rounds that lacked a number took those of earlier steps away."""

    def accuracy(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        pairs = zip(prompts, completions, strict=True)
        return [float(trl_tiny.number(prompt + text) % 4 == 0) for prompt, text in pairs]

    run = trl_tiny.trainer(
        tmp_path, **{**RUN, "rows": 24}, functions=[accuracy], select="refill", logging_steps=6,
        max_completion_length=3,
    )  # fmt: skip
    steps: list[dict[str, float]] = []
    together, logged, kept = run.weighed_together, run.log, {}

    def weighed_together(rounds: Any) -> Any:
        whole = together(rounds)
        steps.append(lead_metrics(whole))
        return whole

    def log(logs: Any, *more: Any) -> None:
        if "loss" in logs:
            kept.update({name: list(values) for name, values in run._metrics["train"].items()})
        logged(logs, *more)

    run.weighed_together, run.log = weighed_together, log
    run.train()
    assert len(steps) == 6
    names = {name for step in steps for name in step}
    for name in names:
        assert kept[f"lead/{name}"] == pytest.approx(
            [step[name] for step in steps if name in step], nan_ok=True
        )


def test_where_the_choice_cannot_be_made_is_said_before_the_first_step(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'best' is not one of none, window, refill"):
        trl_tiny.trainer(tmp_path, select="best")
    with pytest.raises(ConfigError, match="at least 2"):
        trl_tiny.trainer(tmp_path, select="window", select_factor=1)
    with pytest.raises(ConfigError, match="streamed"):
        trl_tiny.trainer(
            tmp_path, data=trl_tiny.prompts(8).to_iterable_dataset(), select="window", max_steps=1
        )


def test_two_processes_choose_the_same_prompts_and_remember_the_same(tmp_path: Path) -> None:
    changes = {**RUN, "select": "window", "num_generations": 16, "save_strategy": "steps", "save_steps": 3}
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
        "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0",
        str(HERE / "programs" / "trl_tiny.py"), str(tmp_path), "null", json.dumps(changes), "3",
    ]  # fmt: skip
    env = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=env, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    assert ranks[0]["window"] == ranks[1]["window"]
    for parts in zip(*(rank["generations"] for rank in ranks), strict=True):
        assert len({prompt for part in parts for prompt in part["prompt"]}) == 1, "one group, over both"
    for rank in ranks:
        assert rank["resumed"] == rank["steps"][3 * 2 :]


def test_rows_of_several_generations_are_padded_on_their_own_side() -> None:
    def part(prompt: int, completion: int) -> dict[str, Any]:
        return {
            "prompt_ids": torch.full((1, prompt), 5), "prompt_mask": torch.ones(1, prompt),
            "completion_ids": torch.full((1, completion), 6), "completion_mask": torch.ones(1, completion),
            "tool_mask": torch.ones(1, completion), "advantages": torch.ones(1),
            "num_items_in_batch": torch.tensor(completion),
        }  # fmt: skip

    joined = joined_rows([part(1, 3), part(2, 1)], pad=9)
    assert joined["prompt_ids"].tolist() == [[9, 5], [5, 5]]
    assert joined["prompt_mask"].tolist() == [[0, 1], [1, 1]]
    assert joined["completion_ids"].tolist() == [[6, 6, 6], [6, 9, 9]]
    assert joined["completion_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert joined["tool_mask"].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert joined["num_items_in_batch"] == 4
    assert len(joined["advantages"]) == 2


def test_what_fills_a_batch_up_and_what_tools_said_is_not_counted() -> None:
    from leadline.integrations.trl.selection import _filled_up

    output = {
        "completion_mask": torch.tensor([[1, 1, 1], [1, 1, 0], [1, 1, 1]]),
        "tool_mask": torch.tensor([[1, 1, 1], [1, 1, 1], [1, 0, 1]]),
        "advantages": torch.tensor([0.0, 0.5, -0.5]),
    }
    filled = _filled_up(output, torch.tensor([False, True, True]), 3)
    assert filled["advantages"].tolist() == [0.5, -0.5, 0.0]
    assert filled["completion_mask"].tolist() == [[1, 1, 0], [1, 1, 1], [0, 0, 0]]
    assert int(filled["num_items_in_batch"]) == 4


def test_where_few_prompts_come_in_turn_a_window_asks_none_twice(tmp_path: Path) -> None:
    """Of 4 prompts 2 x 4 are the candidates of a step: each stands there twice."""
    run = trl_tiny.trainer(tmp_path, **{**RUN, "rows": 4, "select_factor": 4}, select="window")
    run.train()
    assert len(run.generations) == 6
    assert all(len(set(asked(generation))) == 2 for generation in run.generations)


def test_rows_that_share_a_prompt_are_several_problems(tmp_path: Path) -> None:
    """They may differ in an image or in what an environment is set to: the prompt alone says nothing of them."""
    data = Dataset.from_dict({"prompt": ["w1 w2"] * 12})
    run = trl_tiny.trainer(tmp_path, data=data, **{**RUN, "rows": 12}, select="window")
    run.train()
    assert len([key for key in run.window.saved() if key.startswith("id/")]) > 4
