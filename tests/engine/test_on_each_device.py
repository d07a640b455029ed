"""The engine on a CUDA device, beside the CPU: bfloat16 against float32, learning, resuming, adapters."""

from __future__ import annotations

import copy

import pytest
import torch

from devices import each_device, needs_cuda
from leadline.engine.learner import Learner
from leadline.engine.logprobs import completion_logprobs
from leadline.engine.lora import Lora
from leadline.engine.optimiser import Optimiser
from leadline.engine.prompts import Prompts
from leadline.engine.sampler import Rollouts, SamplingConfig, sample
from leadline.grpo.config import LossConfig
from leadline.model import Decoder, DecoderConfig
from leadline.recipes.schema import LoraConfig, OptimiserConfig
from leadline.seeds import torch_rng
from tiny import EOS, tiny_decoder

PROMPTS = [[2, 3, 4], [5], [6, 7, 8, 9, 2], [3, 3]]


def rollouts_of(model: Decoder, seed: int = 0, tokens: int = 24) -> Rollouts:
    device = model.device
    generator = torch_rng(seed, device=device)
    return sample(
        model, Prompts.pad(PROMPTS, device), 8, SamplingConfig(tokens), eos=EOS, generator=generator
    )


def advantages(rollouts: Rollouts, seed: int = 1) -> torch.Tensor:
    values = torch.randn(len(rollouts.lengths), generator=torch.Generator().manual_seed(seed))
    values[8:16] = 0.0  # a group without signal
    return values.to(rollouts.lengths.device)


def learner_of(model: Decoder, micro_tokens: int = 10_000) -> Learner:
    optimiser = Optimiser(model.named_parameters(), OptimiserConfig(learning_rate=1e-2), 10)
    return Learner(model, optimiser, LossConfig(), 1.0, 24, micro_tokens)


def step(learner: Learner, index: int) -> None:
    rollouts = rollouts_of(learner.model, index)
    learner.update(rollouts, advantages(rollouts, index), torch.ones_like(rollouts.finished), index)


@each_device
def test_recorded_logprobs_are_the_learner_s(device: str) -> None:
    model = tiny_decoder().to(device)
    rollouts = rollouts_of(model)
    assert rollouts.finished.float().mean() > 0.2
    got, _ = completion_logprobs(
        model, rollouts.prompts, rollouts.owner, rollouts.tokens, rollouts.lengths, 1.0
    )
    assert torch.allclose(got, rollouts.logprobs[rollouts.mask], atol=1e-4)


@each_device
@pytest.mark.parametrize("micro_tokens", [40, 10_000])
def test_the_gradient_is_that_of_the_cpu_in_double_precision(device: str, micro_tokens: int) -> None:
    model = tiny_decoder()
    rollouts = rollouts_of(model)
    advantage = advantages(rollouts)
    exact = learner_of(copy.deepcopy(model).double())
    exact.accumulate(rollouts, advantage, torch.arange(32))
    exact.optimiser.collect()
    moved = Rollouts(
        Prompts(rollouts.prompts.tokens.to(device), rollouts.prompts.real.to(device)),
        *(
            tensor.to(device)
            for tensor in (
                rollouts.owner, rollouts.tokens, rollouts.lengths, rollouts.finished, rollouts.logprobs,
            )
        ),
    )  # fmt: skip
    learner = learner_of(model.to(device), micro_tokens)
    learner.accumulate(moved, advantage.to(device), torch.arange(32, device=device))
    wanted = exact.optimiser.gradients()
    for name, grad in learner.optimiser.gradients().items():
        assert torch.allclose(grad.cpu().double(), wanted[name], atol=1e-4), name
    assert max(float(grad.abs().max()) for grad in wanted.values()) > 1e-3


