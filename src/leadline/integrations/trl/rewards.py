"""leadline's rewards in TRL's calling convention: ``f(prompts, completions, completion_ids=..., **columns)``.

Usable alone, in anybody's ``GRPOTrainer(reward_funcs=[accuracy_reward, reflection])``. Completions are plain
texts or chats. Nothing here looks at a group: TRL hands a reward function the rows of one process, which may be half
of a group.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

from leadline.errors import InputError
from leadline.grading import Grade, Grader
from leadline.grading.gold import gold_as_text
from leadline.grading.restated import without_restated
from leadline.integrations.trl.turns import OPENED, OWN_TOKENS, own_text, text_of_turns
from leadline.rewards import reflect
from leadline.rewards.components import Part, make_parts
from leadline.types import Completion, Problem

__all__ = [
    "GOLD_COLUMNS",
    "AccuracyReward",
    "AnsweredReward",
    "PartReward",
    "accuracy_reward",
    "answered",
    "format_reward",
    "reflection",
    "repetition",
    "reward_functions",
]

GOLD_COLUMNS = ("answer", "solution", "ground_truth", "target")
"""Where the gold is looked for when no column is named: the first of these that the data set has."""

_OF_TRAINER = frozenset((OWN_TOKENS, OPENED, "prompts", "log_extra", "log_metric", "trainer_state"))
"""What reward functions get besides the columns of the data set."""

_BY_LENGTH = frozenset(["overlong"])
"""Parts that are about nothing but the number of tokens."""


@cache
def _shared_grader() -> Grader:
    """One grader for the process, closed with it; its time limit works in any thread (no SIGALRM)."""
    grader = Grader()
    atexit.register(grader.close)
    return grader


class AccuracyReward:
    """1.0 for a right answer, 0.0 for a wrong one, None where the gold cannot be graded against.

    TRL leaves None rows out of its statistics, and so does :class:`LeadGRPOTrainer`.

    Args:
        column: data set column that holds the gold; None = the first of :data:`GOLD_COLUMNS`.
        grader: None = one shared by the process. Any number of reward functions may share one.
        eos_token_id: with it, a completion whose last token is none of these was cut off and is wrong.
            Without, every completion is graded as if it had ended (the trainer corrects for it: it knows
            the tokenizer).

    >>> texts = ["\\\\boxed{42}", "\\\\boxed{41}", "?"]
    >>> accuracy_reward(prompts=["6 x 7?"] * 3, completions=texts, answer=["42", "42", ""])
    [1.0, 0.0, None]
    """

    def __init__(
        self,
        column: str | None = None,
        *,
        grader: Grader | None = None,
        eos_token_id: int | Collection[int] | None = None,
    ) -> None:
        self.__name__ = "accuracy"
        self.column = column
        self.eos: frozenset[int] | None = None
        if eos_token_id is not None:
            self.eos = frozenset([eos_token_id] if isinstance(eos_token_id, int) else eos_token_id)
        self._grader = grader
        self._last: tuple[object, list[Grade]] | None = None

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        grades = self.grades(completions, **columns)
        return [None if grade.correct is None else float(grade.correct) for grade in grades]

    def grades(
        self, completions: Sequence[Any], *, completion_ids: Any = None, **columns: Any
    ) -> list[Grade]:
        """The full verdicts; those of the last batch are kept, so that asking twice grades once."""
        texts = _texts(completions, columns)
        golds = gold_column(columns, self.column)
        if len(golds) != len(texts):
            raise InputError(
                f"{len(texts)} completions and {len(golds)} reference answers: one each is expected"
            )
        finished = [True] * len(texts)
        if self.eos is not None and completion_ids is not None:
            finished = [len(ids) > 0 and int(ids[-1]) in self.eos for ids in completion_ids]
        key = (texts, golds, finished)
        if self._last is None or self._last[0] != key:
            grader = self._grader or _shared_grader()
            grades = grader.grade_many(list(zip(texts, golds, strict=True)), finished=finished)
            asked = _asked(columns.get("prompts", ()))
            if len(asked) == len(texts):  # where the questions are known
                grades = without_restated(grades, texts, asked, golds)
            self._last = (key, grades)
        return self._last[1]


class AnsweredReward:
    """1.0 where an answer was found, right or wrong, else 0.0: tells "no answer" from "wrong".

    Give it weight 0.

    :class:`LeadGRPOTrainer` needs it only where the two earn differently
    (``AdvantageConfig.lead_released_code()``).
    """

    def __init__(self, accuracy: AccuracyReward) -> None:
        self.__name__ = "answered"
        self.accuracy = accuracy

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        grades = self.accuracy.grades(completions, **columns)
        return [
            None if g.correct is None else float(g.reason not in ("no_answer", "truncated")) for g in grades
        ]


class PartReward:
    """Any other part of leadline's reward (format, reflection, repetition, overlong, ``module:function``).

    Args:
        part: as :func:`leadline.rewards.components.make_parts` builds it; its weight is not applied here, TRL
            does that.
        accuracy: needed by parts that pay correct completions only.
    """

    def __init__(self, part: Part, accuracy: AccuracyReward) -> None:
        self.__name__ = part.name
        self.part = part
        self.accuracy = accuracy

    def __call__(
        self,
        completions: Sequence[Any],
        *,
        prompts: Sequence[Any] = (),
        completion_ids: Any = None,
        **columns: Any,
    ) -> list[float | None]:
        prefilled = bool(self.part.options.get("prefilled"))  # then the part itself puts the tag back
        texts = _texts(completions, {} if prefilled else columns)
        lengths = self._lengths(columns.get(OWN_TOKENS), completion_ids, len(texts))
        rows = [Completion("", text, length) for text, length in zip(texts, lengths, strict=True)]
        if self.part.function is not None:
            problems = _problems(prompts, columns, self.accuracy.column, len(rows))
            return [self.part.value(row, problem) for row, problem in zip(rows, problems, strict=True)]
        ignore_repeats = bool(self.part.options.get("ignore_repeats"))
        found = [reflect(row, ignore_repeats=ignore_repeats, repeats=ignore_repeats).value for row in rows]
        if self.part.options.get("only_if_correct"):
            grades = self.accuracy.grades(
                completions, completion_ids=completion_ids, prompts=prompts, **columns
            )
            return [value if g.correct else 0.0 for value, g in zip(found, grades, strict=True)]
        return list(found)

    def _lengths(self, own: Sequence[int] | None, completion_ids: Any, size: int) -> Sequence[int]:
        """How many tokens each completion has; ``completion_ids`` may be lists, arrays or tensors."""
        if own is not None:
            return own
        if completion_ids is not None:
            return [len(ids) for ids in completion_ids]
        if self.part.name in _BY_LENGTH:
            raise InputError(
                f"{self.part.name} counts tokens: call it with completion_ids, as TRL's GRPOTrainer does"
            )
        return [0] * size


def reward_functions(
    weights: Mapping[str, float],
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    column: str | None = None,
    grader: Grader | None = None,
    eos_token_id: int | Collection[int] | None = None,
) -> tuple[list[Callable[..., list[float | None]]], list[float]]:
    """``reward_funcs`` and ``reward_weights`` for TRL, from the weights and options of a recipe.

    ``accuracy`` and ``answered`` come first (weights 1 and 0), then the other parts in the order of
    ``weights``.

    Raises:
        ConfigError: unknown parts, weights or options, all at once.

    >>> functions, weights = reward_functions({"accuracy": 1, "format": 0.2, "reflection": 0.3})
    >>> [function.__name__ for function in functions], weights
    (['accuracy', 'answered', 'format', 'reflection'], [1.0, 0.0, 0.2, 0.3])
    """
    parts = make_parts(weights, options or {})
    right = AccuracyReward(column, grader=grader, eos_token_id=eos_token_id)
    functions: list[Callable[..., list[float | None]]] = [right, AnsweredReward(right)]
    functions += [PartReward(part, right) for part in parts]
    return functions, [1.0, 0.0, *(part.weight for part in parts)]


def gold_column_faults(functions: Any, datasets: Mapping[str, Any], *, removed: bool = False) -> list[str]:
    """Data sets without a column that :class:`AccuracyReward` finds a gold in, as far as their columns are known.

    Args:
        functions: ``reward_funcs``, one or several.
        datasets: name -> data set, or None, or a mapping of data sets.
        removed: ``remove_unused_columns``, under which TRL keeps the prompts alone.

    >>> class Rows:
    ...     column_names = ["prompt", "label"]
    >>> gold_column_faults([accuracy_reward], {"train_dataset": Rows()})
    ['train_dataset: no gold column: looked for answer, solution, ground_truth, target, found label, prompt']
    """
    several = functions if isinstance(functions, list | tuple) else [functions]
    looked_for = [function.column for function in several if isinstance(function, AccuracyReward)]
    faults = []
    if looked_for and removed:
        faults.append("remove_unused_columns: True takes the reference answers away; leave it at False")
    for name, given in datasets.items():
        parts = given if isinstance(given, Mapping) else {"": given}
        for part, dataset in parts.items():
            found = getattr(dataset, "column_names", None)
            if not isinstance(found, list):  # a stream may not know them
                continue
            for column in looked_for:
                names = GOLD_COLUMNS if column is None else (column,)
                if not set(names) & set(found):
                    place = f"{name}[{part!r}]" if part else name
                    faults.append(
                        f"{place}: no gold column: looked for {', '.join(names)}, found {', '.join(sorted(found))}"
                    )
    return faults


def gold_column(columns: Mapping[str, Any], column: str | None) -> list[str]:
    """The reference answers as text; a missing one is empty, which no answer can match: its row is unscorable.

    Raises:
        InputError: the data set has no such column.
    """
    names = GOLD_COLUMNS if column is None else (column,)
    for name in names:
        if name in columns:
            golds = (
                [columns[name]] if isinstance(columns[name], str) else columns[name]
            )  # not letter by letter
            return [gold_as_text(gold, f"column {name!r}") for gold in golds]
    found = (
        ", ".join(sorted(set(columns) - _OF_TRAINER)) or "none (remove_unused_columns=True takes them away)"
    )
    raise InputError(f"the data set has no gold column: looked for {', '.join(names)}, found {found}")


def _asked(prompts: Sequence[Any]) -> list[str]:
    return [prompt if isinstance(prompt, str) else text_of_turns(prompt) for prompt in prompts]


def _texts(completions: Sequence[Any], columns: Mapping[str, Any]) -> list[str]:
    opened = columns.get(OPENED) or [False] * len(completions)
    return [own_text(text, opened=bool(tag)) for text, tag in zip(completions, opened, strict=True)]


def _problems(
    prompts: Sequence[Any], columns: Mapping[str, Any], column: str | None, size: int
) -> list[Problem]:
    """What a user's own reward gets as the problem of each row: prompt, gold, and the other columns as ``meta``."""
    names = [name for name in (GOLD_COLUMNS if column is None else (column,)) if name in columns]
    golds = gold_column(columns, column) if names else [""] * size
    asked = _asked(prompts) or [""] * size
    per_row = {
        name: values
        for name, values in columns.items()
        if isinstance(values, list) and len(values) == size and name not in (OWN_TOKENS, OPENED)
    }
    return [
        Problem("", asked[i], golds[i], meta={name: values[i] for name, values in per_row.items()})
        for i in range(size)
    ]


accuracy_reward = AccuracyReward()
answered = AnsweredReward(accuracy_reward)
format_reward, reflection, repetition = (
    PartReward(part, accuracy_reward)
    for part in make_parts({"format": 1.0, "reflection": 1.0, "repetition": 1.0}, {})
)
