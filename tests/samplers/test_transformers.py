"""The transformers engine on a real tiny checkpoint: what it draws, how it counts, what it refuses."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from leadline.errors import CheckpointError, ConfigError, DataError, MissingExtra
from leadline.samplers import Prompting, Sampling
from leadline.samplers.transformers import TransformersSampler
from leadline.samplers.vllm import VllmSampler
from leadline.types import Message, Problem
from tiny_model import save_tiny_model

SHORT, LONG = Problem("short", "1+1?", "2"), Problem("long", "what is 12 + 30?", "42")


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("plain"), chat=False)


@pytest.fixture(scope="module")
def sampler(plain) -> TransformersSampler:
    return TransformersSampler(plain, batch_size=512, device="cpu")


@pytest.fixture(scope="module")
def reference(plain):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(plain).eval(), AutoTokenizer.from_pretrained(plain)


def test_first_tokens_follow_the_tempered_distribution_of_each_prompt(sampler, reference) -> None:
    """Prompts of two lengths share every batch; each is compared with the model run on it alone, unpadded."""
    model, tokenizer = reference
    draws = list(sampler.generate([SHORT, LONG], 3000, Sampling(1, temperature=0.7, seed=11)))
    for problem in (SHORT, LONG):
        ids = tokenizer(problem.prompt, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            law = torch.softmax(model(ids).logits[0, -1].double() / 0.7, -1).numpy()
        names = [tokenizer.decode([i], skip_special_tokens=False) for i in range(len(law))]
        names[tokenizer.eos_token_id] = ""
        mine = Counter(draw.completion.text for draw in draws if draw.completion.problem_id == problem.id)
        observed = np.array([mine[name] for name in names], float)
        assert observed.sum() == 3000
        assert stats.chisquare(observed, law / law.sum() * 3000).pvalue > 1e-4


def test_greedy_is_what_the_model_says_step_by_step(sampler, reference) -> None:
    model, tokenizer = reference
    draws = {
        d.completion.problem_id: d.completion
        for d in sampler.generate([SHORT, LONG], 1, Sampling(8, temperature=0))
    }
    for problem in (SHORT, LONG):
        ids = tokenizer(problem.prompt, return_tensors="pt")["input_ids"]
        start = ids.shape[1]
        with torch.no_grad():
            while ids.shape[1] < start + 8 and ids[0, -1] != tokenizer.eos_token_id:
                ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
        row = ids[0, start:].tolist()
        ended = row[-1] == tokenizer.eos_token_id
        found = draws[problem.id]
        assert found.text == tokenizer.decode(row[:-1] if ended else row)
        assert (found.n_tokens, found.finished) == (len(row), ended)


def test_every_sample_once_whatever_is_done_and_lengths_add_up(sampler, reference) -> None:
    _, tokenizer = reference
    small = TransformersSampler(sampler.name, batch_size=3, device="cpu")
    done = {("short", 0), ("long", 4)}
    draws = list(small.generate([LONG, SHORT], 5, Sampling(9, seed=2), done=done))
    expected = {(name, i) for name in ("short", "long") for i in range(5)} - done
    assert sorted(draw.key for draw in draws) == sorted(expected)
    ends = 0
    for draw in draws:
        written = len(tokenizer(draw.completion.text)["input_ids"])
        ends += draw.completion.finished
        if draw.completion.finished:
            assert draw.completion.n_tokens == written + 1 <= 9
        else:
            assert draw.completion.n_tokens == written == 9
    assert ends > 0


def test_same_seed_same_samples_and_the_callers_generator_is_left_alone(sampler) -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()

    def texts(seed):
        return [d.completion.text for d in sampler.generate([SHORT, LONG], 4, Sampling(9, seed=seed))]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)
    assert torch.equal(before, torch.random.get_rng_state())


def test_min_p_and_top_p_cut_the_tail(sampler, reference) -> None:
    model, tokenizer = reference
    with torch.no_grad():
        law = torch.softmax(
            model(tokenizer(SHORT.prompt, return_tensors="pt")["input_ids"]).logits[0, -1], -1
        )
    likely = {tokenizer.decode([i]) for i in (law >= 0.9 * law.max()).nonzero()[:, 0].tolist()}
    likely |= {"" for i in [tokenizer.eos_token_id] if law[i] >= 0.9 * law.max()}
    drawn = {d.completion.text for d in sampler.generate([SHORT], 400, Sampling(1, min_p=0.9))}
    assert drawn <= likely
    assert len(drawn) < len(law) / 2
    narrow = {d.completion.text for d in sampler.generate([SHORT], 400, Sampling(1, top_p=0.02))}
    assert len(narrow) <= 4


def test_chat_template_system_turn_and_prompt_template(tmp_path, plain) -> None:
    folder = save_tiny_model(tmp_path / "chat")
    prompting = Prompting(system="Be brief.", template="{prompt} Box it.")
    chat = TransformersSampler(folder, device="cpu", prompting=prompting)
    decode = chat._tokenizer.decode
    assert decode(chat._encode(SHORT)) == "system: Be brief.\nuser: 1+1? Box it.\nassistant: "
    turns = Problem(
        "t", "b", "2", messages=(Message("user", "a"), Message("assistant", "?"), Message("user", "b"))
    )
    assert decode(chat._encode(turns)) == "system: Be brief.\nuser: a\nassistant: ?\nuser: b\nassistant: "
    bare = TransformersSampler(plain, device="cpu", prompting=prompting)
    assert decode(bare._encode(SHORT)) == "Be brief.\n\n1+1? Box it."
    with pytest.raises(
        DataError, match=r"problem 't' is given as chat turns, and the tokenizer of .* has no chat template"
    ):
        list(bare.generate([turns], 1, Sampling(4)))


def test_what_is_no_checkpoint_is_refused(tmp_path, plain, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CheckpointError, match=r"no config.json"):
        TransformersSampler(empty)
    bare = tmp_path / "bare"
    shutil.copytree(plain, bare)
    (bare / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no \*.safetensors in it, so no weights"):
        TransformersSampler(bare)
    torn = tmp_path / "torn"
    shutil.copytree(plain, torn)
    (torn / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="not a readable safetensors file"):
        TransformersSampler(torn)
    endless = tmp_path / "endless"
    shutil.copytree(plain, endless)
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        content = json.loads((endless / name).read_text())
        content = {key: value for key, value in content.items() if key not in ("eos_token_id", "eos_token")}
        (endless / name).write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="end-of-sequence"):
        TransformersSampler(endless)


def test_vllm_is_named_where_it_is_missing(plain) -> None:
    if "vllm" in sys.modules or __import__("importlib.util").util.find_spec("vllm"):
        pytest.skip("vLLM is installed here")
    with pytest.raises(MissingExtra, match="vLLM is not installed"):
        VllmSampler(plain)


def test_probabilities_that_are_no_numbers_are_refused(plain: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(plain, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(config | {"rms_norm_eps": -1.0})
    )  # the root of a negative number
    sampler = TransformersSampler(folder, device="cpu")
    with pytest.raises(CheckpointError, match="no numbers"):
        list(sampler.generate([SHORT], 2, Sampling(4)))


def test_room_for_a_completion_is_bounded() -> None:
    with pytest.raises(ConfigError, match="max_tokens must lie between 1 and 1,048,576"):
        Sampling(10**15)
