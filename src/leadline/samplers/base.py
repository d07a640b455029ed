"""What every source of samples agrees on: how to sample, what to ask, and which samples are still to be drawn."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from leadline.errors import ConfigError, DataError, Refusals
from leadline.types import Completion, Problem

__all__ = [
    "Draw",
    "Drawn",
    "Prompting",
    "SampleRequest",
    "Sampler",
    "Sampling",
    "check_prompts",
    "check_samples",
    "item_seed",
    "one_of_each",
    "pass_under_way",
    "pending",
    "within",
]

MAX_TOKENS = 2**20
"""Longest completion that is asked for: room for it is taken before it is drawn."""

SAMPLES_AT_MOST = 100_000
"""Most samples of a problem."""

Drawn = Collection[tuple[str, int]]
"""Samples that are there already, by (problem id, index)."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample. Temperature 0 is greedy.

    Raises:
        ConfigError: values out of their range, all at once.
    """

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        rules = {
            f"max_tokens must lie between 1 and {MAX_TOKENS:,}, got {self.max_tokens}": 1
            <= self.max_tokens
            <= MAX_TOKENS,
            f"temperature must be 0, or lie between 0.001 and 100, got {self.temperature}": self.temperature
            == 0
            or 1e-3 <= self.temperature <= 100,
            f"top_p must lie in (0, 1], got {self.top_p}": 0 < self.top_p <= 1,
            f"min_p must lie in [0, 1), got {self.min_p}": 0 <= self.min_p < 1,
            f"seed must lie in [0, 2^63), got {self.seed}": 0 <= self.seed < 2**63,
        }
        faults = [text for text, holds in rules.items() if not holds]
        if faults:
            raise ConfigError(faults)

    @property
    def cut(self) -> bool:
        """Whether unlikely tokens are left out: by top-p or min-p."""
        return self.top_p < 1 or self.min_p > 0


@dataclass(frozen=True, slots=True)
class Prompting:
    """What is put around a problem.

    Attributes:
        system: a system turn in front, for models with a chat template.
        template: text with ``{prompt}`` in it, e.g. ``{prompt}\\n\\nPut the final answer in \\\\boxed{}.``;
            only that one mark is replaced. Problems that come as chat turns are left as they are.
    """

    system: str | None = None
    template: str = "{prompt}"

    def __post_init__(self) -> None:
        if "{prompt}" not in self.template:
            raise ConfigError("prompt template: needs {prompt} in it")

    def apply(self, problem: Problem) -> Problem:
        """The problem with its prompt as it is asked.

        >>> Prompting(template="{prompt} Box {}.").apply(Problem("p", "1 + {x}?", "2")).prompt
        '1 + {x}? Box {}.'
        """
        if problem.messages is not None:
            return problem
        return replace(problem, prompt=self.template.replace("{prompt}", problem.prompt))

    def plain(self, problem: Problem, why: str) -> str:
        """What is asked as plain text, where there are no chat turns: ``why`` not.

        Raises:
            DataError: the problem is a chat, which plain text cannot carry.
        """
        if problem.messages is not None:
            raise DataError(f"problem {problem.id!r} is given as chat turns, and {why}")
        asked = self.apply(problem).prompt
        return f"{self.system}\n\n{asked}" if self.system else asked

    def turns(self, problem: Problem) -> list[dict[str, str]]:
        """The chat turns to send."""
        asked = self.apply(problem)
        turns = [{"role": turn.role, "content": turn.content} for turn in asked.messages or ()]
        turns = turns or [{"role": "user", "content": asked.prompt}]
        return [{"role": "system", "content": self.system}, *turns] if self.system else turns


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """One sample that is to be drawn: the ``index``-th of its problem."""

    problem: Problem
    index: int

    @property
    def key(self) -> tuple[str, int]:
        """What a drawn sample is known by."""
        return self.problem.id, self.index


@dataclass(frozen=True, slots=True)
class Draw:
    """One drawn sample: which one of its problem it is, and the completion."""

    index: int
    completion: Completion

    @property
    def key(self) -> tuple[str, int]:
        """What the sample is known by."""
        return self.completion.problem_id, self.index


class Sampler(Protocol):
    """A source of samples; ``name`` (of the model, say) and ``prompting`` are what a resumed run must agree with."""

    name: str
    prompting: Prompting

    def generate(
        self, problems: Sequence[Problem], n: int, sampling: Sampling, *, done: Drawn = frozenset()
    ) -> Iterator[Draw]:
        """Draw samples 0..n-1 of every problem, in any order, each exactly once, leaving out those in ``done``."""
        ...

    def prompt_text(self, problem: Problem) -> str:
        """The text that the model continues, as far as it is known here."""
        ...


def one_of_each(problems: Sequence[Problem]) -> list[Problem]:
    """The first problem of every form: plain text, and chats by who speaks in which order.

    What a tokenizer cannot be asked depends on the form alone.
    """
    forms: dict[tuple[str, ...], Problem] = {}
    for problem in problems:
        forms.setdefault(tuple(turn.role for turn in problem.messages or ()), problem)
    return list(forms.values())


def check_prompts(problems: Sequence[Problem], put: Callable[[Problem], object]) -> None:
    """Refuse problems that ``put`` refuses, as far as one of each form shows it: before weights are loaded.

    Raises:
        InputError: why, for each form.
    """
    refusals = Refusals()
    for problem in one_of_each(problems):
        with refusals:
            put(problem)
    refusals.raise_all()


def check_lengths(
    problems: Sequence[Problem], prompts: Mapping[str, Sequence[int]], positions: int | None
) -> None:
    """Refuse prompts that leave a model no position for an answer.

    Args:
        problems: those that are asked.
        prompts: their token ids by problem id; problems that are not in it are not asked now.
        positions: longest sequence of the model; None where it does not say.

    Raises:
        DataError: each such problem (up to 20) with its length.
    """
    if positions is None:
        return
    long = [p.id for p in problems if len(prompts.get(p.id, ())) >= positions]
    if long:
        raise DataError(
            f"problem {name!r:.80}: its prompt has {len(prompts[name]):,} tokens, "
            f"the model only {positions:,} positions"
            for name in long[:20]
        )


def within(sampling: Sampling, longest: int, positions: int | None) -> Sampling:
    """The sampling of a batch, with answers that end where the model has no position left; it is told once.

    Args:
        sampling: as it was asked for.
        longest: tokens of the batch's longest prompt.
        positions: longest sequence of the model; None where it does not say.
    """
    if positions is None or longest + sampling.max_tokens <= positions:
        return sampling
    warnings.warn(
        f"answers end before the {sampling.max_tokens:,} tokens that they may have: the model has {positions:,} "
        "positions, prompt included (--max-tokens says how many are wanted)",
        stacklevel=2,
    )
    return replace(sampling, max_tokens=positions - longest)


def pending(problems: Sequence[Problem], n: int, done: Drawn) -> list[SampleRequest]:
    """The samples still to be drawn, all those of a problem together (a server can then read its prompt once).

    >>> [item.key for item in pending([Problem("a", "?", "1"), Problem("b", "?", "1")], 2, {("a", 0)})]
    [('a', 1), ('b', 0), ('b', 1)]
    """
    check_samples(n)
    known = done if isinstance(done, set | frozenset) else set(done)
    items = (SampleRequest(problem, index) for problem in problems for index in range(n))
    return [item for item in items if item.key not in known]


def check_samples(n: int) -> None:
    """Refuse a number of samples a problem that is none, or for which there would be no room.

    Raises:
        ConfigError: says so.
    """
    if not 1 <= n <= SAMPLES_AT_MOST:
        raise ConfigError(f"samples must lie between 1 and {SAMPLES_AT_MOST:,}, got {n}")


def pass_under_way(problems: Sequence[Problem], n: int, done: Drawn) -> range:
    """The indices that are drawn for every problem, finished ones included, when samples up to ``n`` are wanted.

    What is drawn together decides the last digits of a model's numbers. A run that goes on therefore makes its batches
    of what the one that was stopped had to draw, not of what that left: samples before these were there when it began,
    asked for with fewer a problem. It drew all of a problem before it came to the next, so the last problem that lacks
    any tells where it began; a single one may be the last of them all, cut off.

    >>> problems = [Problem("a", "?", "1"), Problem("b", "?", "1")]
    >>> pass_under_way(problems, 4, {("a", 0), ("a", 1), ("a", 2)})
    range(0, 4)
    >>> pass_under_way(problems, 4, {("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1)})
    range(2, 4)
    """
    check_samples(n)
    known = done if isinstance(done, set | frozenset) else set(done)
    firsts = (next((i for i in range(n) if (problem.id, i) not in known), n) for problem in problems)
    lacking = [first for first in firsts if first < n]
    return range(min(lacking) if len(lacking) > 1 else 0, n)


def item_seed(seed: int, problem_id: str, index: int) -> int:
    """A seed of one sample's own, in [0, 2^31): the same whatever was drawn before it."""
    digest = hashlib.sha256(f"{seed}\0{problem_id}\0{index}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") >> 1
