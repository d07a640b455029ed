"""What a trainer is made of: what cannot work is said before the model is loaded, in one line that names the remedy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from leadline.errors import ConfigError, InputError
from leadline.grpo.config import AdvantageConfig

trl = pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

sys.path.insert(0, str(Path(__file__).parents[1] / "programs"))
import trl_tiny  # noqa: E402
from datasets import Dataset  # noqa: E402

from leadline.integrations.trl import (  # noqa: E402
    LeadCallback,
    LeadGRPOTrainer,
    LeadMixin,
    ResumeMixin,
    accuracy_reward,
    reward_functions,
)

NO_MODEL = "no/such-model"


def made(folder: Path, functions: Any = trl_tiny.accuracy, **more: Any) -> LeadGRPOTrainer:
    """A trainer of a model that is not there: what is refused is refused before anybody looks for it."""
    given = {"train_dataset": trl_tiny.prompts(4), "args": trl_tiny.settings(folder), **more}
    return LeadGRPOTrainer(
        model=given.pop("model", NO_MODEL),
        reward_funcs=functions,
        processing_class=trl_tiny.tokenizer(),
        **given,
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"correct_above": "0.5"}, "correct_above: '0.5' is no number"),
        ({"correct_above": True}, "correct_above: True is no number"),
        ({"correctness": trl_tiny.accuracy}, "correctness: the name of a reward function .*'accuracy', not function"),
        ({"correctness": None}, "correctness: the name of a reward function is expected, not NoneType"),
        ({"select": "window", "select_factor": "4"}, "select_factor: '4' is no whole number"),
        ({"select": "window", "select_factor": 2.5}, r"select_factor: 2\.5 is no whole number"),
        ({"advantage": AdvantageConfig.lead}, "is no AdvantageConfig"),
    ],
)  # fmt: skip
def test_arguments_of_another_kind_are_named(more: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        made(tmp_path, **more)


def test_weights_that_got_lost_are_asked_for(tmp_path: Path) -> None:
    """TRL would count each function once: a form of 0.2 would be worth as much as being right."""
    functions, weights = reward_functions({"accuracy": 1, "format": 0.2})
    data = Dataset.from_dict({"prompt": ["w1"] * 4, "answer": ["1"] * 4})
    with pytest.raises(
        ConfigError, match=r"'format' would count 1 and not 0\.2: GRPOConfig\(reward_weights="
    ):
        made(tmp_path, functions, train_dataset=data)
    with pytest.raises(ConfigError, match="these are the functions and their weights"):
        made(tmp_path, (functions, weights), train_dataset=data)
    with pytest.raises(ConfigError, match="a tuple, which TRL takes for one function: make it a list"):
        made(tmp_path, tuple(functions), train_dataset=data)
    made(
        tmp_path,
        functions,
        train_dataset=data,
        model=trl_tiny.model(),
        args=trl_tiny.settings(tmp_path, reward_weights=weights),
    )


def test_a_data_set_without_prompts_is_refused_before_the_model_is_loaded(tmp_path: Path) -> None:
    """TRL finds it out at the first generation, as a KeyError."""
    data = Dataset.from_dict({"question": ["w1"] * 4, "answer": ["1"] * 4})
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, accuracy_reward, train_dataset=data, eval_dataset={"hard": data})
    assert list(caught.value.problems) == [
        f"{place}: no column 'prompt', found answer, question: rename_column(NAME, 'prompt') makes one"
        for place in ("train_dataset", "eval_dataset['hard']")
    ]


def test_too_few_prompts_for_one_step_are_refused(tmp_path: Path) -> None:
    """TRL leaves out what does not fill a generation: it would train no step, and say so nowhere."""
    run = trl_tiny.trainer(tmp_path, rows=1)
    with pytest.raises(ConfigError, match="train_dataset: 1 rows, and a generation asks 2 prompts: no step"):
        run.train()


def test_completions_may_be_as_long_as_the_sampler_lets_them_be(tmp_path: Path) -> None:
    run = trl_tiny.trainer(
        tmp_path, rows=2, max_completion_length=None, generation_kwargs={"max_new_tokens": 5}, num_iterations=1
    )  # fmt: skip
    run.train()
    assert max(run.lead_batch.length.tolist()) == 5


def test_a_callback_that_comes_later_sees_the_completions_too(tmp_path: Path) -> None:
    run, callback = trl_tiny.trainer(tmp_path, rows=2), LeadCallback()
    run.add_callback(callback)
    assert callback._trainer is run
    run.add_callback(LeadCallback)  # transformers takes the class, too
    assert run.callback_handler.callbacks[-1]._trainer is run
    with pytest.raises(InputError, match=r"a GRPOTrainer is expected, .* not a GRPOConfig"):
        LeadCallback().attach(run.args)


def test_a_mixin_stands_before_a_grpo_trainer() -> None:
    with pytest.raises(ConfigError, match="stand behind GRPOTrainer"):
        type("Mine", (trl.GRPOTrainer, LeadMixin), {})
    with pytest.raises(ConfigError, match=r"RLOOTrainer .*AdvantageConfig\.rloo\(\)"):
        type("Mine", (LeadMixin, trl.RLOOTrainer), {})
    type("Mine", (LeadMixin, ResumeMixin, trl.GRPOTrainer), {})


def test_as_many_reference_answers_as_completions() -> None:
    with pytest.raises(InputError, match="1 completions and 2 reference answers"):
        accuracy_reward([r"\boxed{12}"], answer=["1", "2"])
    assert accuracy_reward([r"\boxed{12}"], answer="12") == [1.0]
