"""The decoder against transformers, and its cached step against its own forward."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from leadline.errors import CheckpointError
from leadline.model import (
    Decoder,
    DecoderConfig,
    KeyValueCache,
    build_tokenizer,
    load_decoder,
    load_tokenizer,
    save_decoder,
    selected_logprobs,
)
from leadline.model.linear import Linear
from leadline.model.pointwise import rms_norm, rotate

FAMILIES = ["llama", "qwen2", "qwen3"]


def small(family: str, **changes: object) -> Decoder:
    shape = {
        "family": family,
        "vocab_size": 50,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_layers": 3,
        "num_heads": 4,
        "num_kv_heads": 2,
        "head_dim": 8,
    }
    config = DecoderConfig(**(shape | changes))  # type: ignore[arg-type]
    model = Decoder(config).initialise(torch.Generator().manual_seed(1), scale=0.3)
    with torch.no_grad():  # biases and norms away from 0 and 1, so that dropping one shows
        for name, parameter in model.named_parameters():
            if name.endswith(("bias", "norm.weight")):
                parameter.add_(torch.linspace(-0.5, 0.5, parameter.numel()))
    return model


def logits(model: Decoder, tokens: torch.Tensor) -> torch.Tensor:
    return model.logits(model(tokens)[0])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tie", [False, True])
def test_a_saved_directory_loads_in_transformers_with_the_same_logits(
    family: str, tie: bool, tmp_path: Path
) -> None:
    model = small(family, tie_embeddings=tie, rope_theta=123.0)
    save_decoder(model, tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    tokens = torch.randint(50, (3, 17), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert torch.allclose(theirs(tokens).logits, logits(model, tokens), atol=1e-4)
        assert logits(model, tokens).std() > 0.1  # else agreement would say nothing


@pytest.mark.parametrize("family", FAMILIES)
def test_a_directory_saved_by_transformers_loads_with_the_same_logits(family: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        family,
        vocab_size=40,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=8,
        initializer_range=0.3,
    )
    theirs = AutoModelForCausalLM.from_config(config).eval()
    theirs.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1  # sharded
    ours = load_decoder(tmp_path)
    tokens = torch.randint(40, (2, 11), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        assert torch.allclose(theirs(tokens).logits, logits(ours, tokens), atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_cached_steps_equal_one_forward_with_left_padded_prompts(family: str) -> None:
    model = small(family)
    tokens = torch.randint(50, (2, 9), generator=torch.Generator().manual_seed(4))
    pad = 2  # the second row's prompt is two tokens shorter: pads stand on its left
    padded = tokens.clone()
    padded[1] = torch.cat((torch.zeros(pad, dtype=torch.long), tokens[1, : 9 - pad]))
    real = torch.ones(2, 9, dtype=torch.bool)
    real[1, :pad] = False
    positions = (real.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        reference = [logits(model, tokens[:1])[0], logits(model, tokens[1:, : 9 - pad])[0]]
        causal = torch.ones(5, 5, dtype=torch.bool).tril()
        mask = (causal & real[:, None, :5]) | torch.eye(5, dtype=torch.bool)
        _, past = model(padded[:, :5], positions[:, :5], mask=mask[:, None])
        cache = KeyValueCache(past, 1, room=4, real=real[:, :5])
        for column in range(5, 9):
            hidden = model.step(padded[:, column], positions[:, column], cache)
            assert torch.allclose(model.logits(hidden)[0], reference[0][column], atol=1e-4)
            assert torch.allclose(model.logits(hidden)[1], reference[1][column - pad], atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_groups_share_their_prompt_and_lines_may_leave_and_move(family: str) -> None:
    model = small(family)
    prompts = torch.randint(50, (2, 4), generator=torch.Generator().manual_seed(6))
    new = torch.randint(50, (6, 5), generator=torch.Generator().manual_seed(7))
    whole = torch.cat((prompts.repeat_interleave(3, 0), new), 1)
    with torch.no_grad():
        want = logits(model, whole)
        cache = KeyValueCache(model(prompts)[1], 3, room=5)
        lines = torch.arange(6)
        for column, keep in enumerate([None, [0, 5, 2, 3], None, [0, 3, 2], [2]]):
            if keep is not None:
                lines = lines[keep]
                cache.keep(torch.tensor(keep))
            hidden = model.step(new[lines, column], torch.full((len(lines),), 4 + column), cache)
            assert torch.allclose(model.logits(hidden), want[lines, 4 + column], atol=1e-4)


@pytest.mark.parametrize("bias", [False, True])
def test_products_and_their_gradients_are_those_of_torch(bias: bool) -> None:
    ours = Linear(7, 5, bias=bias)
    x = torch.randn(3, 4, 7, generator=torch.Generator().manual_seed(8), requires_grad=True)
    upstream = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(9))
    inputs = (x, *ours.parameters())
    theirs = torch.nn.functional.linear(x, ours.weight, ours.bias)
    assert torch.allclose(ours(x), theirs, atol=1e-6)
    for got, want in zip(
        torch.autograd.grad(ours(x), inputs, upstream),
        torch.autograd.grad(theirs, inputs, upstream),
        strict=True,
    ):
        assert torch.allclose(got, want, atol=1e-5)
    with torch.no_grad():
        assert torch.allclose(ours(x), theirs, atol=1e-6)


def test_norm_and_rotation_have_the_gradients_that_autograd_finds() -> None:
    generator = torch.Generator().manual_seed(10)
    x = torch.randn(2, 3, 5, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(8, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: rms_norm(a, b, 1e-3), (x, weight))
    want = torch.nn.functional.rms_norm(x, (8,), weight, 1e-3)
    assert torch.allclose(rms_norm(x, weight, 1e-3), want)
    angle = torch.rand(2, 1, 5, 4, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda a: rotate(a, (angle.cos(), angle.sin())), (x,))


def test_positions_none_and_learned_differ_from_rope() -> None:
    tokens = torch.arange(6)[None]
    outputs = [logits(small("llama", position=p), tokens) for p in ("rope", "none", "learned")]
    assert not torch.allclose(outputs[0], outputs[1], atol=1e-3)
    assert not torch.allclose(outputs[1], outputs[2], atol=1e-3)


@pytest.mark.parametrize("kept", [0, 1 << 22])
@pytest.mark.parametrize("chunk", [7, 1 << 22])
def test_selected_logprobs_and_gradients_equal_log_softmax(
    chunk: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    # the package exports the function under the module's name
    monkeypatch.setattr(sys.modules["leadline.model.logprobs"], "_CHUNK_ELEMENTS", chunk)
    monkeypatch.setattr(sys.modules["leadline.model.logprobs"], "_KEPT_ELEMENTS", kept)
    generator = torch.Generator().manual_seed(5)
    hidden = torch.randn(13, 6, generator=generator, requires_grad=True)
    weight = torch.randn(11, 6, generator=generator, requires_grad=True)
    targets = torch.randint(11, (13,), generator=generator)
    upstream = torch.randn(13, generator=generator)
    ours = selected_logprobs(hidden, weight, targets, 0.7)
    got = torch.autograd.grad(ours, (hidden, weight), upstream)
    theirs = (hidden @ weight.T / 0.7).log_softmax(-1).gather(1, targets[:, None])[:, 0]
    want = torch.autograd.grad(theirs, (hidden, weight), upstream)
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(got, want, strict=True))


class TestBadDirectories:
    def test_each_fault_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="no such directory"):
            load_decoder(tmp_path / "nowhere")
        with pytest.raises(CheckpointError, match=r"no config\.json"):
            load_decoder(tmp_path)
        (tmp_path / "config.json").write_text("{")
        with pytest.raises(CheckpointError, match="not JSON"):
            load_decoder(tmp_path)
        (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
        with pytest.raises(CheckpointError, match="'mamba' is not one of"):
            load_decoder(tmp_path)

    def test_missing_weights_and_misshapen_tensors(self, tmp_path: Path) -> None:
        model = small("llama")
        save_decoder(model, tmp_path)
        config = (tmp_path / "config.json").read_text()
        (tmp_path / "config.json").write_text(
            config.replace('"intermediate_size": 48', '"intermediate_size": 40')
        )
        with pytest.raises(CheckpointError) as fault:
            load_decoder(tmp_path)
        assert len(fault.value.problems) == 9  # gate, up and down of three layers, all at once
        (tmp_path / "model.safetensors").write_bytes(b"torn")
        with pytest.raises(CheckpointError, match="not a readable safetensors"):
            load_decoder(tmp_path)
        (tmp_path / "model.safetensors").unlink()
        (tmp_path / "pytorch_model.bin").write_bytes(b"")
        with pytest.raises(CheckpointError, match="is a pickle and is not read"):
            load_decoder(tmp_path)

    def test_features_that_would_change_the_logits_are_refused(self) -> None:
        raw = small("llama").config.to_huggingface()
        with pytest.raises(CheckpointError, match="rope type 'yarn'"):
            DecoderConfig.from_huggingface(raw | {"rope_parameters": {"rope_type": "yarn"}})
        with pytest.raises(CheckpointError, match="sliding-window"):
            DecoderConfig.from_huggingface(raw | {"use_sliding_window": True})


class TestTokenizer:
    def test_is_lossless_on_printable_text_and_keeps_pieces_whole(self) -> None:
        tokenizer = build_tokenizer([" a+1", " check", " a"])
        text = "<think> a+1=7 check\n a  x~{}</think>"
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids) == text
        assert tokenizer.convert_ids_to_tokens(ids)[:4] == ["<think>", " a+1", "=", "7"]

    def test_round_trip_through_a_directory(self, tmp_path: Path) -> None:
        tokenizer = build_tokenizer([" check"])
        save_decoder(small("llama"), tmp_path, tokenizer)
        again = load_tokenizer(tmp_path)
        assert again("<answer>1 check")["input_ids"] == tokenizer("<answer>1 check")["input_ids"]
        assert again.decode(again("a check")["input_ids"]) == "a check"

    def test_faults_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=r"no tokenizer\.json"):
            load_tokenizer(tmp_path)
        (tmp_path / "tokenizer.json").write_text("{}")
        with pytest.raises(CheckpointError, match="does not load"):
            load_tokenizer(tmp_path)
