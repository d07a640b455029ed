"""The parts that a score can have besides accuracy, with their options and how far each can move a reward."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from leadline.errors import ConfigError
from leadline.rewards.format import format_reward
from leadline.rewards.overlong import overlong
from leadline.rewards.placebo import placebo
from leadline.rewards.repetition import repetition
from leadline.rewards.user_functions import guarded, resolve
from leadline.types import Completion, Problem

__all__ = ["REFLECTION_OPTIONS", "Part", "bonus_advantage", "make_parts"]

_PLAIN: Mapping[str, tuple[Callable[..., float], float, float]] = {
    "format": (format_reward, 0.0, 1.0),
    "repetition": (repetition, -1.0, 0.0),
    "overlong": (overlong, -1.0, 0.0),
    "placebo": (placebo, 0.0, 1.0),
}
REFLECTION_OPTIONS = frozenset({"only_if_correct", "ignore_repeats"})


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a score: weight, range, and function (None for reflection, which gives spans too)."""

    name: str
    weight: float
    low: float
    high: float
    function: Callable[[Completion, Problem], float] | None
    options: Mapping[str, Any]

    def value(self, completion: Completion, problem: Problem) -> float:
        """The unweighted value; a user's function must give a finite number."""
        assert self.function is not None
        value: Any = self.function(completion, problem)
        if getattr(value, "shape", None) == ():
            value = value.item()  # a number of numpy or torch
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ConfigError(
                f"reward {self.name!r} gave {value!r} for {problem.id!r}: expected a finite number"
            )
        return float(value)


def make_parts(weights: Mapping[str, float], options: Mapping[str, Mapping[str, Any]]) -> tuple[Part, ...]:
    """The parts that ``weights`` names, accuracy left out.

    Raises:
        ConfigError: every unknown part, weight or option, all at once.
    """
    if not isinstance(weights, Mapping):
        raise ConfigError(
            "rewards.weights: name -> weight is expected, such as {'accuracy': 1, 'format': 0.2}"
        )
    faults = [f"rewards.options.{name}: {name!r} has no weight" for name in options if name not in weights]
    if weights.get("accuracy", 1.0) != 1.0:
        faults.append(
            "rewards.weights.accuracy: must be 1: it is the unit that the other weights are counted in"
        )
    if options.get("accuracy"):
        faults.append("rewards.options.accuracy: takes no options; name a grader instead")
    parts = []
    for name, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
            faults.append(f"rewards.weights.{name}: expected a finite number, got {weight!r}")
        elif name != "accuracy":
            try:
                parts.append(_part(name, float(weight), options.get(name, {})))
            except ConfigError as error:
                faults.extend(error.problems)
    if faults:
        raise ConfigError(faults)
    return tuple(parts)


def _part(name: str, weight: float, options: Mapping[str, Any]) -> Part:
    if name == "reflection":
        _refuse_unknown(name, options, REFLECTION_OPTIONS)
        return Part(name, weight, 0.0, 1.0, None, options)
    if name in _PLAIN:
        function, low, high = _PLAIN[name]
        _check_options(name, function, options)
        return Part(name, weight, low, high, lambda completion, _: function(completion, **options), options)
    if ":" in name:
        own = guarded(resolve(name, what="reward"), f"reward {name!r}")
        return Part(
            name, weight, 0.0, 1.0, lambda completion, problem: own(completion, problem, **options), options
        )
    known = ", ".join(["accuracy", *_PLAIN, "reflection"])
    raise ConfigError(
        f"rewards.weights.{name}: no such part (there are {known}, or your own as 'module:function')"
    )


def _check_options(name: str, function: Callable[..., float], options: Mapping[str, Any]) -> None:
    """Refuse unknown and missing options, and values that the function itself refuses."""
    takes = [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    _refuse_unknown(name, options, frozenset(p.name for p in takes))
    missing = [p.name for p in takes if p.default is p.empty and p.name not in options]
    if missing:
        raise ConfigError([f"rewards.options.{name}.{option}: is needed" for option in missing])
    try:
        function(Completion("", "", 0), **options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"rewards.options.{name}: {error}") from error


def _refuse_unknown(name: str, options: Mapping[str, Any], known: frozenset[str]) -> None:
    unknown = [option for option in options if option not in known]
    if unknown:
        choices = ", ".join(sorted(known))
        raise ConfigError(
            [f"rewards.options.{name}.{option}: unknown (there are {choices})" for option in unknown]
        )


def bonus_advantage(parts: tuple[Part, ...]) -> float:
    """By how much the bonus of a wrong completion can exceed that of a right one, at most.

    ``sum over parts of max(w * low, w * high) - min(w * low, w * high)``; reflection paid to correct
    completions only cannot lift a wrong one. The range of a user's own function is unknown and taken as [0,
    1].
    """
    total = 0.0
    for part in parts:
        ends = (part.weight * part.low, part.weight * part.high)
        best_wrong, worst_right = max(ends), min(ends)
        if part.options.get("only_if_correct"):
            best_wrong = 0.0
        total += best_wrong - worst_right
    return total
