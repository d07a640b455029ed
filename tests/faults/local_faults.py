"""Faults put into small real runs of the local engine: what is broken, and which checks may name it."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from leadline.engine import collector, policy_trainer
from leadline.engine.logprobs import completion_logprobs
from leadline.engine.sampler import Rollouts
from leadline.engine.signals import Interrupts
from leadline.health import Alarm, Observation, Watchdog
from leadline.recipes.reading import parse_recipe
from leadline.recipes.schema import Recipe
from leadline.rewards import Scorer
from leadline.runs.backends.local import LocalBackend
from leadline.runs.backends.protocol import Stage
from leadline.runs.training_data import open_material
from leadline.storage.run_directory import RunWriter
from leadline.types import Problem, Score

ONSET = 4
"""Steps before a fault that is injected begins; settings that are wrong are so from the first step."""

_begins = [0]
"""Steps before the fault that is being run."""

Patch = Callable[[], contextlib.AbstractContextManager[None]]

RECIPE = """
name: faults
threads: 1
model: {hidden_size: 96, intermediate_size: 192, num_layers: 2, num_heads: 4, rope_theta: 100.0, initial_scale: 0.05}
data: {world: {name: chain, steps: [1, 4], slip: 0.18, checks: [0.0, 0.5, 1.0]}}
sft: {method: full, steps: 220, batch_size: 64, easy_share: 0.25, easy_steps: 2,
      optimiser: {name: muon, learning_rate: 5.0e-3, muon_learning_rate: 0.025, decay: cosine}}
rl: {steps: 14, prompts: 16, group_size: 8, max_tokens: 80, checkpoint_every: 100, samples_every: 100,
     validate_every: 100, optimiser: {name: adamw, learning_rate: 3.0e-4, weight_decay: 0.0}}
arms: {grpo: {advantage: grpo}}
evaluation: {problems: 8, samples: 8}
"""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: what is broken.
        named_by: checks any of which is the right first word on it.
        changes: settings of the recipe, ``a.b=value``, from the first step.
        patch: what is broken in the code, from step ``ONSET + 1``.
    """

    name: str
    named_by: tuple[str, ...]
    changes: tuple[str, ...] = ()
    patch: Patch = contextlib.nullcontext
    onset: int = field(default=0)


@dataclass(frozen=True)
class Outcome:
    """What the checks said: the order of the alarms ten steps after the fault began."""

    fault: str
    alarms: list[Alarm]
    onset: int
    steps: int

    @property
    def delay(self) -> int | None:
        """Steps from the beginning of the fault to the alarm that is told first."""
        return self.alarms[0].step - self.onset if self.alarms else None


def two_digits(response: str, gold: str) -> bool:
    """A grader that a model without any training meets now and then."""
    return sum(letter.isdigit() for letter in response) % 3 > 0


SMALL = """
name: faults
threads: 1
model: {hidden_size: 32, intermediate_size: 64, num_layers: 1, num_heads: 2, initial_scale: 0.05}
data: {world: {name: chain, steps: [1, 2]}}
sft: {method: full, steps: 40, batch_size: 32,
      optimiser: {name: muon, learning_rate: 5.0e-3, muon_learning_rate: 0.025}}
rl: {steps: 14, prompts: 12, group_size: 4, max_tokens: 40, checkpoint_every: 100, samples_every: 100,
     validate_every: 100, optimiser: {name: adamw, learning_rate: 1.0e-4, weight_decay: 0.0}}
arms: {grpo: {advantage: grpo, grader: "faults.local_faults:two_digits"}}
evaluation: {problems: 8, samples: 8}
"""
"""A run that takes a second: little training before, and a grader that such a model can please."""


def base_model(folder: Path, recipe: str = RECIPE) -> Path:
    """A model that was taught the world's rule for a while: what every fault starts from."""
    parsed = parse_recipe(recipe, where="faults")
    backend = LocalBackend(parsed, open_material(parsed))
    with Interrupts() as interrupts, RunWriter(folder) as writer:
        stage = Stage("base", folder / "checkpoints" / "base", writer, interrupts, lambda row: None)
        start = backend.base(stage)
        if parsed.sft.method == "none":
            return start
        stage = Stage("sft", folder / "checkpoints" / "sft", writer, interrupts, lambda row: None)
        return backend.sft(stage, start)


def run_local(
    fault: Fault, start: Path, folder: Path, recipe: str = RECIPE, seed: int = 20, steps: int = 10
) -> Outcome:
    """Train with the fault in, and see what the checks say of it ``steps`` after it began, causes first."""
    changes = [f"seed={seed}", *fault.changes]
    parsed: Recipe = parse_recipe(recipe, changes, where="faults")
    parsed = parsed.model_copy(update={"rl": parsed.rl.model_copy(update={"steps": fault.onset + steps})})
    backend = LocalBackend(parsed, open_material(parsed))
    dog = Watchdog()
    _begins[0], _lost[0] = fault.onset, 0.0
    with Interrupts() as interrupts, RunWriter(folder) as writer:

        def on_row(row: Any) -> None:
            dog.see(Observation.of_row(row))

        stage = Stage("grpo", folder / "checkpoints" / "grpo", writer, interrupts, on_row)
        with fault.patch():
            backend.grpo(stage, start)
    return Outcome(fault.name, [a for a in dog.alarms if a.check.alarms], fault.onset, dog.history.steps)