@each_device
def test_bfloat16_follows_float32(device: str) -> None:
    """Log-probabilities and gradients of rounded weights, against the same rounded weights in float32."""
    shape = {"vocab_size": 300, "hidden_size": 64, "intermediate_size": 128, "num_layers": 4, "num_heads": 4}
    config = DecoderConfig(**shape, num_kv_heads=2, head_dim=16)  # type: ignore[arg-type]
    rounded = Decoder(config).initialise(torch.Generator().manual_seed(0), scale=0.1).to(torch.bfloat16)
    exact = copy.deepcopy(rounded).float().to(device)
    rounded = rounded.to(device)
    rollouts = rollouts_of(rounded)
    got, _ = completion_logprobs(
        rounded, rollouts.prompts, rollouts.owner, rollouts.tokens, rollouts.lengths, 1.0
    )
    want, _ = completion_logprobs(
        exact, rollouts.prompts, rollouts.owner, rollouts.tokens, rollouts.lengths, 1.0
    )
    assert (got - want).abs().max() < 0.1
    assert (got - want).abs().mean() < 0.02
    assert (rollouts.logprobs[rollouts.mask] - want).abs().mean() < 0.02
    learners = learner_of(rounded), learner_of(exact)
    for learner in learners:
        learner.accumulate(rollouts, advantages(rollouts), torch.arange(32, device=device))
    ours, theirs = (
        torch.cat([grad.flatten().float() for grad in learner.optimiser.gradients().values()])
        for learner in learners
    )
    assert torch.cosine_similarity(ours, theirs, 0) > 0.99


@each_device
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_stopped_and_continued_is_the_same_to_the_bit(device: str, dtype: torch.dtype) -> None:
    whole = learner_of(tiny_decoder().to(device, dtype))
    for index in range(5):
        step(whole, index)
    first = learner_of(tiny_decoder().to(device, dtype))
    for index in range(3):
        step(first, index)
    saved = {name: tensor.clone() for name, tensor in first.model.state_dict().items()}
    second = learner_of(tiny_decoder(7).to(device, dtype))
    second.model.load_state_dict(saved)
    second.optimiser.load_state({name: t.clone() for name, t in first.optimiser.state().items()})
    for index in range(3, 5):
        step(second, index)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name
    assert not torch.equal(whole.model.lm_head.weight, saved["lm_head.weight"])


@each_device
def test_steps_too_small_for_bfloat16_add_up(device: str) -> None:
    model = tiny_decoder().to(device, torch.bfloat16)
    before = model.lm_head.weight.detach().float().clone()
    optimiser = Optimiser(model.named_parameters(), OptimiserConfig(learning_rate=1e-5, warmup=0), 1000)
    for _ in range(200):
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimiser.step(0, 1.0)
    moved = (before - model.lm_head.weight.detach().float()).mean()
    assert moved == pytest.approx(200 * 1e-5, rel=0.3)


@each_device
def test_adapters_learn_and_sample(device: str) -> None:
    model = tiny_decoder().to(device)
    lora = Lora(model, LoraConfig(rank=2, alpha=8.0), 0)
    frozen = {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}
    learner = learner_of(model)
    before = rollouts_of(model, 9).logprobs
    for index in range(3):
        step(learner, index)
    assert all(torch.equal(dict(model.named_parameters())[name], kept) for name, kept in frozen.items())
    after = rollouts_of(model, 9)
    got, _ = completion_logprobs(model, after.prompts, after.owner, after.tokens, after.lengths, 1.0)
    assert torch.allclose(got, after.logprobs[after.mask], atol=1e-4)
    assert before.shape != after.logprobs.shape or not torch.allclose(before, after.logprobs)
    merged = rollouts_of(lora.merge(), 9)
    assert torch.equal(merged.tokens, after.tokens)
    assert torch.allclose(merged.logprobs, after.logprobs, atol=1e-4)


@needs_cuda
def test_a_recording_outlives_an_update() -> None:
    """Weights change in place: what is sampled next must be from the new ones."""
    model = tiny_decoder().to("cuda")
    first = rollouts_of(model)
    with torch.no_grad():
        model.lm_head.weight.mul_(-1.0)
    second = rollouts_of(model)
    got, _ = completion_logprobs(model, second.prompts, second.owner, second.tokens, second.lengths, 1.0)
    assert torch.allclose(got, second.logprobs[second.mask], atol=1e-4)
    assert first.tokens.shape != second.tokens.shape or not torch.equal(first.tokens, second.tokens)
