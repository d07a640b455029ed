"""Ten faults in the local engine that were held back until the checks were done: a model and a recipe of their own.

The answers (``named_by``) were written down and committed before any of these was run (docs/watch.md has the figure).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from faults.local_faults import (
    Fault,
    Outcome,
    asked,
    base_model,
    drawn,
    farmed,
    looping,
    old_sampler,
    paid,
    run_local,
    scored,
)

SEED = 211
CAP = 60

RECIPE = f"""
name: heldback
threads: 1
model: {{hidden_size: 80, intermediate_size: 224, num_layers: 2, num_heads: 5, initial_scale: 0.05}}
data: {{world: {{name: chain, steps: [1, 3], slip: 0.2, checks: [0.0, 1.0]}}}}
sft: {{method: full, steps: 380, batch_size: 48, easy_share: 0.3, easy_steps: 1, checkpoint_every: 190,
      optimiser: {{name: muon, learning_rate: 5.0e-3, muon_learning_rate: 0.025, decay: cosine}}}}
rl: {{steps: 14, prompts: 14, group_size: 8, max_tokens: {CAP}, checkpoint_every: 100, samples_every: 100,
     validate_every: 100, optimiser: {{name: adamw, learning_rate: 2.5e-4, weight_decay: 0.0}}}}
arms: {{grpo: {{advantage: grpo}}}}
evaluation: {{problems: 8, samples: 8}}
"""


def base(folder: Path) -> Path:
    """The model that all start from."""
    return base_model(folder, RECIPE)


def run_heldback(fault: Fault, start: Path, folder: Path) -> Outcome:
    """Ten steps of the fault."""
    return run_local(fault, start, folder, RECIPE, seed=SEED)


FAULTS: tuple[Fault, ...] = (
    Fault(
        "the sampler's weights stay as they were in the second step",
        ("sampler_mismatch",),
        ("rl.optimiser.learning_rate=1e-3",),
        old_sampler,
        2,
    ),
    Fault(
        "log-probs shifted by one token to the left",
        ("sampler_mismatch",),
        patch=drawn(lambda model, r: replace(r, logprobs=r.logprobs.roll(-1, 1))),
        onset=4,
    ),
    Fault(
        "the same seven prompts in every batch, twice",
        ("repeated_prompts",),
        patch=asked(lambda right, step: right(0)[:7] * 2),
        onset=3,
    ),
    Fault(
        "the grader runs out of time on one answer in four",
        ("grader_gave_up",),
        patch=scored(
            lambda row, s: replace(s, correct=False, reason="timeout", answer=None) if row % 4 == 1 else s
        ),
        onset=3,
    ),
    Fault("cap of 20 tokens", ("truncation",), ("rl.max_tokens=20",)),
    Fault("every other completion repeats its beginning", ("loops",), patch=drawn(looping), onset=5),
    Fault(
        "LEAD's length term thirty times too strong",
        ("length_pull", "wrong_pays_more"),
        ("arms.grpo.advantage={preset: lead, length_alpha: 1.5}",),
    ),
    Fault(
        "a point of form worth three right answers",
        ("wrong_pays_more",),
        patch=paid(lambda s: 3.0 * (s.length % 4 == 0), "form"),
        onset=2,
    ),
    Fault(
        "learning rate fifty times too high",
        ("accuracy_fall", "entropy", "skipped_steps", "kl"),
        ("rl.optimiser.learning_rate=0.0125",),
    ),
    Fault(
        "words of reflection are said over and over, and paid",
        ("reflection_hacking",),
        ("arms.grpo.rewards={accuracy: 1.0, reflection: 0.3}",),
        farmed,
        3,
    ),
)
