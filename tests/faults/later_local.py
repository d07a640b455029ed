"""Ten faults in the local engine, written after the checks were last mended: another model, recipe and onsets.

The answers (``named_by``) were written down and committed before any of these was run (docs/watch.md has the figure).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from faults.local_faults import Fault, Outcome, asked, base_model, drawn, paid, run_local, scored
from leadline.engine.sampler import Rollouts

SEED = 131
CAP = 56

RECIPE = f"""
name: later
threads: 1
model: {{hidden_size: 64, intermediate_size: 192, num_layers: 3, num_heads: 4, initial_scale: 0.05}}
data: {{world: {{name: chain, steps: [1, 3], slip: 0.15, checks: [0.0, 1.0]}}}}
sft: {{method: full, steps: 260, batch_size: 40, easy_share: 0.4, easy_steps: 1, checkpoint_every: 130,
      optimiser: {{name: muon, learning_rate: 5.0e-3, muon_learning_rate: 0.025, decay: cosine}}}}
rl: {{steps: 14, prompts: 16, group_size: 6, max_tokens: {CAP}, checkpoint_every: 100, samples_every: 100,
     validate_every: 100, optimiser: {{name: adamw, learning_rate: 2.0e-4, weight_decay: 0.0}}}}
arms: {{grpo: {{advantage: grpo}}}}
evaluation: {{problems: 8, samples: 8}}
"""


def base(folder: Path) -> Path:
    """The model that all start from."""
    return base_model(folder, RECIPE)


def run_later(fault: Fault, start: Path, folder: Path) -> Outcome:
    """Ten steps of the fault."""
    return run_local(fault, start, folder, RECIPE, seed=SEED)


def one_longer(model: Any, rollouts: Rollouts) -> Rollouts:
    """Lengths are counted one too long: a pad is learned behind every answer."""
    return replace(rollouts, lengths=(rollouts.lengths + 1).clamp(max=rollouts.tokens.shape[1]))


def in_another_order(model: Any, rollouts: Rollouts) -> Rollouts:
    """The log-probabilities come back from two workers, the second one's first."""
    half = len(rollouts.logprobs) // 2
    return replace(rollouts, logprobs=torch.cat([rollouts.logprobs[half:], rollouts.logprobs[:half]]))


FAULTS: tuple[Fault, ...] = (
    Fault(
        "old log-probs as if of temperature 0.8",
        ("sampler_mismatch",),
        patch=drawn(lambda model, r: replace(r, logprobs=r.logprobs / 0.8)),
        onset=3,
    ),
    Fault("lengths are one too long", ("sampler_mismatch",), patch=drawn(one_longer), onset=2),
    Fault("log-probs of two workers swapped", ("sampler_mismatch",), patch=drawn(in_another_order), onset=5),
    Fault(
        "every prompt is in the batch four times",
        ("repeated_prompts",),
        patch=asked(lambda right, step: (right(step)[: len(right(step)) // 4]) * 4),
        onset=4,
    ),
    Fault(
        "the grader begins to call everything right",
        ("constant_reward", "zero_variance"),
        patch=scored(lambda row, s: replace(s, correct=True, reason="equal")),
        onset=4,
    ),
    Fault("cap of 17 tokens", ("truncation",), ("rl.max_tokens=17",)),
    Fault(
        "the sampler no longer knows the end of sequence",
        ("no_end",),
        patch=drawn(lambda model, r: r, lambda s: {**s, "eos": -1}),
        onset=6,
    ),
    Fault(
        "LEAD's length term forty times too strong",
        ("length_pull", "wrong_pays_more"),
        ("arms.grpo.advantage={preset: lead, length_alpha: 2.0}",),
    ),
    Fault(
        "a reward for short answers, worth three times being right",
        ("wrong_pays_more", "length_pull"),
        patch=paid(lambda s: -0.15 * s.length, "short"),
        onset=3,
    ),
    Fault(
        "learning rate sixty times too high",
        ("accuracy_fall", "entropy", "skipped_steps", "kl"),
        ("rl.optimiser.learning_rate=0.012",),
    ),
)
