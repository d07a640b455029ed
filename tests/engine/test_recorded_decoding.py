"""The recorded way of decoding against the plain one; on the CPU the same step runs without a recording."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from devices import each_device
from leadline.engine.draw import noise
from leadline.engine.prompts import Prompts
from leadline.engine.recorded_decoding import RecordedDecoder, Shape, decoder_for
from leadline.engine.sampler import SamplingConfig, decode_plainly
from leadline.model import Decoder
from leadline.seeds import torch_rng
from tiny import EOS, tiny_decoder

PROMPTS = [[2, 3, 4], [5], [6, 7, 8, 9, 2], [3, 3]]
GROUP = 8


def both_ways(model: Decoder, tokens: int, temperature: float = 1.0, seed: int = 0):  # type: ignore[no-untyped-def]
    prompts = Prompts.pad(PROMPTS, model.device)
    uniform = noise(len(PROMPTS) * GROUP, tokens, torch_rng(seed)).to(model.device)
    with torch.no_grad():
        shape = Shape.of(prompts, GROUP, tokens, temperature, EOS)
        recorded = RecordedDecoder(model, shape).decode(model, prompts, uniform)
        plain = decode_plainly(model, prompts, GROUP, SamplingConfig(tokens, temperature), EOS, uniform)
    return recorded, plain


@pytest.mark.parametrize(
    "changes",
    [
        {"family": "llama", "position": "rope"},
        {"family": "qwen2", "tie_embeddings": True},
        {"family": "qwen3", "position": "rope"},
        {"family": "llama", "position": "learned"},
        {"family": "llama", "position": "none", "num_kv_heads": 2},
    ],
    ids=lambda changes: "-".join(str(value) for value in changes.values()),
)
@pytest.mark.parametrize("temperature", [1.0, 0.7, 0.0])
@each_device
def test_both_ways_draw_the_same_tokens(changes: dict[str, object], temperature: float, device: str) -> None:
    recorded, plain = both_ways(tiny_decoder(**changes).to(device), 40, temperature)
    for name, got, want in zip(("tokens", "logprobs", "lengths", "finished"), recorded, plain, strict=True):
        assert torch.allclose(got.float(), want.float(), atol=1e-4), name
    assert temperature == 0.0 or len(set(plain[2].tolist())) > 5  # else nothing would have left on the way


@each_device
def test_fewer_lines_take_over_as_rows_end(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.engine.recorded_decoding._FEWEST", 2)
    monkeypatch.setattr("leadline.engine.recorded_decoding._LOOK", 2)
    model = tiny_decoder().to(device)
    prompts = Prompts.pad(PROMPTS, device)
    uniform = noise(32, 60, torch_rng(1)).to(device)
    decoder = RecordedDecoder(model, Shape.of(prompts, GROUP, 60, 1.0, EOS))
    with torch.no_grad():
        recorded = decoder.decode(model, prompts, uniform)
        plain = decode_plainly(model, prompts, GROUP, SamplingConfig(60), EOS, uniform)
    assert sorted(decoder._recordings)[-3:] == [8, 16, 32]
    assert all(torch.allclose(a.float(), b.float(), atol=1e-4) for a, b in zip(recorded, plain, strict=True))


@each_device
def test_a_second_batch_finds_nothing_of_the_first(device: str) -> None:
    model, shape = tiny_decoder().to(device), None
    for prompts, seed in ((PROMPTS, 0), ([[4], [2, 2], [9, 8, 7], [3]], 1)):
        batch = Prompts.pad(prompts, device)
        shape = Shape.of(batch, GROUP, 30, 1.0, EOS)
        uniform = noise(32, 30, torch_rng(seed)).to(device)
        with torch.no_grad():
            got = decoder_for(model, shape).decode(model, batch, uniform)
            want = decode_plainly(model, batch, GROUP, SamplingConfig(30), EOS, uniform)
        assert torch.equal(got[0], want[0])
    assert decoder_for(model, shape) is decoder_for(model, shape)


class ReadsBack(TorchDispatchMode):
    """Notes every operation that would make the host wait for a number, which no recording can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if func.overloadpacket.__name__ in (
            "_local_scalar_dense",
            "nonzero",
            "masked_select",
            "equal",
            "item",
        ):
            self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


def test_the_recorded_step_reads_nothing_back() -> None:
    model, prompts = tiny_decoder(), Prompts.pad(PROMPTS)
    decoder = RecordedDecoder(model, Shape.of(prompts, GROUP, 10, 1.0, EOS))
    with torch.no_grad():
        lines = decoder._begin(model, prompts, noise(32, 10, torch_rng(0)))
        with ReadsBack() as mode:
            decoder._advance(model, lines)
        assert not mode.seen
        with ReadsBack() as mode:  # what it looks for is there to be found
            lines.token[torch.tensor(0)]
        assert mode.seen


def test_weights_that_have_moved_are_recorded_anew() -> None:
    model = tiny_decoder()
    shape = Shape(4, 2, 32, 10, 1.0, EOS)
    first = decoder_for(model, shape)
    model.to(torch.float64).to(torch.float32)
    assert decoder_for(model, shape) is not first


def test_recordings_of_two_shapes_are_kept_and_the_older_one_goes() -> None:
    model = tiny_decoder()
    one, two, three = (Shape(4, 2, 32, tokens, 1.0, EOS) for tokens in (10, 11, 12))
    first, second = decoder_for(model, one), decoder_for(model, two)
    assert decoder_for(model, one) is first
    decoder_for(model, three)
    assert decoder_for(model, one) is first
    assert decoder_for(model, two) is not second


def test_what_a_row_draws_is_its_own() -> None:
    """Neither the other prompts of the batch nor the rows that have left change it."""
    model = tiny_decoder()
    uniform = noise(32, 40, torch_rng(2))
    with torch.no_grad():
        together = decode_plainly(model, Prompts.pad(PROMPTS), GROUP, SamplingConfig(40), EOS, uniform)
        for index, prompt in enumerate(PROMPTS):
            rows = slice(index * GROUP, (index + 1) * GROUP)
            alone = decode_plainly(
                model, Prompts.pad([prompt]), GROUP, SamplingConfig(40), EOS, uniform[rows]
            )
            width = alone[0].shape[1]
            assert torch.equal(together[0][rows, :width], alone[0])
            assert not together[0][rows, width:].any()
