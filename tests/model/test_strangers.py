"""Model directories of strangers: their code never runs, and what they claim is checked before memory is taken."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from leadline.errors import CheckpointError, DataError
from leadline.model import load_decoder, load_model, load_tokenizer
from leadline.model.chat_template import fill_template, render
from leadline.model.pretrained import check_directory, check_weights, load_causal_lm, load_config
from leadline.recipes.schema import Recipe
from leadline.runs.backends import open_run
from leadline.runs.backends.trl.checks import matrix_layers
from leadline.runs.model_directory import describe_model
from leadline.samplers import Sampling
from leadline.samplers.local import LocalSampler
from leadline.samplers.transformers import TransformersSampler
from leadline.types import Problem
from tiny_model import save_tiny_model


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("honest") / "model")


@pytest.fixture
def model(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "model"))


def change(path: Path, **keys: Any) -> None:
    raw = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in {**raw, **keys}.items() if v is not ...}))


LOADERS = {
    "our decoder": load_model,
    "transformers": load_causal_lm,
    "layers": matrix_layers,
    "sampler": lambda folder: TransformersSampler(folder, device="cpu"),
    "our sampler": LocalSampler,
}


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_a_directory_is_refused_by_name_and_never_runs(
    model: Path, tmp_path: Path, load: Any, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    (model / "evil.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'w')\nclass C: pass\n")
    change(
        model / file,
        auto_map={"AutoConfig": "evil.C", "AutoTokenizer": [None, "evil.C"]},
        tokenizer_class=...,
    )
    with pytest.raises(CheckpointError, match=rf"{file}: auto_map asks for code of its own"):
        load(model)
    assert not (tmp_path / "PWNED").exists()


def test_other_ways_to_bring_code_are_refused(model: Path) -> None:
    (model / "custom_generate").mkdir()
    (model / "custom_generate" / "generate.py").write_text("raise SystemExit")
    with pytest.raises(CheckpointError, match="custom_generate: code of its own"):
        check_directory(model)
    shutil.rmtree(model / "custom_generate")
    change(model / "config.json", _attn_implementation="somebody/kernels")
    with pytest.raises(CheckpointError, match="asks for code from the hub"):
        check_directory(model)
    change(model / "config.json", _attn_implementation=...)
    (model / "adapter_config.json").write_text('{"base_model_name_or_path": "elsewhere"}')
    with pytest.raises(CheckpointError, match="merge them first"):
        check_directory(model)


def test_the_command_line_never_asks(model: Path, tmp_path: Path) -> None:
    """With ``y`` on stdin, as a user would type it: refused in a line, with nothing run and nothing written."""
    (model / "evil.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'w')\n")
    change(model / "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "evil.T"]}, tokenizer_class="T")
    before = sorted(tmp_path.rglob("*"))
    for words in (["run", "quickstart", "--model", str(model), "--dry-run"], ["sample", str(model), "1+1"]):
        done = subprocess.run(
            [sys.executable, "-m", "leadline.cli.main", *words],
            input="y\n" * 9,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert "auto_map asks for code" in done.stderr
        assert "[y/N]" not in done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


WRONG = {
    "num_attention_heads": [0, -1, "4", 4.0, True, 10**9, None],
    "num_key_value_heads": ["x", 0, 3],
    "hidden_size": [10**7, "32", [], 0],
    "num_hidden_layers": [10**9, 3, 0, "2"],
    "vocab_size": [10**12, 5, "a"],
    "head_dim": ["32", 3, -8],
    "max_position_embeddings": [0, 10**12, "many"],
    "rope_theta": ["abc", 1e13, -1],
    "rope_parameters": ["abc", {"rope_theta": "x"}, {"rope_type": ["default"]}, 5],
    "layer_types": [5, [1], ["sliding_attention"]],
    "leadline_position": ["diagonal", 1],
    "model_type": [["llama"], None, 3, "evil"],
    "hidden_act": [["silu"], 5],
    "rms_norm_eps": ["x", -1, {}],
    "tie_word_embeddings": ["no", 1],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG.items() for value in values], ids=repr
)
def test_each_wrong_value_of_config_json_is_one_line(model: Path, key: str, value: Any) -> None:
    more = {"rope_parameters": ...} if key == "rope_theta" else {}
    change(model / "config.json", **more, **{key: value})
    with pytest.raises(CheckpointError) as refusal:
        load_decoder(model)
    assert all(str(model) in line and len(line) < 400 for line in refusal.value.problems)


@pytest.mark.parametrize(
    ("key", "value"),
    [("num_hidden_layers", -1), ("num_key_value_heads", 3), ("head_dim", -8), ("hidden_size", 64),
     ("model_type", "../../evil"), ("model_type", "abacus")],
)  # fmt: skip
def test_a_directory_that_nothing_could_run_is_refused_when_it_is_described(
    model: Path, key: str, value: Any
) -> None:
    change(model / "config.json", **{key: value})
    with pytest.raises(CheckpointError) as refused:
        describe_model(model)
    assert str(model) in str(refused.value)


def test_a_feature_of_transformers_alone_is_described(model: Path) -> None:
    change(model / "config.json", rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0})
    assert describe_model(model).engine.startswith("transformers (")


def test_of_a_directory_that_does_not_load_no_remarks_are_made(
    model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    change(model / "config.json", rope_parameters={"rope_type": "evil", "rope_theta": 1e4})
    with pytest.raises(CheckpointError):
        load_causal_lm(model)
    assert capfd.readouterr().err == ""


def test_a_deep_or_unreadable_config_is_one_line(model: Path) -> None:
    for content in (b"[" * 100_000, b"{", b"\xff\xfe", b"[]", b"null", b""):
        (model / "config.json").write_bytes(content)
        for load in (load_decoder, load_config, load_tokenizer, check_weights):
            with pytest.raises(CheckpointError, match=r"config\.json"):
                load(model)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_weights_that_are_no_numbers_are_refused(model: Path, bad: float) -> None:
    weights = load_file(model / "model.safetensors")
    weights["model.norm.weight"][3] = bad
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    run = Recipe.model_validate({"model": {"source": str(model)}, "data": {"world": {"name": "chain"}}})
    for load, given in ((load_decoder, model), (load_causal_lm, model), (open_run, run)):
        with pytest.raises(
            CheckpointError, match=r"model\.norm\.weight holds numbers that are NaN or infinite"
        ):
            load(given)


def test_packed_weights_are_refused(model: Path) -> None:
    weights = load_file(model / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"].to(torch.int8)
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    for load in (load_decoder, load_causal_lm):
        with pytest.raises(CheckpointError, match=r"model\.norm\.weight holds I8"):
            load(model)


def test_a_larger_model_than_its_weights_is_known_before_memory_is_taken(model: Path) -> None:
    change(model / "config.json", hidden_size=2**16, vocab_size=2**21, num_hidden_layers=1000)
    for load in (load_decoder, check_weights):
        with pytest.raises(CheckpointError, match=r"config\.json s"):
            load(model)


def test_prompts_without_a_position_left_are_refused(model: Path) -> None:
    long = Problem("long", "1" * 600, "1")
    for sampler in (LocalSampler(model), TransformersSampler(model, device="cpu")):
        with pytest.raises(
            DataError, match=r"problem 'long': its prompt has 6\d\d tokens, the model only 512"
        ):
            next(sampler.generate([Problem("short", "1", "1"), long], 1, Sampling(4)))


def test_an_empty_prompt_is_refused(tmp_path: Path) -> None:
    sampler = LocalSampler(save_tiny_model(tmp_path / "plain", chat=False))
    with pytest.raises(DataError, match="its prompt is empty"):
        sampler.answer("", Sampling(4))


# --- chat templates ---

TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "<1> & é?"}]


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}\n  {{ m.role }}: {{ m['content'] | trim }}\n{% endfor %}",
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ messages | tojson }}{% endif %}",
        "{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}{{ m.content }}{% endfor %}",
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
        "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}",
        "{% if tools %}x{% endif %}{% if add_generation_prompt %}<a>{% endif %}{{ {'a': 1} | tojson(indent=2) }}",
    ],
)
def test_a_template_gives_what_transformers_gives(honest: Path, template: str) -> None:
    tokenizer = load_tokenizer(honest)
    tokenizer.chat_template = template
    theirs = tokenizer.apply_chat_template(TURNS, tokenize=False, add_generation_prompt=True)
    assert fill_template(tokenizer, TURNS) == theirs


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ 'a' * 10**10 }}", "too much memory"),
        ("{{ '%10000000000d' % 1 }}", "memory"),
        ("{{ 'a' * 10**7 }}", "10,000,000 characters"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "processor time"),
        ("{{ 9 ** (9 ** 9) }}", "processor time"),
        ("{{ raise_exception('no system turn') }}", "no system turn"),
        ("{{ messages.__class__.__mro__ }}", "SecurityError"),
        ("{{ messages.append(1) }}", "SecurityError"),
        ("{% for %}", "TemplateSyntaxError"),
        ("{% include '/etc/passwd' %}", "Error"),
        ("{{ lipsum.__globals__['os'] }}", "SecurityError"),
        ("(" * 300_000, ""),
        ("{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}", ""),
        ("x" * (2**20 + 1), "1,048,577 characters"),
    ],
)
def test_a_template_costs_little_and_says_why_it_fails(template: str, reason: str) -> None:
    text, fault = render(template, TURNS, {})
    if reason:
        assert fault is not None
        assert reason in fault
    assert len(text) < 2**20
    assert render("{{ messages[0].role }}", TURNS, {}) == ("system", None)  # the next one is served


def test_a_forked_child_has_a_renderer_of_its_own() -> None:
    assert render("{{ 1 + 1 }}", [], {}) == ("2", None)
    code = """
        import os
        from leadline.model.chat_template import render
        assert render("{{ 1 + 1 }}", [], {}) == ("2", None)
        child = os.fork()
        for i in range(50):
            assert render("{{ a }}", [], {"a": f"{child} {i}"}) == (f"{child} {i}", None)
        if child:
            assert os.waitpid(child, 0)[1] == 0
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=120)


# --- the collection ---


def test_the_collection_of_hostile_directories(shared_data: Path, honest: Path, tmp_path: Path) -> None:
    hostile = [*sorted((shared_data / "strangers" / "models").iterdir())]
    hostile += [shared_data / "strangers" / name for name in ("evil_model", "evil_tokenizer")]
    weights = load_file(honest / "model.safetensors")
    for source in hostile:
        folder = Path(shutil.copytree(source, tmp_path / source.name))
        folder.chmod(0o755)
        if not (folder / "tokenizer.json").exists():
            shutil.copy(honest / "tokenizer.json", folder)
        numbers = {"nan_all": lambda t: t * math.nan, "int8": lambda t: t.to(torch.int8)}.get(source.name)
        save_file({k: numbers(t) if numbers else t for k, t in weights.items()}, folder / "model.safetensors")
        with pytest.raises(CheckpointError, match=source.name):
            LocalSampler(folder, problems=[Problem("p", "1+1?", "2")])
    assert not (tmp_path / "PWNED").exists()
