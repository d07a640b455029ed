"""An answer ends where the model has no position left: it is cut off, told of, and nothing fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from leadline.errors import DataError
from leadline.model import save_decoder
from leadline.model.tokenizer import build_tokenizer
from leadline.samplers import Sampler, Sampling
from leadline.samplers.local import LocalSampler
from leadline.samplers.transformers import TransformersSampler
from leadline.types import Problem
from tiny import tiny_decoder

POSITIONS = 40
SHORT, LONG = Problem("short", "1 + 1?", "2"), Problem("long", "1 + 1 + 1 + 1 + 1 + 1?", "6")


@pytest.fixture(params=["rotary", "learned"])
def sampler(request: pytest.FixtureRequest, tmp_path: Path) -> Sampler:
    """A model whose answers hardly ever end; one with learned positions has nothing to add beyond them."""
    tokenizer, folder = build_tokenizer([]), tmp_path / "model"
    folder.mkdir()
    if request.param == "rotary":
        decoder = tiny_decoder(vocab_size=len(tokenizer), max_positions=POSITIONS)
        save_decoder(decoder, folder, tokenizer)
        return LocalSampler(folder, device="cpu", batch_size=4)
    end = tokenizer.eos_token_id
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=POSITIONS, n_embd=16, n_layer=1, n_head=2,
        bos_token_id=end, eos_token_id=end,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return TransformersSampler(folder, device="cpu", batch_size=4)


def test_answers_end_where_the_positions_do(sampler: Sampler) -> None:
    with pytest.warns(UserWarning, match=r"end before the 500 tokens .* the model has 40 positions"):
        draws = list(sampler.generate([SHORT, LONG], 8, Sampling(max_tokens=500, seed=1)))
    assert len(draws) == 16
    for draw in draws:
        prompt = SHORT if draw.completion.problem_id == "short" else LONG
        assert len(prompt.prompt) + draw.completion.n_tokens <= POSITIONS
    assert any(not draw.completion.finished for draw in draws)


def test_a_prompt_without_room_for_any_answer_is_refused(sampler: Sampler) -> None:
    with pytest.raises(DataError, match="only 40 positions"):
        list(sampler.generate([Problem("x", "1" * POSITIONS, "2")], 1, Sampling(max_tokens=4)))
