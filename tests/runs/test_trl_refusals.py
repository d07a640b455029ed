"""Bad input to a recipe through TRL: every fault named with its place, code 2, nothing loaded, nothing written.

The weights of every model here are rubbish: a refusal that came behind their loading would speak of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command import Done, call, refused
from leadline.errors import ConfigError
from leadline.model.tokenizer import build_tokenizer
from leadline.runs.backends.trl.launch_words import processes

pytest.importorskip("trl", reason="TRL is not installed: pip install 'leadline[trl]'")

RECIPE = """
name: small
threads: 1
backend: trl
data: {train: plain.jsonl}
model: {source: model}
sft: {method: lora, steps: 2, batch_size: 6}
rl: {steps: 2, prompts: 4, group_size: 4, max_tokens: 16, validation_problems: 3}
arms: {lead: {advantage: lead}}
evaluation: {problems: 4, samples: 2, ks: [1, 2]}
"""
TEMPLATE = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turn here') }}{% endif %}"
    "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
)
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 200, "hidden_size": 32,
    "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
}  # fmt: skip


def write_model(folder: Path, *, template: str | None = None, end: bool = True) -> None:
    tokenizer = build_tokenizer([])
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    if not end:
        file = folder / "tokenizer_config.json"
        given = json.loads(file.read_text())
        del given["eos_token"]
        file.write_text(json.dumps(given))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "model.safetensors").write_bytes(b"no weights at all")


def write_problems(path: Path, **changes: Any) -> None:
    """Forty problems; ``changes`` are made to the thirty-first alone, or to all with ``every``."""
    every = changes.pop("every", {})
    rows = [{"id": f"p{i}", "prompt": f"{i} + 3?", "answer": str(i + 3)} | every for i in range(40)]
    rows[30] |= changes
    kept = [{key: value for key, value in row.items() if value is not None} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in kept))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe, models and problems; and no network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        "leadline.runs.backends.trl.checks.find_spec", lambda name: None
    )  # nothing optional is here
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    write_model(tmp_path / "model")
    write_model(tmp_path / "chat", template=TEMPLATE)
    write_model(tmp_path / "endless", end=False)
    write_problems(tmp_path / "plain.jsonl")
    chat = [{"role": "user", "content": "What is 30 + 3?"}]
    write_problems(tmp_path / "one_chat.jsonl", prompt=None, messages=chat)
    system = [{"role": "system", "content": "Be brief."}, *chat]
    write_problems(tmp_path / "system.jsonl", prompt=None, messages=system)
    write_problems(tmp_path / "no_answers.jsonl", every={"answer": None})
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Callable[..., Done]:
    """Runs the recipe with changes; nothing may be left behind."""

    def run(*changes: str, option: str | None = None) -> Done:
        before = sorted(folder.rglob("*"))
        words = [word for change in changes for word in ("--set", change)]
        done = call("run", "recipe.yaml", *words, *([option] if option else []), cwd=folder)
        assert sorted(folder.rglob("*")) == before, "something was written"
        return done

    return run


def test_a_model_that_is_neither_a_directory_nor_reachable(run: Callable[..., Done]) -> None:
    [line] = refused(run("model.source=models/of/mine"))
    assert line == "leadline: model.source: models/of/mine: no such directory"
    started = time.monotonic()
    [line] = refused(run("model.source=Some/Model-1.5B"))
    assert (
        "model.source: Some/Model-1.5B: no such directory, and the Hugging Face hub cannot be reached" in line
    )
    assert time.monotonic() - started < 8


def test_a_chat_template_that_is_missing_for_a_single_problem(run: Callable[..., Done]) -> None:
    done = run("data.train=one_chat.jsonl")
    [line] = refused(done, "model.source: model: the tokenizer has no chat template")
    assert "1 of them, such as 'p30'" in line


def test_a_chat_template_that_refuses_a_problem(run: Callable[..., Done]) -> None:
    [line] = refused(run("data.train=system.jsonl", "model.source=chat"))
    assert "chat: its chat template refuses turns of system, user: no system turn here" in line
    refused(run("model.source=chat", "data.system_prompt=Think."), "refuses turns of system, user")
    # the same model and problems without a system turn get as far as the weights
    assert "model.safetensors" in run_until_weights(run, "data.train=one_chat.jsonl", "model.source=chat")


def run_until_weights(run: Callable[..., Done], *changes: str) -> str:
    """A sound recipe must not be refused: a plan of it is made but for the weights, which are none."""
    return refused(run(*changes, option="--dry-run"))[-1]


def test_a_tokenizer_without_an_end(run: Callable[..., Done]) -> None:
    [line] = refused(run("model.source=endless"))
    assert line == (
        "leadline: model.source: endless: the tokenizer has no end-of-sequence token, so no completion could end"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["rl.updates=3"], ["rl.updates: 3 does not divide rl.prompts 4"]),
        (
            ["trl.grpo.num_generations=3"],
            ["trl.grpo.num_generations: the recipe decides this: rl.group_size"],
        ),
        (
            ["trl.launch=[--multi_gpu, --num_processes, '5']"],
            ["16 rows, which do not divide over 5 processes", "sft.batch_size: 6 does not divide over 5"],
        ),
        (["trl.grpo.per_device_eval_batch_size=3"], ["trl.grpo: TRL refuses it: The global eval batch size"]),
        (["trl.grpo.num_generations_eval=5"], ["trl.grpo: TRL refuses it: The global eval batch size"]),
    ],
)
def test_groups_that_do_not_divide_the_batch(
    run: Callable[..., Done], changes: list[str], expected: list[str]
) -> None:
    assert len(refused(run(*changes), *expected)) == len(expected)


@pytest.mark.parametrize(
    "change",
    [
        "generation_kwargs={top_p: 0.9}",
        "repetition_penalty=1.1",
        "optim=sgd",
        "remove_unused_columns=true",
        "multi_objective_aggregation=normalize_then_sum",
        "ignore_data_skip=true",
        "sync_ref_model=true",
    ],
)
def test_arguments_that_would_change_what_the_recipe_says(run: Callable[..., Done], change: str) -> None:
    [line] = refused(run(f"trl.grpo.{change}"))
    assert f"trl.grpo.{change.partition('=')[0]}: the recipe decides this: " in line


def test_problems_without_answers(run: Callable[..., Done]) -> None:
    lines = refused(
        run("data.train=no_answers.jsonl"), "no_answers.jsonl:1: no answer: expected a column named"
    )
    assert len(lines) == 4
    assert "no_answers.jsonl: 37 more rows: no answer: " in lines[3]


def test_a_model_that_cannot_be_built(run: Callable[..., Done], folder: Path) -> None:
    (folder / "model" / "config.json").write_text(json.dumps(CONFIG | {"model_type": "unheard_of"}))
    [line] = refused(run())
    assert "model.source: model: transformers cannot build the model of its config.json" in line
    assert "unheard_of" in line


def test_adapters_for_layers_that_the_model_does_not_have(run: Callable[..., Done]) -> None:
    [line] = refused(run("sft.lora.targets=[qkv_proj, query_key_value]"))
    assert line == (
        "leadline: sft.lora.targets: model has no qkv_proj, query_key_value; there are "
        "down_proj, embed_tokens, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj"
    )
    # one that is there is enough, and without adapters none is needed
    assert "model.safetensors" in run_until_weights(run, "sft.lora.targets=[qkv_proj, self_attn.q_proj]")
    assert "model.safetensors" in run_until_weights(run, "sft.lora.targets=[qkv_proj]", "sft.method=full")


def test_everything_at_once(run: Callable[..., Done]) -> None:
    lines = refused(
        run(
            "model.source=models/of/mine", "data.train=no_answers.jsonl", "trl.ppo=1", "rl.optimiser.name=muon",
            "trl.grpo.num_generations=3", "trl.grpo.use_vllm=true", "arms.lead.rewards={accuracy: 1, acuracy: 1}",
            "arms.lead.grader=nowhere:grade", "evaluation.grader=math:nothing",
        ),
        "arms.lead: rewards.weights.acuracy: no such part",
        "evaluation: grader 'math:nothing': module 'math' has no 'nothing'",
        "trl.ppo: unknown section",
        "trl.grpo.num_generations: the recipe decides this",
        "rl.optimiser.name: 'muon' is not in TRL",
        "trl.grpo.use_vllm: vLLM is not installed",
        "model.source: models/of/mine: no such directory",
        "no_answers.jsonl:1: no answer",
    )  # fmt: skip
    assert len(lines) == 11  # four of them about the answers


def test_a_grader_that_does_not_exist_is_found_before_the_first_stage(run: Callable[..., Done]) -> None:
    [line] = refused(run("arms.lead.grader=nowhere:grade"))
    assert "arms.lead: grader 'nowhere:grade': no module named 'nowhere'" in line


def test_a_plan_names_what_is_only_missing_here(run: Callable[..., Done]) -> None:
    done = run("model.source=Some/Model-1.5B", "trl.grpo.use_vllm=true", option="--dry-run")
    assert done.returncode == 0, done.stderr
    assert "note: trl.grpo.use_vllm: vLLM is not installed" in done.stdout
    assert "note: model.source: Some/Model-1.5B was not looked at" in done.stdout
    assert "not counted" in done.stdout
    refused(
        run("model.source=models/of/mine", "trl.ppo=1", option="--dry-run"), "no such directory", "trl.ppo"
    )


@pytest.mark.parametrize("word", ["--use_deepspeed", "--use-deepspeed"])
def test_deepspeed_is_missed_however_it_is_asked_for(run: Callable[..., Done], word: str) -> None:
    done = run(f'trl.launch=["--num_processes", "2", "{word}"]')
    refused(done, "trl.launch: DeepSpeed is not installed")


MULTI = ["--multi_gpu", "--num_machines", "1"]


def test_processes_are_those_that_accelerate_starts(tmp_path: Path) -> None:
    config = tmp_path / "accelerate.yaml"
    settings = {
        "compute_environment": "LOCAL_MACHINE", "distributed_type": "FSDP", "num_processes": 6, "num_machines": 1,
        "mixed_precision": "no", "use_cpu": False, "debug": False,
    }  # fmt: skip
    config.write_text(json.dumps(settings))
    assert processes([*MULTI, "--num_processes", "4"]) == 4
    assert processes([*MULTI, "--num_processes=4"]) == 4
    assert processes(["--num_processes", "4", "--cpu"]) == 1  # accelerate starts one then
    assert processes(["--config_file", str(config)]) == 6
    for words, why in (
        (["--num_proceses", "4"], "unrecognized arguments: --num_proceses"),
        ([*MULTI, "--num_processes", "1"], "at least 2 processes"),
        (["--config_file", str(tmp_path / "none.yaml")], "does not exist"),
        (["--multi_gpu", "--num_processes", "4", "--num_machines", "2"], "2 machines"),
        (["--num_processes", "many"], "invalid int value: 'many'"),
    ):
        with pytest.raises(ConfigError, match=why):
            processes(words)