# --- what is broken ---------------------------------------------------------------------------------------


def drawn(
    change: Callable[[Any, Rollouts], Rollouts], settings: Callable[[dict[str, Any]], dict[str, Any]] = dict
) -> Patch:
    """Change what the sampler gives (or is asked), from the onset on; ``change`` gets the model too."""

    @contextlib.contextmanager
    def patched() -> Iterator[None]:
        plain, calls = collector.sample, 0

        def sample(model: Any, prompts: Any, count: int, config: Any, **more: Any) -> Rollouts:
            nonlocal calls
            calls += 1
            if calls <= _begins[0]:
                return plain(model, prompts, count, config, **more)
            asked = settings({"model": model, "config": config, **more})
            model_, config_ = asked.pop("model"), asked.pop("config")
            return change(model, plain(model_, prompts, count, config_, **asked))

        with mock.patch.object(collector, "sample", sample):
            yield

    return patched


def scored(change: Callable[[int, Score], Score]) -> Patch:
    """Change the scores, from the onset on; ``change`` gets the place of the row."""

    @contextlib.contextmanager
    def patched() -> Iterator[None]:
        plain, calls = Scorer.score, 0

        def score(self: Scorer, problems: Any, completions: Any) -> list[Score]:
            nonlocal calls
            calls += 1
            scores = plain(self, problems, completions)
            return scores if calls <= _begins[0] else [change(i, one) for i, one in enumerate(scores)]

        with mock.patch.object(Scorer, "score", score):
            yield

    return patched


def asked(change: Callable[[Callable[[int], list[Problem]], int], list[Problem]]) -> Patch:
    """Change the problems of a step, from the onset on."""

    @contextlib.contextmanager
    def patched() -> Iterator[None]:
        plain = collector.Collector.collect

        def collect(self: Any, step: int) -> Any:
            right = self.problems
            if step >= _begins[0]:
                self.problems = lambda at: change(right, at)
            try:
                return plain(self, step)
            finally:
                self.problems = right

        with mock.patch.object(collector.Collector, "collect", collect):
            yield

    return patched


def noisy(model: Any, rollouts: Rollouts) -> Rollouts:
    noise = torch.randn(rollouts.logprobs.shape, generator=torch.Generator().manual_seed(1))
    return replace(rollouts, logprobs=rollouts.logprobs + 0.5 * noise * rollouts.mask)


def shifted(model: Any, rollouts: Rollouts) -> Rollouts:
    return replace(rollouts, logprobs=rollouts.logprobs.roll(1, 1))


