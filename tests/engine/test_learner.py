"""The learner against a naive reference: every row by itself, nothing shared, nothing packed, nothing skipped."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.engine.learner import Learner, reference_k1
from leadline.engine.logprobs import completion_logprobs
from leadline.engine.micro_batches import cut_rows, micro_batches
from leadline.engine.optimiser import Optimiser
from leadline.engine.prompts import Prompts
from leadline.engine.sampler import Rollouts, SamplingConfig, sample
from leadline.engine.supervised_trainer import Example, supervised_step
from leadline.errors import CheckpointError, TrainingError
from leadline.grpo.config import LossConfig
from leadline.model import Decoder
from leadline.model.packing import Packing
from leadline.recipes.schema import OptimiserConfig
from leadline.seeds import torch_rng
from tiny import EOS, tiny_decoder

PROMPTS = [[2, 3, 4], [5], [6, 7, 8, 9, 2], [3, 3]]
TEMPERATURE = 0.8


def rollouts_of(model: Decoder) -> Rollouts:
    config = SamplingConfig(14, TEMPERATURE)
    return sample(model, Prompts.pad(PROMPTS), 4, config, eos=EOS, generator=torch_rng(5))


def some_advantages(rollouts: Rollouts) -> torch.Tensor:
    advantage = torch.randn(len(rollouts.lengths), generator=torch.Generator().manual_seed(1))
    advantage[rollouts.owner == 1] = 0.0  # a group without signal
    return advantage


def naive_row(model: Decoder, prompt: list[int], completion: list[int]) -> torch.Tensor:
    tokens = torch.tensor([prompt + completion])
    logprobs = (model.logits(model(tokens)[0]) / TEMPERATURE).log_softmax(-1)[0, len(prompt) - 1 : -1]
    return logprobs.gather(1, torch.tensor(completion)[:, None])[:, 0]


def naive_gradients(
    model: Decoder, reference: Decoder, rollouts: Rollouts, advantage: torch.Tensor, beta: float
) -> dict[str, torch.Tensor]:
    """The token-mean policy gradient with k3 in the loss, written out row by row."""
    model = copy.deepcopy(model)
    total = torch.zeros(())
    for row in range(len(advantage)):
        prompt = PROMPTS[int(rollouts.owner[row])]
        completion = rollouts.tokens[row, : int(rollouts.lengths[row])].tolist()
        logp = naive_row(model, prompt, completion)
        total = total - (logp - logp.detach()).exp().mul(advantage[row]).sum()
        log_q = naive_row(reference, prompt, completion).detach() - logp
        total = total + beta * (log_q.exp() - log_q - 1).sum()
    (total / rollouts.lengths.sum()).backward()  # type: ignore[no-untyped-call]
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def learner_of(model: Decoder, config: LossConfig, reference: Decoder | None, micro_tokens: int) -> Learner:
    optimiser = Optimiser(model.named_parameters(), OptimiserConfig(), 10)
    return Learner(model, optimiser, config, TEMPERATURE, 14, micro_tokens, reference=reference)


@pytest.mark.parametrize("micro_tokens", [1, 60, 100_000])
@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_gradients_equal_the_naive_reference(micro_tokens: int, beta: float) -> None:
    model, reference = tiny_decoder(0), tiny_decoder(9)
    rollouts = rollouts_of(model)
    advantage = some_advantages(rollouts)
    want = naive_gradients(model, reference, rollouts, advantage, beta)
    config = LossConfig(kl="k3", beta=beta) if beta else LossConfig()
    learner = learner_of(model, config, reference if beta else None, micro_tokens)
    learner.accumulate(rollouts, advantage, torch.arange(len(advantage)))
    assert max(float(g.abs().max()) for g in want.values()) > 1e-2
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, want[name], atol=1e-5), name


def test_rows_without_signal_are_skipped_only_where_that_is_exact() -> None:
    model = tiny_decoder()
    rollouts = rollouts_of(model)
    advantage, rows = some_advantages(rollouts), torch.arange(16)
    plain = learner_of(model, LossConfig(), None, 1000)
    assert plain.rows_with_signal(advantage, rows).tolist() == [r for r in range(16) if r // 4 != 1]
    with_kl = learner_of(model, LossConfig(kl="k2", beta=0.1), tiny_decoder(3), 1000)
    assert len(with_kl.rows_with_signal(advantage, rows)) == 16


def test_a_batch_without_any_signal_changes_nothing() -> None:
    model = tiny_decoder()
    before = copy.deepcopy(model.state_dict())
    rollouts = rollouts_of(model)
    config = OptimiserConfig(weight_decay=0.0)
    learner = Learner(model, Optimiser(model.named_parameters(), config, 10), LossConfig(), 1.0, 14, 1000)
    update = learner.update(rollouts, torch.zeros(16), torch.ones(16, dtype=torch.bool), 0)
    assert update.computed_rows == 0
    assert update.loss == 0
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_several_updates_a_batch_use_the_sampler_s_logprobs_and_clip() -> None:
    model = tiny_decoder()
    rollouts = rollouts_of(model)
    optimiser = Optimiser(model.named_parameters(), OptimiserConfig(learning_rate=0.05, warmup=0), 10)
    learner = Learner(model, optimiser, LossConfig(), TEMPERATURE, 14, 1000, updates=2)
    update = learner.update(rollouts, some_advantages(rollouts), torch.ones(16, dtype=torch.bool), 0)
    assert update.clip_share > 0.05  # the second half of the batch is off-policy by one large step


def test_masked_rows_leave_loss_and_normaliser() -> None:
    model = tiny_decoder()
    rollouts = rollouts_of(model)
    advantage = some_advantages(rollouts)
    learner = learner_of(model, LossConfig(), None, 1000)
    keep = torch.arange(16)[rollouts.finished]
    assert 0 < len(keep) < 16
    share = learner.accumulate(rollouts, advantage, keep)
    assert share is not None
    want = -(advantage[keep] * rollouts.lengths[keep]).sum() / rollouts.lengths[keep].sum()
    assert math.isclose(float(share.loss), float(want), abs_tol=1e-5)  # on-policy every ratio is 1


def test_k1_of_whole_completions() -> None:
    model, reference = tiny_decoder(0), tiny_decoder(9)
    rollouts = rollouts_of(model)
    got = reference_k1(reference, rollouts, TEMPERATURE, 50)
    for row in (0, 5, 15):
        completion = rollouts.tokens[row, : int(rollouts.lengths[row])].tolist()
        prompt = PROMPTS[int(rollouts.owner[row])]
        want = naive_row(model, prompt, completion).sum() - naive_row(reference, prompt, completion).sum()
        assert math.isclose(float(got[row]), float(want), abs_tol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 4)), min_size=1, max_size=40),
    st.lists(st.integers(1, 80), min_size=5, max_size=5),
    st.integers(1, 400),
    st.booleans(),
)
def test_micro_batches_hold_every_row_once_and_keep_the_budget(
    rows: list[tuple[int, int]], prompts: list[int], budget: int, packs: bool
) -> None:
    lengths, owners = zip(*rows, strict=True)
    batches = cut_rows(lengths, owners, prompts, budget, packs)
    assert sorted(row for batch in batches for row in batch) == list(range(len(rows)))
    for batch in batches:
        used = {owners[row] for row in batch}
        padded = len(batch) * max(lengths[row] for row in batch) + len(used) * max(prompts[p] for p in used)
        tokens = sum(lengths[row] for row in batch) + sum(prompts[p] for p in used)
        assert (tokens if packs else padded) <= budget or len(batch) == 1


def test_where_pads_are_computed_long_prompts_keep_their_group_together_and_short_ones_do_not() -> None:
    lengths, owners = [4, 30, 5, 31, 6, 32], [0, 0, 1, 1, 2, 2]
    long = cut_rows(lengths, owners, [500, 500, 500], 600, packs=False)
    assert [sorted(owners[row] for row in batch) for batch in long] == [[2, 2], [1, 1], [0, 0]]
    short = cut_rows(lengths, owners, [1, 1, 1], 105, packs=False)
    assert sorted(short[0]) == [1, 3, 5]  # by length instead


def test_where_pads_are_not_computed_each_prompt_is_computed_once() -> None:
    lengths, owners = [4, 30, 5, 31, 6, 32], [0, 1, 2, 0, 1, 2]
    batches = cut_rows(lengths, owners, [1, 1, 1], 40, packs=True)
    assert [{owners[row] for row in batch} for batch in batches] == [{2}, {0}, {1}]
    tensors = [torch.tensor(column) for column in (lengths, owners, [1, 1, 1])]
    assert [rows.tolist() for rows in micro_batches(*tensors, 40)] == batches


def test_what_pads_are_left_out_changes_neither_log_probabilities_nor_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, prompts = tiny_decoder(), Prompts.pad(PROMPTS)
    owner, lengths = torch.arange(4).repeat_interleave(4), torch.tensor([1, 14, 3, 2] * 4)
    tokens = torch.randint(2, 10, (16, 14), generator=torch_rng(3))
    computed = []

    def results() -> tuple[torch.Tensor, ...]:
        model.zero_grad()
        logprobs, _ = completion_logprobs(model, prompts, owner, tokens, lengths, TEMPERATURE)
        (logprobs * torch.linspace(0, 1, len(logprobs))).sum().backward()  # type: ignore[no-untyped-call]
        return logprobs.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)

    with monkeypatch.context() as patch:
        patch.setattr(Packing, "of", lambda real: None)
        padded = results()
    model.layers[0].mlp.register_forward_hook(lambda mlp, inputs, _: computed.append(inputs[0].shape[:2]))
    for packed, want in zip(results(), padded, strict=True):
        torch.testing.assert_close(packed, want, rtol=1e-5, atol=1e-5)
    assert computed == [(1, sum(map(len, PROMPTS))), (1, int((lengths - 1).sum()))]


class TestSupervised:
    EXAMPLES = [Example([2, 3], [4, 5, 6, EOS]), Example([7], [8, EOS]), Example([2, 2, 2, 9], [3, EOS])]

    @pytest.mark.parametrize("micro_tokens", [1, 1000])
    def test_gradient_is_that_of_the_mean_log_likelihood_of_completion_tokens(
        self, micro_tokens: int
    ) -> None:
        model, naive = tiny_decoder(), tiny_decoder()
        total = torch.zeros(())
        for prompt, completion in self.EXAMPLES:
            tokens = torch.tensor([prompt + completion])
            logprobs = naive.logits(naive(tokens)[0]).log_softmax(-1)[0, len(prompt) - 1 : -1]
            total = total - logprobs.gather(1, torch.tensor(completion)[:, None]).sum()
        (total / 8).backward()  # type: ignore[no-untyped-call]

        class Recorder(Optimiser):
            def step(self, step, loss):  # type: ignore[no-untyped-def]
                self.seen = {name: p.grad.clone() for name, p in self.parameters.items()}
                return super().step(step, loss)

        optimiser = Recorder(model.named_parameters(), OptimiserConfig(), 10)
        loss, _ = supervised_step(model, optimiser, self.EXAMPLES, step=0, micro_tokens=micro_tokens)
        assert math.isclose(loss, float(total) / 8, abs_tol=1e-5)
        for name, parameter in naive.named_parameters():
            assert torch.allclose(optimiser.seen[name], parameter.grad, atol=1e-5), name


class TestOptimiser:
    def test_schedule(self) -> None:
        config = OptimiserConfig(warmup=0.2, decay="linear", floor=0.1)
        optimiser = Optimiser(tiny_decoder().named_parameters(), config, 10)
        # two warm-up steps (1/3, 2/3), then 1 falling by 0.9 / 8 a step
        got = [optimiser.learning_rate(step) for step in (0, 1, 2, 3, 9)]
        assert got == pytest.approx([1 / 3, 2 / 3, 1.0, 1 - 0.9 / 8, 1 - 0.9 * 7 / 8])
        cosine = Optimiser(
            tiny_decoder().named_parameters(), OptimiserConfig(warmup=0, decay="cosine", floor=0), 10
        )
        assert cosine.learning_rate(5) == pytest.approx(0.5)

    def test_a_non_finite_step_is_skipped_and_counted_and_three_stop_the_run(self) -> None:
        model = tiny_decoder()
        optimiser = Optimiser(model.named_parameters(), OptimiserConfig(), 10)
        before = copy.deepcopy(model.state_dict())

        def poison(loss: float, grad: float) -> None:
            for parameter in model.parameters():
                parameter.grad = torch.full_like(parameter, grad)
            optimiser.step(0, loss)

        poison(float("nan"), 1.0)
        poison(1.0, float("inf"))
        assert optimiser.skipped == 2
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
        poison(1.0, 1.0)  # a good one in between starts the count anew
        poison(float("inf"), 1.0)
        poison(float("inf"), 1.0)
        with pytest.raises(TrainingError, match="3 times in a row"):
            poison(float("inf"), 1.0)

    @pytest.mark.parametrize("name", ["adamw", "muon"])
    def test_state_round_trip_continues_bit_for_bit(self, name: str) -> None:
        config = OptimiserConfig(name=name)  # type: ignore[arg-type]
        examples = TestSupervised.EXAMPLES

        def go(model: Decoder, optimiser: Optimiser, steps: range) -> None:
            for step in steps:
                supervised_step(model, optimiser, examples, step=step, micro_tokens=100)

        whole = tiny_decoder()
        go(whole, Optimiser(whole.named_parameters(), config, 6), range(6))
        first = tiny_decoder()
        optimiser = Optimiser(first.named_parameters(), config, 6)
        go(first, optimiser, range(3))
        second = tiny_decoder(7)
        second.load_state_dict(first.state_dict())
        again = Optimiser(second.named_parameters(), config, 6)
        again.load_state(optimiser.state())
        go(second, again, range(3, 6))
        assert all(torch.equal(whole.state_dict()[n], t) for n, t in second.state_dict().items())

    def test_state_of_another_model_is_refused(self) -> None:
        optimiser = Optimiser(tiny_decoder().named_parameters(), OptimiserConfig(), 6)
        with pytest.raises(CheckpointError, match="is not a parameter"):
            optimiser.load_state({"nonsense|exp_avg": torch.zeros(1)})
