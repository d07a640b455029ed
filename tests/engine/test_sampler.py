"""Drawing completions: what is recorded must be what the model says, whatever leaves the batch on the way."""

from __future__ import annotations

import pytest
import torch

from leadline.engine.logprobs import completion_logprobs
from leadline.engine.prompts import Prompts, prefill
from leadline.engine.sampler import SamplingConfig, sample, sample_many
from leadline.seeds import python_rng, torch_rng
from tiny import EOS, VOCABULARY, tiny_decoder

PROMPTS = [[2, 3, 4], [5], [6, 7, 8, 9, 2], [3, 3]]


def draw(temperature: float = 1.0, max_tokens: int = 20, seed: int = 0):  # type: ignore[no-untyped-def]
    model = tiny_decoder()
    rollouts = sample(
        model,
        Prompts.pad(PROMPTS),
        8,
        SamplingConfig(max_tokens, temperature),
        eos=EOS,
        generator=torch_rng(seed),
    )
    return model, rollouts


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_recorded_logprobs_are_those_of_one_plain_forward_per_row(temperature: float) -> None:
    model, rollouts = draw(temperature)
    assert rollouts.finished.float().mean() > 0.3  # else no row would ever have left the batch
    assert len(set(rollouts.lengths.tolist())) > 5
    for row, prompt in enumerate(PROMPTS[owner] for owner in rollouts.owner.tolist()):
        length = int(rollouts.lengths[row])
        tokens = torch.tensor([[*prompt, *rollouts.tokens[row, :length].tolist()]])
        with torch.no_grad():
            logprobs = (model.logits(model(tokens)[0]) / temperature).log_softmax(-1)[0]
        want = logprobs[len(prompt) - 1 : -1].gather(1, tokens[0, len(prompt) :, None])[:, 0]
        assert torch.allclose(rollouts.logprobs[row, :length], want, atol=1e-4)
        assert not rollouts.logprobs[row, length:].any()


def test_rows_end_at_their_first_eos_or_at_the_cap() -> None:
    _, rollouts = draw(max_tokens=12)
    for row, length in enumerate(rollouts.lengths.tolist()):
        tokens = rollouts.tokens[row].tolist()
        assert (tokens[length - 1] == EOS) == bool(rollouts.finished[row])
        assert EOS not in tokens[: length - 1]
        assert not any(tokens[length:])
        assert rollouts.finished[row] or length == 12
    assert not rollouts.finished.all()


def test_the_learner_computes_the_sampler_s_logprobs() -> None:
    model, rollouts = draw()
    logprobs, rows = completion_logprobs(
        model, rollouts.prompts, rollouts.owner, rollouts.tokens, rollouts.lengths, 1.0
    )
    assert torch.allclose(logprobs, rollouts.logprobs[rollouts.mask], atol=1e-4)
    assert torch.equal(rows, rollouts.mask.nonzero()[:, 0])


def test_sampling_follows_the_distribution() -> None:
    model = tiny_decoder()
    prompts = Prompts.pad([[2, 3]])
    with torch.no_grad():
        want = model.logits(prefill(model, prompts)[0])[0].softmax(-1)
    first = sample(model, prompts, 20_000, SamplingConfig(1), eos=EOS, generator=torch_rng(1)).tokens[:, 0]
    share = torch.bincount(first, minlength=VOCABULARY) / 20_000
    sigma = (want * (1 - want) / 20_000).sqrt()
    assert ((share - want).abs() < 4.5 * sigma + 1e-9).all()
    assert want.max() - want.min() > 0.05


def test_greedy_takes_the_likeliest_token() -> None:
    model, rollouts = draw(temperature=0)
    groups = rollouts.tokens.view(len(PROMPTS), 8, -1)
    assert (groups == groups[:, :1]).all()
    with torch.no_grad():
        first = model.logits(prefill(model, Prompts.pad(PROMPTS))[0]).argmax(-1)
    assert torch.equal(groups[:, 0, 0], first)


def test_same_seed_same_tokens_other_seed_others() -> None:
    assert torch.equal(draw(seed=3)[1].tokens, draw(seed=3)[1].tokens)
    a, b = draw(seed=3)[1].tokens, draw(seed=4)[1].tokens
    assert a.shape != b.shape or not torch.equal(a, b)


def test_many_prompts_come_in_order() -> None:
    asked = sample_many(
        tiny_decoder(), PROMPTS, 2, SamplingConfig(3), eos=EOS, generator=torch_rng(0), rows_at_once=4
    )
    parts = list(asked)
    assert [list(which) for which, _ in parts] == [[0, 1], [2, 3]]
    assert parts[1][1].prompts.lengths.tolist() == [5, 2]


def test_generators_depend_on_their_purpose_alone() -> None:
    assert python_rng(0, "a", 1).random() == python_rng(0, "a", 1).random()
    assert (
        len(
            {
                python_rng(*purpose).random()
                for purpose in [(0, "a", 1), (0, "a", 11), (1, "a", 1), (0, "b", 1)]
            }
        )
        == 4
    )
