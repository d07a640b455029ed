"""From completions to scores: correctness, the parts of the reward, and their weighted sum."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

from leadline.errors import ConfigError
from leadline.grading import Grade, Grader, Reason
from leadline.grading.restated import without_restated
from leadline.rewards.components import bonus_advantage, make_parts
from leadline.rewards.reflection import reflect
from leadline.rewards.user_functions import named_grader
from leadline.types import Completion, Problem, Score, Span

__all__ = ["BonusWarning", "Scorer"]

_NO_OPTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


class BonusWarning(UserWarning):
    """The weights let a wrong completion earn as much as a right one (decision "Reward")."""


class Scorer:
    """Scores completions: grades each one and adds up the other parts as its bonus.

    ``bonus = sum of weight * part`` over every part but accuracy (which fills ``Score.correct``, and whose
    weight is the unit, 1). A part with weight 0 is measured, not paid. Where reflection is measured,
    ``parts["farmed"]`` is the share of its hits that stand in near-repeats; ``Score.spans`` are the hits that
    it counted.

    Args:
        weights: part name -> weight. Parts: ``accuracy``, ``format``, ``reflection``, ``repetition``,
            ``overlong``, or a user's own ``module:function`` (signatures: :func:`leadline.rewards.resolve`).
        options: part name -> keyword arguments of its function, e.g. ``{"reflection": {"only_if_correct":
            True}}``.
        grader: a :class:`leadline.Grader` (stays the caller's to close), a function ``(response, gold) ->
            bool | None | Grade``, its ``module:function`` name, or None: a grader of the scorer's own, closed
            with it.
        gap: reward of a right completion minus that of a wrong one, before the bonus (1 for {0, 1}, 2 for
            {-1, 1}).

    Raises:
        ConfigError: unknown parts or options, all at once.

    Warns:
        BonusWarning: the bonus of a wrong completion can outweigh being right.

    >>> scorer = Scorer({"accuracy": 1, "format": 0.2, "reflection": 0.3})
    >>> text = r"<think>Check: 1 + 1 = 2.</think><answer>\\boxed{2}</answer>"
    >>> [score] = scorer.score([Problem("p", "1 + 1?", "2")], [Completion("p", text, 12)])
    >>> score.correct, round(score.bonus, 3), dict(score.parts)
    (True, 0.263, {'accuracy': 1.0, 'format': 1.0, 'reflection': 0.21, 'farmed': 0.0})
    >>> scorer.close()
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        *,
        options: Mapping[str, Mapping[str, Any]] = _NO_OPTIONS,
        grader: Grader | Callable[..., Any] | str | None = None,
        gap: float = 1.0,
    ) -> None:
        self._parts = make_parts(weights, options)
        self._own_grader = grader is None
        self._grader: Any = named_grader(grader) if isinstance(grader, str) else grader or Grader()
        reach = bonus_advantage(self._parts)
        if reach >= gap:
            paid = ", ".join(part.name for part in self._parts if part.weight)
            warnings.warn(
                f"the bonus of a wrong completion can exceed that of a right one by {reach:g}, "
                f"and being right is worth only {gap:g}: lower the weights of {paid}",
                BonusWarning,
                stacklevel=2,
            )

    def score(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[Score]:
        """One score a row; row i of ``problems`` and ``completions`` belong together.

        Raises:
            ValueError: unequal lengths, or a completion of another problem than its row says.
            ConfigError: a user's own reward or grader gave something that is none.
        """
        if len(problems) != len(completions):
            raise ValueError(f"{len(problems)} problems for {len(completions)} completions")
        for problem, completion in zip(problems, completions, strict=True):
            if problem.id != completion.problem_id:
                raise ValueError(f"completion of {completion.problem_id!r} in the row of {problem.id!r}")
        grades = self._grades(problems, completions)
        return [self._score(*row) for row in zip(problems, completions, grades, strict=True)]

    def close(self) -> None:
        """Stop the workers of the scorer's own grader."""
        if self._own_grader:
            self._grader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _grades(self, problems: Sequence[Problem], completions: Sequence[Completion]) -> list[Grade]:
        pairs = [
            (completion.text, problem.answer)
            for problem, completion in zip(problems, completions, strict=True)
        ]
        if isinstance(self._grader, Grader):
            grades = self._grader.grade_many(
                pairs, finished=[completion.finished for completion in completions]
            )
            texts, golds = [text for text, _ in pairs], [gold for _, gold in pairs]
            return without_restated(grades, texts, [problem.prompt for problem in problems], golds)
        return [
            _as_grade(self._grader(*pair)) if completion.finished else Grade(False, Reason.truncated, None)
            for pair, completion in zip(pairs, completions, strict=True)
        ]

    def _score(self, problem: Problem, completion: Completion, grade: Grade) -> Score:
        values = {"accuracy": float(grade.correct is True)}
        bonus = 0.0
        spans: tuple[Span, ...] = ()
        for part in self._parts:
            if part.function is None:
                found = reflect(completion, ignore_repeats=bool(part.options.get("ignore_repeats")))
                spans = found.spans
                unpaid = part.options.get("only_if_correct") and grade.correct is not True
                values[part.name] = 0.0 if unpaid else found.value
                values["farmed"] = found.near_repeat_share
            else:
                values[part.name] = part.value(completion, problem)
            bonus += part.weight * values[part.name]
        return Score(
            correct=grade.correct,
            reason=str(grade.reason),
            answer=grade.answer,
            length=completion.n_tokens,
            bonus=bonus,
            parts=values,
            spans=spans,
        )


def _as_grade(verdict: object) -> Grade:
    """What a user's grader said, as a grade: it may give a plain bool, or None for an unusable reference answer."""
    if isinstance(verdict, Grade):
        return verdict
    if verdict is None:
        return Grade(None, Reason.unparsable_gold, None)
    if isinstance(verdict, bool):
        return Grade(verdict, Reason.match if verdict else Reason.mismatch, None)
    raise ConfigError(f"the grader gave {verdict!r}: expected True, False, None or a Grade")
