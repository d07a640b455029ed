"""GRPO-LEAD on one page: a small transformer is taught a rule by imitation, then sharpened by reinforcement learning.

    python examples/grpo_in_one_page.py                      # about two minutes on a laptop's CPU
    python examples/grpo_in_one_page.py --advantage grpo     # plain GRPO, for comparison

Read it from top to bottom. A problem is a number and a chain of operations on its digits, such as ``407: rev a+3``.
The model first imitates worked traces in which nearly one step in five is wrong: it learns the rule, and it slips.
Then it draws a group of answers to each problem, a grader says which are right, and each answer is made more or
less likely by how much better it did than the rest of its group. GRPO-LEAD (arXiv 2504.09696) adds three things,
all inside of ``AdvantageConfig.lead()``: among right answers the short ones earn more, wrong answers cost something,
and right answers weigh more on hard problems, wrong ones on easy problems. Watch accuracy rise and length fall.
"""

import argparse
from statistics import fmean

import torch

from leadline import (
    AdvantageConfig,
    LossConfig,
    Problem,
    Scorer,
    group_advantages,
    loss_normaliser,
    policy_loss,
)
from leadline.engine.logprobs import completion_logprobs
from leadline.engine.optimiser import Optimiser
from leadline.engine.prompts import Prompts
from leadline.engine.sampler import Rollouts, SamplingConfig, sample
from leadline.engine.scored_batch import completions_of
from leadline.engine.supervised_trainer import Example, supervised_step
from leadline.model import Decoder, DecoderConfig, build_tokenizer
from leadline.model.codec import Codec
from leadline.recipes.schema import OptimiserConfig
from leadline.seeds import python_rng, torch_rng
from leadline.tasks import ChainWorld
from leadline.types import Score

SEED = 0
MAX_TOKENS = 112  # an answer that is longer is cut off, and counts as none
TEMPERATURE = 1.0
ROWS_AT_ONCE = 32  # completions per backward pass: memory and speed, never the result

# 1. A world of problems, and a transformer of a third of a million parameters that has never seen one.
world = ChainWorld(steps=(1, 6), slip=0.18, checks=(0.0, 0.5, 1.0))
tokenizer = build_tokenizer(world.pieces)
codec = Codec(tokenizer)


def new_model() -> Decoder:
    shape = DecoderConfig(
        family="llama",
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_layers=2,
        num_heads=4,
        num_kv_heads=4,
        head_dim=32,
        rope_theta=100.0,
    )
    model = Decoder(shape)
    model.initialise(torch_rng(SEED, "init"), 0.05)
    return model


# 2. Imitation: raise the likelihood of worked traces, token by token.
def imitate(model: Decoder, steps: int) -> None:
    settings = OptimiserConfig(name="muon", learning_rate=5e-3, muon_learning_rate=0.025, decay="cosine")
    optimiser = Optimiser(model.named_parameters(), settings, steps)
    for step in range(steps):
        most = 2 if step < steps / 4 else None  # short chains first
        pairs = world.examples(python_rng(SEED, "examples", step), 64, most)
        prompts = codec.encode_prompts([problem for problem, _ in pairs])
        traces = codec.encode_completions([text for _, text in pairs])
        examples = [Example(*pair) for pair in zip(prompts, traces, strict=True)]
        loss, _ = supervised_step(model, optimiser, examples, step=step, micro_tokens=2048)
        if step % 50 == 0:
            print(f"imitation {step:3}   loss {loss:.3f}", flush=True)


# 3. A group: several answers to each problem, and what the grader says of each.
def draw(model: Decoder, problems: list[Problem], group_size: int, noise: torch.Generator) -> Rollouts:
    prompts = Prompts.pad(codec.encode_prompts(problems))
    settings = SamplingConfig(MAX_TOKENS, TEMPERATURE)
    return sample(model, prompts, group_size, settings, eos=codec.eos, generator=noise)


