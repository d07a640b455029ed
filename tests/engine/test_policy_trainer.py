"""The reinforcement-learning loop with a model that has something to learn.

Resuming, the best checkpoint, what a setting does to an update. Each test was seen to fail with the fault in the code
that its name rules out.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from leadline.engine.learner import Learner, reference_k1
from leadline.engine.lift import Answers, Lift, failed_problems
from leadline.engine.optimiser import Optimiser
from leadline.engine.policy_trainer import PolicyTrainer
from leadline.engine.prompts import Prompts
from leadline.engine.sampler import SamplingConfig, sample
from leadline.engine.scored_batch import weighed
from leadline.engine.signals import Interrupts
from leadline.errors import Interrupted
from leadline.grpo.config import AdvantageConfig, LossConfig
from leadline.grpo.weighing import Weigher
from leadline.model import Decoder, DecoderConfig, build_tokenizer
from leadline.model.codec import Codec
from leadline.recipes.schema import OptimiserConfig, PolicyConfig
from leadline.rewards import Scorer
from leadline.seeds import torch_rng
from leadline.storage.checkpoints import Checkpoints
from leadline.storage.run_directory import RunReader, RunWriter
from leadline.types import Completion, Problem, Score

PROBLEMS = [Problem(f"p{i}", f"{i}+1=", str(i + 1)) for i in range(4)]
MANY = [Problem(f"p{i}", f"{i}+1=", str(i + 1)) for i in range(16)]
POLICY: dict[str, Any] = {
    "steps": 4, "prompts": 4, "group_size": 6, "max_tokens": 8, "checkpoint_every": 2, "validate_every": 100,
    "optimiser": {"learning_rate": 0.01, "warmup": 0.0},
}  # fmt: skip


class DigitsPay:
    """A reward that a random model earns now and then: a completion with more than two digits is right."""

    def __init__(self) -> None:
        self.all_alike: bool | None = None

    def score(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[Score]:
        verdicts = [
            sum(c.isdigit() for c in completion.text) > 1 if self.all_alike is None else self.all_alike
            for completion in completions
        ]
        return [
            Score(
                right,
                "match" if right else "mismatch",
                None,
                completion.n_tokens,
                parts={"accuracy": float(right)},
            )
            for right, completion in zip(verdicts, completions, strict=True)
        ]


def new_decoder(vocabulary: int, seed: int = 0) -> Decoder:
    shape = DecoderConfig(
        vocab_size=vocabulary, hidden_size=16, intermediate_size=24, num_layers=1, num_heads=2, num_kv_heads=2,
        head_dim=8,
    )  # fmt: skip
    return Decoder(shape).initialise(torch.Generator().manual_seed(seed), scale=0.2)


def make_trainer(
    folder: Path,
    writer: RunWriter,
    loss: LossConfig | None = None,
    reference: bool = False,
    lift: Answers | None = None,
    advantage: AdvantageConfig | None = None,
    **changes: Any,
) -> PolicyTrainer:
    config = PolicyConfig.model_validate(POLICY | changes)
    tokenizer = build_tokenizer([])
    model = new_decoder(len(tokenizer))
    learner = Learner(
        model,
        Optimiser(model.named_parameters(), config.optimiser, config.steps),
        loss or LossConfig(),
        config.temperature,
        config.max_tokens,
        4096,
        config.updates,
        new_decoder(len(tokenizer), seed=7) if reference else None,
    )
    return PolicyTrainer(
        "arm", 3, learner, Codec(tokenizer), config, advantage or AdvantageConfig(), DigitsPay(),
        lambda step: PROBLEMS if config.select == "none" else MANY, PROBLEMS[:2], writer, Checkpoints(folder),
        lift=Lift(lift, Codec(tokenizer), 5, config.max_tokens) if lift else None,
    )  # fmt: skip


def reference_answers(failed: Sequence[Problem], step: int) -> list[tuple[Problem, str]]:
    return [(problem, problem.answer) for problem in failed]


def always_answers(failed: Sequence[Problem], step: int) -> list[tuple[Problem, str]]:
    return reference_answers(PROBLEMS, step)


trainer_of = make_trainer


def weights(trainer: PolicyTrainer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.learner.model.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def numbers(root: Path) -> list[dict[str, Any]]:
    clocks = ("seconds", "sampling_seconds", "tokens_per_second")
    return [{k: v for k, v in row.items() if k not in clocks} for row in RunReader(root).metrics()]


MOVING = AdvantageConfig.concise(control_gain=2.0)
"""A length term that is another one after each batch of this tiny world."""


@pytest.mark.parametrize(
    "change",
    [{}, {"select": "window"}, {"select": "refill"}, {"lift": always_answers}, {"advantage": MOVING}],
    ids=["plain", "window", "refill", "lift", "concise"],
)
def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    trainer_of = functools.partial(make_trainer, **change)
    with RunWriter(tmp_path / "whole") as writer:
        whole = trainer_of(tmp_path / "whole" / "c", writer)
        first = weights(whole)
        whole.run(Interrupts())
    rows = numbers(tmp_path / "whole")
    assert all(row["grad_norm"] > 0 for row in rows), "every step has something to learn"
    assert not same(first, weights(whole))
    for row in rows:
        tokens, live = row["mean_tokens"] * row["completions"], row["live"] * row["groups"]
        assert row["live_per_ktoken"] == pytest.approx(1000 * live / tokens)
    if "advantage" in change:
        assert rows[-1]["length_alpha"] not in [row["length_alpha"] for row in rows[:-1]], (
            "the controller moves"
        )
    assert not change.get("lift") or (
        whole.lift and whole.lift.queue and any(row["imitated"] for row in rows)
    )

    with RunWriter(tmp_path / "stopped") as writer:
        before = trainer_of(tmp_path / "stopped" / "c", writer)
        interrupts = Interrupts()
        before.on_step = lambda row: setattr(interrupts, "requested", row["step"] == 3)
        with pytest.raises(Interrupted):
            before.run(interrupts)
    state = load_file(tmp_path / "stopped" / "c" / "step-000003" / "optimizer.safetensors")
    assert sum(tensor.numel() for tensor in state.values()) > sum(
        p.numel() for p in before.learner.model.parameters()
    )
    with RunWriter(tmp_path / "stopped", resume=True) as writer:
        after = trainer_of(tmp_path / "stopped" / "c", writer)
        after.run(Interrupts())
    assert same(weights(whole), weights(after))
    assert numbers(tmp_path / "stopped") == rows


def test_answers_to_failed_problems_are_imitated_a_batch_at_a_time(tmp_path: Path) -> None:
    """All wrong: no signal, so that whatever moves is imitation; four fail a step, and five make a batch."""
    with RunWriter(tmp_path / "run") as writer:
        trainer = trainer_of(tmp_path / "c", writer, lift=reference_answers, steps=6)
        assert isinstance(trainer.scorer, DigitsPay)
        trainer.scorer.all_alike = False
        before = weights(trainer)
        trainer._step(0)
        assert same(before, weights(trainer))
        assert trainer.lift is not None
        assert [len(example.completion) for example in trainer.lift.queue] == [2] * 4  # a digit and the end
        trainer._step(1)
        assert not same(before, weights(trainer))
        assert len(trainer.lift.queue) == 3
    assert [row["imitated"] for row in numbers(tmp_path / "run")] == [0, 5]


def test_a_problem_failed_when_it_was_graded_and_never_right() -> None:
    def scored(*verdicts: tuple[int, bool | None]) -> list[str]:
        problems = [PROBLEMS[index] for index, _ in verdicts]
        scores = [Score(right, "", None, 1) for _, right in verdicts]
        return [problem.id for problem in failed_problems(problems, scores)]

    assert scored((0, False), (0, False), (1, False), (1, True), (2, None), (2, None), (3, None), (3, False)) == [
        "p0", "p3"
    ]  # fmt: skip


def test_answers_beyond_the_cap_are_left_out() -> None:
    lift = Lift(
        lambda failed, step: [(p, "123456" if p.id == "p0" else "1") for p in failed],
        Codec(build_tokenizer([])),
        9,
        4,
    )
    lift.learn(PROBLEMS, [Score(False, "", None, 1)] * 4, 0)
    assert len(lift.queue) == 3
    assert lift.due() == []


def test_steps_draw_other_noise_and_a_step_draws_the_same_again(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        trainer = trainer_of(tmp_path / "c", writer)
    first, again, next_one = (trainer.collector.collect(step).rollouts.tokens for step in (0, 0, 1))
    assert first.shape == again.shape
    assert torch.equal(first, again)
    assert first.shape != next_one.shape or not torch.equal(first, next_one)


class SomePay(DigitsPay):
    """All completions of these problems are right, and those of others as they come."""

    def __init__(self, *easy: str) -> None:
        super().__init__()
        self.easy = easy

    def score(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[Score]:
        scores = super().score(problems, completions)
        sure = Score(True, "match", None, 1, parts={"accuracy": 1.0})
        return [
            sure if problem.id in self.easy else score
            for problem, score in zip(problems, scores, strict=True)
        ]


def test_what_cannot_be_graded_says_nothing_to_the_window(tmp_path: Path) -> None:
    class NoGold(DigitsPay):
        def score(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[Score]:
            return [Score(None, "unscorable", None, completion.n_tokens) for completion in completions]

    with RunWriter(tmp_path / "run") as writer:
        trainer = trainer_of(tmp_path / "c", writer, select="window")
        trainer.collector.scorer = NoGold()
        trainer.collector.collect(0)
    assert trainer.collector.window.saved() == {}


def test_refill_asks_on_until_enough_groups_have_a_signal_and_learns_from_those_alone(tmp_path: Path) -> None:
    """p0 and p2 are easy, and are asked among the first four; as many more are asked as then lack."""
    with RunWriter(tmp_path / "run") as writer:
        trainer = trainer_of(tmp_path / "c", writer, select="refill", group_size=24, updates=2)
        trainer.collector.scorer = SomePay("p0", "p2", "p4")
        batch = trainer.collector.collect(0)
        trainer._step(0)
    assert batch.kept is not None
    assert [p.id for p in batch.problems[::24]] == ["p0", "p1", "p2", "p3", "p4", "p5", "p6"]
    assert batch.kept.tolist() == [False, True, False, True, False, True, True]
    rollouts, advantage = batch.to_learn()
    assert rollouts.owner.tolist() == [group for group in range(4) for _ in range(24)]
    rows = batch.kept[batch.rollouts.owner]
    assert torch.equal(rollouts.tokens, batch.rollouts.tokens[rows])
    assert torch.equal(advantage, batch.advantages.advantage[rows])
    twin = trainer_of(
        tmp_path / "t", writer, updates=2
    ).learner  # the same weights, told of those four groups
    asked = [PROBLEMS[1], PROBLEMS[3], MANY[5], MANY[6]]
    prompts = Prompts.pad(trainer.codec.encode_prompts(asked))
    twin.update(replace(rollouts, prompts=prompts), advantage, torch.ones_like(rollouts.finished), 0)
    assert same(weights(trainer), twin.model.state_dict())
    [row] = numbers(tmp_path / "run")
    assert (row["groups"], row["live"]) == (7, pytest.approx(4 / 7)), "the log is of all that was asked"


@pytest.mark.parametrize(("easy", "kept"), [(range(16), 0), (range(14), 2)])
def test_refill_ends_where_the_candidates_end(tmp_path: Path, easy: range, kept: int) -> None:
    with RunWriter(tmp_path / "run") as writer:
        trainer = trainer_of(tmp_path / "c", writer, select="refill", group_size=24)
        trainer.collector.scorer = SomePay(*(f"p{i}" for i in easy))
        before = weights(trainer)
        trainer._step(0)
    [row] = numbers(tmp_path / "run")
    assert row["groups"] == 16
    assert row["live"] * 16 == pytest.approx(kept)
    assert same(before, weights(trainer)) == (kept == 0)


def test_validation_and_samples_come_when_they_are_due_and_say_of_which_step(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        trainer_of(tmp_path / "c", writer, validate_every=2, samples_every=3).run(Interrupts())
    reader = RunReader(tmp_path / "run")
    rows = reader.metrics("arm")
    assert [row["step"] for row in rows if row["stage"] == "valid"] == [2, 4]
    assert [row["step"] for row in rows if row["stage"] == "rl"] == [1, 2, 3, 4]
    assert sorted(reader.sample_names("arm")) == ["step-000001", "step-000003"]
    assert {row["step"] for row in reader.samples("arm", "step-000003")} == {3}


def test_the_best_checkpoint_is_the_best_and_a_resumed_run_knows_it(tmp_path: Path) -> None:
    best = tmp_path / "c" / "best" / "state.json"
    with RunWriter(tmp_path / "run") as writer:
        trainer = trainer_of(tmp_path / "c", writer)
        scorer = trainer.scorer
        assert isinstance(scorer, DigitsPay)
        scorer.all_alike = False
        trainer._validate(1)
        scorer.all_alike = True
        trainer._validate(2)
        kept = best.read_bytes()
        assert trainer.best is not None
        assert trainer.best[0] == 1.0
        scorer.all_alike = False
        trainer._validate(3)
        assert best.read_bytes() == kept, "a worse one does not replace it"
        trainer._save(3)
    with RunWriter(tmp_path / "run", resume=True) as writer:
        resumed = trainer_of(tmp_path / "c", writer)
        checkpoint = resumed.checkpoints.latest()
        assert checkpoint is not None
        resumed._restore(checkpoint)
        assert resumed.best == trainer.best
        assert isinstance(resumed.scorer, DigitsPay)
        resumed.scorer.all_alike = False
        resumed._validate(4)
    assert best.read_bytes() == kept


@pytest.mark.parametrize("masked", [True, False])
def test_masked_truncation_keeps_just_the_truncated_out_of_the_loss(tmp_path: Path, masked: bool) -> None:
    with RunWriter(tmp_path / "run") as writer:
        trainer = trainer_of(tmp_path / "c", writer, mask_truncated=masked)
        batch = trainer.collector.collect(0)
        finished = batch.rollouts.finished
        assert 0 < int(finished.sum()) < len(finished), "some of each"
        twin = copy.deepcopy(trainer.learner)
        twin_optimiser = Optimiser(
            twin.model.named_parameters(), trainer.config.optimiser, trainer.config.steps
        )
        twin = Learner(
            twin.model, twin_optimiser, twin.config, twin.temperature, twin.max_tokens, twin.micro_tokens
        )
        take_part = finished if masked else torch.ones_like(finished)
        twin.update(batch.rollouts, batch.advantages.advantage, take_part, 0)
        trainer._step(0)
    expected = twin.model.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(trainer).items())


def test_kl_in_the_reward_is_a_penalty(tmp_path: Path) -> None:
    loss = LossConfig(kl="k1_in_reward", beta=0.3)
    with RunWriter(tmp_path / "run") as writer:
        trainer = trainer_of(tmp_path / "c", writer, loss, reference=True)
        object.__setattr__(trainer, "advantage", AdvantageConfig.dr_grpo())
        trainer.collector.weigher = Weigher(AdvantageConfig.dr_grpo())
        batch = trainer.collector.collect(0)
        plain = Weigher(AdvantageConfig.dr_grpo())
        without, _ = weighed(batch.scores, batch.rollouts.owner, plain)
    assert trainer.learner.reference is not None
    k1 = reference_k1(trainer.learner.reference, batch.rollouts, 1.0, 4096)
    assert k1.abs().max() > 0.1
    torch.testing.assert_close(batch.advantages.reward, without.reward - 0.3 * k1)


def test_updates_of_a_batch_deal_out_prompts_and_not_rows() -> None:
    model = new_decoder(12)
    rollouts = sample(
        model, Prompts.pad([[2, 3], [4, 5]]), 2, SamplingConfig(5, 1.0), eos=1, generator=torch_rng(1)
    )
    order = torch.tensor([0, 2, 1, 3])  # the rows of the two prompts, interleaved
    mixed = type(rollouts)(
        rollouts.prompts,
        *(getattr(rollouts, name)[order] for name in ("owner", "tokens", "lengths", "finished", "logprobs")),
    )
    dealt: list[list[int]] = []

    class Watched(Learner):
        def accumulate(self, rollouts: Any, advantage: Any, rows: torch.Tensor, *more: Any) -> Any:
            dealt.append(rollouts.owner[rows].tolist())
            return super().accumulate(rollouts, advantage, rows, *more)

    optimiser = Optimiser(model.named_parameters(), OptimiserConfig(), 10)
    learner = Watched(model, optimiser, LossConfig(), 1.0, 5, 4096, updates=2)
    learner.update(mixed, torch.ones(4), torch.ones(4, dtype=torch.bool), 0)
    assert dealt == [[0, 0], [1, 1]]


@pytest.mark.parametrize("decay", ["cosine", "linear"])
def test_a_decaying_rate_ends_at_its_floor(decay: str) -> None:
    config = OptimiserConfig.model_validate({"decay": decay, "floor": 0.2, "warmup": 0.0})
    optimiser = Optimiser(new_decoder(12).named_parameters(), config, 100)
    assert optimiser.learning_rate(0) == pytest.approx(1.0)
    assert optimiser.learning_rate(50) == pytest.approx(0.6)
    assert optimiser.learning_rate(100) == pytest.approx(0.2)


def test_an_arm_s_scale_multiplies_every_rate() -> None:
    moved = []
    for scale in (1.0, 0.5):
        model = new_decoder(12)
        before = model.lm_head.weight.detach().clone()
        config = OptimiserConfig(warmup=0.0, weight_decay=0.0)
        optimiser = Optimiser(model.named_parameters(), config, 10, scale)
        model.lm_head.weight.grad = torch.ones_like(before)
        optimiser.step(0, 0.0)
        moved.append((model.lm_head.weight.detach() - before).abs().mean())
    torch.testing.assert_close(moved[1], moved[0] * 0.5, rtol=1e-3, atol=0)


def test_a_truncated_completion_has_no_answer() -> None:
    problem = Problem("p", "1+1=", "2")
    with Scorer({"accuracy": 1.0}) as scorer:
        cut, whole, none = scorer.score(
            [problem] * 3,
            [
                Completion("p", r"\boxed{2}", 3, finished=False),
                Completion("p", r"\boxed{3}", 3),
                Completion("p", "I could not find it at all", 3),
            ],
        )
    assert [(s.correct, s.answered) for s in (cut, whole, none)] == [
        (False, False),
        (False, True),
        (False, False),
    ]


def test_an_unscorable_row_is_no_wrong_one() -> None:
    """Its group is weighed as if it were not there: two right of two say nothing, one wrong among them would."""
    owner = torch.zeros(3, dtype=torch.long)
    right = Score(True, "match", "2", 3)
    for third, live in (
        (Score(None, "unparsable_gold", None, 3), False),
        (Score(False, "mismatch", "3", 3), True),
    ):
        advantages, _ = weighed([right, right, third], owner, Weigher(AdvantageConfig()))
        assert bool((advantages.advantage[:2] != 0).all()) == live
        assert (float(advantages.advantage[2]) != 0) == live
