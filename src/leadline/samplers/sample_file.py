"""Samples that somebody else drew: a sample file as a source like any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from leadline.data.samples.rows import read_samples
from leadline.errors import DataError
from leadline.samplers.base import Draw, Drawn, Prompting, Sampling
from leadline.types import Problem

__all__ = ["FileSampler"]


class FileSampler:
    """Takes the first n samples of every problem from a sample file; how they were drawn is the file's affair."""

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        self.prompting = Prompting()
        self._path = path

    @cached_property
    def _known(self) -> tuple[Counter[str], dict[str, str]]:
        """By problem: how many samples the file holds, and the prompt that the first of them tells."""
        there: Counter[str] = Counter()
        prompts: dict[str, str] = {}
        for sample in read_samples(self._path):
            there[sample.completion.problem_id] += 1
            if sample.prompt is not None:
                prompts.setdefault(sample.completion.problem_id, sample.prompt)
        return there, prompts

    def generate(
        self, problems: Sequence[Problem], n: int, sampling: Sampling, *, done: Drawn = frozenset()
    ) -> Iterator[Draw]:
        """Samples in the order of the file; the i-th of a problem has index i. Samples of other problems are left out.

        Raises:
            DataError: the file cannot be used, or holds fewer than n samples of some problem: known from a first
                reading, before anything is handed out.
        """
        wanted = {problem.id for problem in problems}
        there, _ = self._known
        short = [
            f"{self._path}: {there[name]} of {n} samples of {name!r}"
            for name in sorted(wanted)
            if there[name] < n
        ]
        if short:
            raise DataError(
                short[:20]
                + ([f"... and {len(short) - 20} more problems"] if len(short) > 20 else [])
                + [f"every problem has {min(there[name] for name in wanted)} samples at least (--samples)"]
            )
        seen: Counter[str] = Counter()
        for sample in read_samples(self._path):
            name = sample.completion.problem_id
            if name in wanted and seen[name] < n:
                draw = Draw(seen[name], sample.completion)
                seen[name] += 1
                if draw.key not in done:
                    yield draw

    def prompt_text(self, problem: Problem) -> str:
        """What the file says that the model saw; the problem's own text where it does not say."""
        return self._known[1].get(problem.id, problem.prompt)
