"""Faults in the local engine that no check was developed on: other mechanisms, strengths, starts, model and recipe.

The answers (``named_by``) were written down and committed before any of these was run (docs/watch.md has both figures).
"""

from __future__ import annotations

import contextlib
import copy
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional as F

from faults.local_faults import Fault, Outcome, Patch, _begins, asked, base_model, drawn, run_local, scored
from leadline.engine.learner import Learner
from leadline.engine.logprobs import completion_logprobs
from leadline.engine.sampler import Rollouts
from leadline.model.codec import Codec
from leadline.types import Completion, Problem

CAP = 112
SEED = 41

RECIPE = f"""
name: unseen
threads: 1
model: {{family: qwen3, hidden_size: 128, intermediate_size: 256, num_layers: 3, num_heads: 4, num_kv_heads: 2,
        rope_theta: 1000.0, initial_scale: 0.05}}
data: {{world: {{name: chain, steps: [2, 4], slip: 0.12, checks: [0.0, 0.3, 1.0]}}}}
sft: {{method: full, steps: 260, batch_size: 48, easy_share: 0.2, easy_steps: 2,
      optimiser: {{name: muon, learning_rate: 5.0e-3, muon_learning_rate: 0.025, decay: cosine}}}}
rl: {{steps: 14, prompts: 20, group_size: 6, max_tokens: {CAP}, checkpoint_every: 100, samples_every: 100,
     validate_every: 100, optimiser: {{name: adamw, learning_rate: 2.0e-4, weight_decay: 0.01}}}}
arms: {{grpo: {{advantage: lead}}}}
evaluation: {{problems: 8, samples: 8}}
"""


def bases(folder: Path) -> dict[str, Path]:
    """The models that the faults start from: one taught well, and one that was never taught to end."""
    return {
        "taught": base_model(folder / "taught", RECIPE),
        "endless": endless_model(folder / "endless"),
    }


def endless_model(folder: Path) -> Path:
    """A model whose supervised examples have no end-of-sequence."""
    plain = Codec.encode_completions

    def encode(self: Codec, texts: Any) -> list[list[int]]:
        return [ids[:-1] for ids in plain(self, texts)]

    with mock.patch.object(Codec, "encode_completions", encode):
        return base_model(folder, RECIPE)


def run_unseen(fault: Fault, starts: dict[str, Path], folder: Path) -> Outcome:
    """Ten steps of the fault, from its own model."""
    start = starts["endless" if fault.name == ENDLESS else "taught"]
    return run_local(fault, start, folder, RECIPE, seed=SEED)


# --- what is broken ---------------------------------------------------------------------------------------


def before_update(change: Callable[[Learner, int, Rollouts, Tensor], tuple[Rollouts, Tensor]]) -> Patch:
    """Change what the learner is given, rollouts and advantages, from the onset on; ``change`` gets the step too."""

    @contextlib.contextmanager
    def patched() -> Iterator[None]:
        plain = Learner.update

        def update(self: Learner, rollouts: Rollouts, advantage: Tensor, take_part: Tensor, step: int) -> Any:
            if step >= _begins[0]:
                rollouts, advantage = change(self, step, rollouts, advantage)
            return plain(self, rollouts, advantage, take_part, step)

        with mock.patch.object(Learner, "update", update):
            yield

    return patched


def rated(model: Any, rollouts: Rollouts, temperature: float = 1.0) -> Rollouts:
    """The same completions with the model's own log-probabilities at another temperature."""
    with torch.no_grad():
        packed, _ = completion_logprobs(
            model, rollouts.prompts, rollouts.owner, rollouts.tokens, rollouts.lengths, temperature
        )
    logprobs = torch.zeros(rollouts.tokens.shape)
    logprobs[rollouts.mask] = packed
    return replace(rollouts, logprobs=logprobs)


def padded(learner: Learner, step: int, rollouts: Rollouts, advantage: Tensor) -> tuple[Rollouts, Tensor]:
    """The mask is forgotten: pads are trained on as if the model had written them."""
    whole = torch.full_like(rollouts.lengths, rollouts.tokens.shape[1])
    return replace(rollouts, lengths=whole), advantage


def overflown(learner: Learner, step: int, rollouts: Rollouts, advantage: Tensor) -> tuple[Rollouts, Tensor]:
    return rollouts, advantage * math.inf if step % 2 else advantage


def other_reference(learner: Learner, step: int, rollouts: Rollouts, advantage: Tensor) -> Any:
    """The reference's weights are lost, as when it is put off to another device and read back wrongly."""
    if step == _begins[0]:
        generator = torch.Generator().manual_seed(8)
        assert learner.reference is not None
        for weight in learner.reference.parameters():
            weight.data = torch.randn(weight.shape, generator=generator) * weight.std()
    return rollouts, advantage


