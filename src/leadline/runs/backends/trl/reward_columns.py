"""A scorer as TRL reward functions: every completion is scored once, and each part of its score is one column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from leadline.model.codec import Codec
from leadline.rewards import Scorer
from leadline.types import Completion, Problem, SampleRow, Score

__all__ = ["ScoredRewards"]


class ScoredCompletions(NamedTuple):
    """Row by row: the problems, the completions and their scores."""

    problems: list[Problem]
    completions: list[Completion]
    scores: list[Score]

    def and_(
        self, problems: list[Problem], completions: list[Completion], scores: list[Score]
    ) -> ScoredCompletions:
        """These and those."""
        return ScoredCompletions(
            self.problems + problems, self.completions + completions, self.scores + scores
        )


class ScoredRewards:
    """The reward functions of one stage. The data set has a column ``row``: the position of each row's problem.

    Texts are decoded here, special tokens kept: TRL's own texts lack them, and a format tag may be one.

    Attributes:
        batch: all that was scored since :meth:`begin`.
        ends: token ids that end a completion; the trainer knows them, once it is made.
    """

    def __init__(
        self, scorer: Scorer, codec: Codec, problems: Sequence[Problem], weights: Mapping[str, float]
    ) -> None:
        self.scorer, self.codec, self.problems = scorer, codec, problems
        self.ends: frozenset[int] = frozenset([codec.eos])
        self.parts = [name for name in weights if name != "accuracy"]
        self.measured = [*self.parts, *(["farmed"] if "reflection" in weights else [])]
        self.weights = [1.0, 0.0, *(weights[name] for name in self.parts)]
        self.weights += [0.0] * (len(self.measured) - len(self.parts))
        self._last: tuple[object, list[Score]] | None = None
        self.batch = ScoredCompletions([], [], [])

    @property
    def functions(self) -> list[Callable[..., list[float | None]]]:
        """``accuracy`` and ``answered``, then one function a part; :attr:`weights` belong to them in this order."""
        values: dict[str, Callable[[Score], float | None]] = {
            "accuracy": lambda score: None if score.correct is None else float(score.correct),
            "answered": lambda score: float(score.answered),
        }
        values |= {name: lambda score, name=name: score.parts[name] for name in self.measured}  # type: ignore[misc]
        return [self._function(name, value) for name, value in values.items()]

    def _function(
        self, name: str, value: Callable[[Score], float | None]
    ) -> Callable[..., list[float | None]]:
        def function(
            completion_ids: Sequence[Sequence[int]], row: Sequence[int], **_: Any
        ) -> list[float | None]:
            return [value(score) for score in self.score(completion_ids, row)]

        function.__name__ = name
        return function

    def score(self, completion_ids: Sequence[Sequence[int]], row: Sequence[int]) -> list[Score]:
        """The scores of a batch of completions; asking again for the last batch costs nothing."""
        key = ([list(ids) for ids in completion_ids], list(row))
        if self._last is None or self._last[0] != key:
            problems = [self.problems[index] for index in row]
            completions = [self._completion(p, ids) for p, ids in zip(problems, key[0], strict=True)]
            scores = self.scorer.score(problems, completions)
            self.batch = self.batch.and_(problems, completions, scores)
            self._last = (key, scores)
        return self._last[1]

    def begin(self) -> None:
        """What is scored from now on is :attr:`batch`."""
        self.batch, self._last = ScoredCompletions([], [], []), None

    def sample_rows(self, rewards: Sequence[float], advantages: Sequence[float]) -> list[dict[str, Any]]:
        """The batch as rows of a samples file."""
        return [
            SampleRow.of(
                problem,
                completion,
                score,
                self.codec.prompt_text(problem),
                reward=reward,
                advantage=advantage,
            ).to_row()
            for problem, completion, score, reward, advantage in zip(
                *self.batch, rewards, advantages, strict=True
            )
        ]

    def _completion(self, problem: Problem, ids: Sequence[int]) -> Completion:
        finished = bool(ids) and ids[-1] in self.ends
        text = self.codec.tokenizer.decode(ids[:-1] if finished else ids, skip_special_tokens=False)
        return Completion(problem.id, str(text), len(ids), finished)