def looping(model: Any, rollouts: Rollouts) -> Rollouts:
    """Every other completion goes on with its first tokens over and over, as the model itself would rate it."""
    tokens, lengths, finished = rollouts.tokens.clone(), rollouts.lengths.clone(), rollouts.finished.clone()
    width = tokens.shape[1]
    for row in range(0, len(tokens), 2):
        stretch = tokens[row, 1:9].clone()
        tokens[row, 1:] = stretch.repeat(width // 8 + 1)[: width - 1]
        lengths[row], finished[row] = width, False
    changed = replace(rollouts, tokens=tokens, lengths=lengths, finished=finished)
    with torch.no_grad():
        packed, _ = completion_logprobs(model, rollouts.prompts, rollouts.owner, tokens, lengths, 1.0)
    logprobs = torch.zeros_like(rollouts.logprobs)
    logprobs[changed.mask] = packed
    return replace(changed, logprobs=logprobs)


@contextlib.contextmanager
def old_sampler() -> Iterator[None]:
    """The sampler keeps the weights that it had at the onset."""
    kept: list[Any] = []

    def ask(settings: dict[str, Any]) -> dict[str, Any]:
        if not kept:
            kept.append(copy.deepcopy(settings["model"]))
        return {**settings, "model": kept[0]}

    with drawn(lambda model, rollouts: rollouts, ask)():
        yield


@contextlib.contextmanager
def other_reference() -> Iterator[None]:
    plain = policy_trainer.PolicyTrainer.__post_init__

    def init(self: Any) -> None:
        plain(self)
        generator = torch.Generator().manual_seed(3)
        for weight in self.learner.reference.parameters():
            weight.data += 0.6 * torch.randn(weight.shape, generator=generator) * weight.std()

    with mock.patch.object(policy_trainer.PolicyTrainer, "__post_init__", init):
        yield


@contextlib.contextmanager
def farmed() -> Iterator[None]:
    """The model has learned to say the words that pay."""
    plain, calls = collector.completions_of, 0

    def completions_of(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        found = plain(*given)
        if calls <= _begins[0]:
            return found
        return [replace(one, text=one.text + " Wait, let me check that again." * 6) for one in found]

    with mock.patch.object(collector, "completions_of", completions_of):
        yield


def slow(model: Any, rollouts: Rollouts) -> Rollouts:
    """A sampler that waits for something: the clock is put forward instead."""
    _lost[0] += 60.0
    return rollouts


_lost = [0.0]


@contextlib.contextmanager
def waiting() -> Iterator[None]:
    class Clock:
        @staticmethod
        def perf_counter() -> float:
            return time.perf_counter() + _lost[0]

    with mock.patch.object(policy_trainer, "time", Clock), drawn(slow)():
        yield


def paid(bonus: Callable[[Score], float], part: str) -> Patch:
    def change(_: int, score: Score) -> Score:
        value = bonus(score)
        return replace(score, bonus=score.bonus + value, parts={**score.parts, part: value})

    return scored(change)


def gave_up(row: int, score: Score) -> Score:
    return replace(score, correct=False, reason="timeout", answer=None) if row % 3 == 0 else score


FAULTS: tuple[Fault, ...] = (
    Fault("wrong old log-probs", ("sampler_mismatch",), patch=drawn(noisy), onset=ONSET),
    Fault("log-probs shifted by one token", ("sampler_mismatch",), patch=drawn(shifted), onset=ONSET),
    Fault(
        "stale policy: the sampler gets no new weights",
        ("sampler_mismatch",),
        ("rl.optimiser.learning_rate=1e-3",),
        old_sampler,
        ONSET,
    ),
    Fault(
        "sampled at another temperature than trained",
        ("sampler_mismatch",),
        patch=drawn(lambda m, r: r, lambda s: {**s, "config": replace(s["config"], temperature=1.4)}),
        onset=ONSET,
    ),
    Fault(
        "one prompt for all groups",
        ("repeated_prompts",),
        patch=asked(lambda right, step: right(step)[:1] * len(right(step))),
        onset=ONSET,
    ),
    Fault(
        "a resume that starts the data over",
        ("repeated_prompts",),
        patch=asked(lambda right, step: right(step - ONSET)),
        onset=ONSET,
    ),
    Fault("cap too small", ("truncation",), ("rl.max_tokens=14",)),
    Fault(
        "end of sequence never learned",
        ("no_end",),
        patch=drawn(lambda m, r: r, lambda s: {**s, "eos": -1}),
        onset=ONSET,
    ),
    Fault("repetition loops", ("loops",), patch=drawn(looping), onset=ONSET),
    Fault(
        "grader runs out of time",
        ("grader_gave_up",),
        patch=scored(gave_up),
        onset=ONSET,
    ),
    Fault(
        "golds that cannot be read",
        ("unscorable",),
        patch=scored(lambda row, s: replace(s, correct=None) if row % 24 < 8 else s),
        onset=ONSET,
    ),
    Fault(
        "a style reward that outweighs being right",
        ("wrong_pays_more",),
        patch=paid(lambda s: 3.0 * (s.length % 3), "style"),
        onset=ONSET,
    ),
    Fault(
        "a length reward that outweighs being right",
        ("wrong_pays_more", "length_pull"),
        patch=paid(lambda s: -0.3 * s.length, "short"),
        onset=ONSET,
    ),
    Fault(
        "LEAD's length term thirty times too strong",
        ("length_pull", "wrong_pays_more"),
        ("arms.grpo.advantage={preset: lead, length_alpha: 1.5}",),
    ),
    Fault(
        "right and wrong turned round",
        ("wrong_pays_more",),
        patch=scored(lambda row, s: replace(s, bonus=s.bonus + (-2.0 if s.correct else 2.0))),
        onset=ONSET,
    ),
    Fault(
        "problems too hard",
        ("constant_reward", "zero_variance", "truncation"),
        ("data.world.steps=[9, 10]", "rl.max_tokens=160"),
    ),
    Fault("temperature near 0", ("entropy",), ("rl.temperature=0.05",)),
    Fault(
        "the reference is another model",
        ("kl",),
        ("arms.grpo.loss={kl: k3, beta: 0.05}",),
        other_reference,
    ),
    Fault(
        "far too many updates a batch",
        ("clip_fraction",),
        ("rl.updates=8", "rl.optimiser.learning_rate=3e-3"),
    ),
    Fault(
        "learning rate a hundred times too high",
        ("entropy", "accuracy_fall", "skipped_steps"),
        ("rl.optimiser.learning_rate=0.03",),
    ),
    Fault("the sampler waits for something", ("throughput",), patch=waiting, onset=ONSET),
    Fault(
        "reflecting words that say nothing are paid",
        ("reflection_hacking",),
        ("arms.grpo.rewards={accuracy: 1.0, reflection: 0.2}",),
        farmed,
        ONSET,
    ),
    Fault(
        "a reward that is the same for everybody",
        ("constant_reward",),
        patch=scored(lambda row, s: replace(s, correct=True)),
    ),
)