def stuck(model: Any, rollouts: Rollouts) -> Rollouts:
    """One completion in three comes to a token that it says again until the cap."""
    noise = random.Random(5)
    tokens = F.pad(rollouts.tokens, (0, CAP - rollouts.tokens.shape[1]))
    lengths, finished = rollouts.lengths.clone(), rollouts.finished.clone()
    for row in noise.sample(range(len(tokens)), len(tokens) // 3):
        at = noise.randrange(3, max(4, int(lengths[row]) - 2))
        tokens[row, at:] = tokens[row, at]
        lengths[row], finished[row] = CAP, False
    return rated(model, replace(rollouts, tokens=tokens, lengths=lengths, finished=finished))


@contextlib.contextmanager
def late_weights() -> Iterator[None]:
    """Updates come to the sampler three steps late."""
    kept: list[Any] = []

    def ask(settings: dict[str, Any]) -> dict[str, Any]:
        kept.append(copy.deepcopy(settings["model"]))
        return {**settings, "model": kept.pop(0) if len(kept) > 3 else kept[0]}

    with drawn(lambda model, rollouts: rollouts, ask)():
        yield


def capped(settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, "config": replace(settings["config"], max_tokens=24)}


def short_pays(completion: Completion, problem: Problem) -> float:
    """A length reward without a thought for being right."""
    return -min(6.0, 0.08 * completion.n_tokens)


def even_pays(completion: Completion, problem: Problem) -> float:
    """A point of form that half of the completions meet by chance."""
    return float(len(completion.text) % 2 == 0)


def again(right: Callable[[int], list[Problem]], step: int) -> list[Problem]:
    """A resume that has forgotten where it was, with a batch of its own order."""
    problems = right(step - 6)
    return random.Random(step).sample(problems, len(problems))


ENDLESS = "end of sequence left out of the supervised loss"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "log-probs before the division by the temperature",
        ("sampler_mismatch",),
        ("rl.temperature=0.7",),
        drawn(rated),
        6,
    ),
    Fault(
        "log-probs of the next row",
        ("sampler_mismatch",),
        patch=drawn(lambda model, r: replace(r, logprobs=r.logprobs.roll(1, 0))),
        onset=8,
    ),
    Fault("pads count as completion", ("sampler_mismatch",), patch=before_update(padded), onset=3),
    Fault(
        "the sampler is three updates late",
        ("sampler_mismatch",),
        ("rl.optimiser.learning_rate=1.5e-3",),
        late_weights,
        2,
    ),
    Fault(
        "three prompts over and over",
        ("repeated_prompts",),
        patch=asked(lambda right, step: [right(0)[i % 3] for i in range(len(right(step)))]),
        onset=5,
    ),
    Fault(
        "a resume that asks the last steps again, in another order within the batch",
        ("repeated_prompts",),
        patch=asked(again),
        onset=6,
    ),
    Fault(
        "the grader begins to call everything wrong",
        ("constant_reward",),
        patch=scored(lambda row, s: replace(s, correct=False, reason="mismatch")),
        onset=5,
    ),
    Fault(
        "the cap falls to 24 tokens",
        ("truncation",),
        patch=drawn(lambda model, rollouts: rollouts, capped),
        onset=7,
    ),
    Fault(ENDLESS, ("no_end",)),
    Fault(
        "a length reward among the parts",
        ("wrong_pays_more", "length_pull"),
        ("arms.grpo.rewards={accuracy: 1.0, 'faults.unseen_local:short_pays': 1.0}",),
    ),
    Fault(
        "a point of form worth more than being right",
        ("wrong_pays_more",),
        ("arms.grpo.rewards={accuracy: 1.0, 'faults.unseen_local:even_pays': 4.0}",),
    ),
    Fault(
        "the grader crashes on one answer in seven",
        ("grader_gave_up",),
        patch=scored(
            lambda row, s: replace(s, correct=False, reason="crashed", answer=None) if row % 7 == 3 else s
        ),
        onset=2,
    ),
    Fault("one completion in three is stuck on a token", ("loops",), patch=drawn(stuck), onset=9),
    Fault(
        "learning rate forty times too high, without a warm-up",
        ("accuracy_fall", "entropy", "skipped_steps", "kl"),
        ("rl.optimiser.learning_rate=8e-3", "rl.optimiser.warmup=0.0"),
    ),
    Fault(
        "the reference is lost on the way",
        ("kl",),
        ("arms.grpo.loss={kl: k3, beta: 0.02}",),
        before_update(other_reference),
        5,
    ),
    Fault(
        "a clip of 3% with four updates a batch",
        ("clip_fraction",),
        (
            "rl.updates=4",
            "rl.optimiser.learning_rate=1e-3",
            "arms.grpo.loss={clip_low: 0.03, clip_high: 0.03}",
        ),
    ),
    Fault(
        "a curriculum with nothing left that varies",
        ("curriculum_dry",),
        ("rl.select=window", "data.world.steps=[2, 2]", "rl.temperature=0.3"),
    ),
    Fault(
        "advantages overflow in every other step",
        ("skipped_steps",),
        patch=before_update(overflown),
        onset=3,
    ),
)
