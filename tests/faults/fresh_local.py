"""Ten more faults in the local engine that no check was developed on: a world, model and recipe of their own.

The answers (``named_by``) were written down and committed before any of these was run (docs/watch.md has the figure).
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from faults.local_faults import Fault, Outcome, asked, base_model, drawn, paid, run_local, scored
from faults.unseen_local import before_update
from leadline.engine import sampler
from leadline.engine.learner import Learner
from leadline.engine.sampler import Rollouts
from leadline.model import load_decoder

SEED = 77
CAP = 64

RECIPE = f"""
name: fresh
threads: 1
model: {{hidden_size: 96, intermediate_size: 256, num_layers: 2, num_heads: 6, num_kv_heads: 3,
        rope_theta: 500.0, initial_scale: 0.05}}
data: {{world: {{name: chain, steps: [1, 3], slip: 0.2, checks: [0.0, 1.0]}}}}
sft: {{method: full, steps: 240, batch_size: 48, easy_share: 0.3, easy_steps: 1, checkpoint_every: 120,
      optimiser: {{name: muon, learning_rate: 5.0e-3, muon_learning_rate: 0.025, decay: cosine}}}}
rl: {{steps: 14, prompts: 12, group_size: 8, max_tokens: {CAP}, checkpoint_every: 100, samples_every: 100,
     validate_every: 100, optimiser: {{name: adamw, learning_rate: 3.0e-4, weight_decay: 0.0}}}}
arms: {{grpo: {{advantage: dr_grpo}}}}
evaluation: {{problems: 8, samples: 8}}
"""


def base(folder: Path) -> Path:
    """The model that all start from; half-trained ones lie beside it."""
    return base_model(folder, RECIPE)


def run_fresh(fault: Fault, start: Path, folder: Path) -> Outcome:
    """Ten steps of the fault."""
    _start[0] = start
    return run_local(fault, start, folder, RECIPE, seed=SEED)


_start = [Path()]
"""Of the fault that is being run."""


# --- what is broken ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def four_bits() -> Iterator[None]:
    """The sampler has the weights in four bits, and the trainer takes its log-probabilities for its own."""

    def rounded(settings: dict[str, Any]) -> dict[str, Any]:
        model = copy.deepcopy(settings["model"])
        for weight in model.parameters():
            if weight.dim() > 1:
                unit = weight.data.abs().max() / 7
                weight.data = (weight.data / unit).round() * unit
        return {**settings, "model": model}

    with drawn(lambda model, rollouts: rollouts, rounded)():
        yield


@contextlib.contextmanager
def nucleus() -> Iterator[None]:
    """Tokens outside of the likeliest 80% are never drawn, and the trainer does not know it."""
    plain = sampler.draw_tokens

    def draw(logits: Tensor, temperature: float, uniform: Tensor) -> tuple[Tensor, Tensor]:
        share, order = logits.softmax(-1).sort(-1, descending=True)
        outside = share.cumsum(-1) - share > 0.8
        kept = logits.scatter(1, order, logits.gather(1, order).masked_fill(outside, -math.inf))
        return plain(kept, temperature, uniform)

    with mock.patch.object(sampler, "draw_tokens", draw):
        yield


@contextlib.contextmanager
def half_trained_reference() -> Iterator[None]:
    """The reference is a checkpoint from the middle of supervised training."""
    plain = Learner.update

    def update(self: Learner, *given: Any) -> Any:
        assert self.reference is not None
        early = load_decoder(_start[0].parent / "step-000120", device=self.model.device)
        self.reference.load_state_dict(early.state_dict())
        return plain(self, *given)

    with mock.patch.object(Learner, "update", update):
        yield


def ascending(learner: Learner, step: int, rollouts: Rollouts, advantage: Tensor) -> tuple[Rollouts, Tensor]:
    """The loss has the wrong sign."""
    return rollouts, -advantage


def without_number(
    learner: Learner, step: int, rollouts: Rollouts, advantage: Tensor
) -> tuple[Rollouts, Tensor]:
    return rollouts, advantage * math.nan if step % 3 else advantage


def alike(model: Any, rollouts: Rollouts) -> Rollouts:
    """All completions of a group are the first: every worker has the same seed."""
    first = (rollouts.owner[:, None] == torch.arange(int(rollouts.owner.max()) + 1)).int().argmax(0)
    row = first[rollouts.owner]
    columns = ("tokens", "lengths", "finished", "logprobs")
    return replace(rollouts, **{name: getattr(rollouts, name)[row] for name in columns})


FAULTS: tuple[Fault, ...] = (
    Fault("the sampler's weights are rounded to four bits", ("sampler_mismatch",), patch=four_bits),
    Fault("the sampler cuts the distribution off at 80%", ("sampler_mismatch",), patch=nucleus),
    Fault(
        "every batch is asked twice in a row",
        ("repeated_prompts",),
        patch=asked(lambda right, step: right(step - step % 2)),
        onset=4,
    ),
    Fault(
        "the grader runs out of memory on one answer in five",
        ("grader_gave_up",),
        patch=scored(
            lambda row, s: replace(s, correct=False, reason="memory", answer=None) if row % 5 == 2 else s
        ),
        onset=5,
    ),
    Fault(
        "a judge that likes long answers",
        ("wrong_pays_more", "wrong_grow_long"),
        patch=paid(lambda s: min(4.0, 0.05 * s.length), "judge"),
        onset=3,
    ),
    Fault(
        "gradient ascent",
        ("accuracy_fall", "entropy"),
        ("rl.optimiser.learning_rate=1e-3",),
        before_update(ascending),
        3,
    ),
    Fault(
        "the reference is a checkpoint from the middle of supervised training",
        ("kl",),
        ("arms.grpo.loss={kl: k3, beta: 0.02}",),
        half_trained_reference,
    ),
    Fault("cap of 18 tokens", ("truncation",), ("rl.max_tokens=18",)),
    Fault(
        "two gradients in three are not finite",
        ("skipped_steps",),
        patch=before_update(without_number),
        onset=3,
    ),
    Fault(
        "every worker has the same seed: groups of copies",
        ("zero_variance", "entropy"),
        patch=drawn(alike),
        onset=4,
    ),
)