def judge(scorer: Scorer, problems: list[Problem], rollouts: Rollouts) -> list[Score]:
    asked = [problems[index] for index in rollouts.owner.tolist()]
    return scorer.score(asked, completions_of(asked, rollouts, codec))


# 4. The advantage: how much better than its group each answer did. This call is GRPO, or GRPO-LEAD.
def advantages(scores: list[Score], rollouts: Rollouts, config: AdvantageConfig) -> torch.Tensor:
    return group_advantages(
        correct=torch.tensor([score.correct is True for score in scores]),
        length=rollouts.lengths,
        group=rollouts.owner,
        answered=torch.tensor([score.answered for score in scores]),
        config=config,
    ).advantage


# 5. The update: every token of an answer becomes more likely in proportion to the advantage of that answer.
def update(model: Decoder, rollouts: Rollouts, advantage: torch.Tensor) -> float:
    config = LossConfig()
    whole_batch = loss_normaliser(int(rollouts.lengths.sum()), len(advantage), config)
    total = 0.0
    live = advantage.nonzero()[:, 0]  # advantage 0: no gradient, so no work
    for start in range(0, len(live), ROWS_AT_ONCE):
        rows = live[start : start + ROWS_AT_ONCE]
        answers = rollouts.owner[rows], rollouts.tokens[rows], rollouts.lengths[rows]
        logp, row = completion_logprobs(model, rollouts.prompts, *answers, TEMPERATURE)
        share = policy_loss(logp, None, advantage[rows], rows=row, normaliser=whole_batch, config=config)
        share.loss.backward()
        total += float(share.loss.detach())
    return total


# 6. Reinforcement learning is these five lines, again and again on new problems.
def reinforce(model: Decoder, scorer: Scorer, config: AdvantageConfig, steps: int, group_size: int) -> None:
    optimiser = Optimiser(
        model.named_parameters(), OptimiserConfig(learning_rate=3e-4, weight_decay=0.0), steps
    )
    for step in range(steps):
        problems = world.problems(python_rng(SEED, "problems", step), 32, "train")
        rollouts = draw(model, problems, group_size, torch_rng(SEED, "rollouts", step))
        scores = judge(scorer, problems, rollouts)
        loss = update(model, rollouts, advantages(scores, rollouts, config))
        optimiser.step(step, loss)
        if step % 5 == 0:
            print(f"step {step:3}   {summary(scores, rollouts)}", flush=True)


def summary(scores: list[Score], rollouts: Rollouts) -> str:
    right = fmean(score.correct is True for score in scores)
    return f"right {right:6.1%}   {float(rollouts.lengths.float().mean()):5.1f} tokens"


# 7. Before and after, on problems that no stage has trained on.
def measure(model: Decoder, scorer: Scorer, count: int) -> str:
    problems = world.problems(python_rng("test"), count, "test")
    rollouts = draw(model, problems, 4, torch_rng(SEED, "evaluation"))
    return summary(judge(scorer, problems, rollouts), rollouts)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--advantage", choices=("grpo", "lead"), default="lead")
    parser.add_argument("--imitation-steps", type=int, default=400)
    parser.add_argument("--steps", type=int, default=60, help="of reinforcement learning")
    parser.add_argument("--group-size", type=int, default=8, help="answers per problem")
    parser.add_argument("--test-problems", type=int, default=120)
    chosen = parser.parse_args(arguments)

    model = new_model()
    imitate(model, chosen.imitation_steps)
    with Scorer({"accuracy": 1.0}) as scorer:
        before = measure(model, scorer, chosen.test_problems)
        config = getattr(AdvantageConfig, chosen.advantage)()
        reinforce(model, scorer, config, chosen.steps, chosen.group_size)
        after = measure(model, scorer, chosen.test_problems)
    print(f"\nunseen problems   before: {before}   after: {after}")


if __name__ == "__main__":
    main()
