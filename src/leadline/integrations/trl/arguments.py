"""What a trainer is made of, looked at before its model is loaded: every fault that could only be found later."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from leadline.grpo.config import PRESETS, AdvantageConfig
from leadline.integrations.trl.rewards import PartReward, gold_column_faults
from leadline.types import finite_number

__all__ = ["argument_faults", "is_whole", "named_arguments", "prompt_faults"]


def named_arguments(trainer: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments by name, those given by position too, as the first class that names them takes them."""
    signatures = (
        inspect.signature(vars(base)["__init__"]) for base in trainer.__mro__ if "__init__" in vars(base)
    )
    signature = next((found for found in signatures if "reward_funcs" in found.parameters), None)
    try:
        return (
            dict(kwargs)
            if signature is None
            else dict(signature.bind_partial(None, *args, **kwargs).arguments)
        )
    except TypeError:  # does not fit: the trainer itself will say so
        return dict(kwargs)


def argument_faults(
    named: Mapping[str, Any], *, advantage: Any, correctness: Any, correct_above: Any
) -> list[str]:
    """Everything that is wrong with the arguments, as far as it shows without the model."""
    faults = []
    if not isinstance(advantage, AdvantageConfig):
        faults.append(
            f"advantage: {str(advantage)[:60]!r} is no AdvantageConfig; there are "
            f"{', '.join(f'AdvantageConfig.{name}()' for name in PRESETS)}"
        )
    if not isinstance(correctness, str):
        name = getattr(correctness, "__name__", None)
        faults.append(
            f"correctness: the name of a reward function is expected, {f'{name!r}, ' if name else ''}"
            f"not {type(correctness).__name__}"
        )
    if correct_above is not None and finite_number(correct_above) is None:
        faults.append(f"correct_above: {correct_above!r} is no number: right is what exceeds it, such as 0.5")
    faults += _function_faults(named)
    sets = {name: named.get(name) for name in ("train_dataset", "eval_dataset")}
    if named.get("environment_factory") is None:  # it may bring the prompts
        faults += prompt_faults(sets)
    if named.get("rollout_func") is None:  # it may bring the gold
        removed = bool(getattr(named.get("args"), "remove_unused_columns", False))
        faults += gold_column_faults(named.get("reward_funcs"), sets, removed=removed)
    return faults


def _function_faults(named: Mapping[str, Any]) -> list[str]:
    """Reward functions in a form that TRL takes for something else, and weights of a recipe that got lost."""
    given = named.get("reward_funcs")
    if isinstance(given, tuple):
        pair = len(given) == 2 and all(isinstance(one, list) for one in given)
        return [
            "reward_funcs: these are the functions and their weights: functions, weights = reward_functions(...), "
            "then reward_funcs=functions and GRPOConfig(reward_weights=weights)"
            if pair
            else "reward_funcs: a tuple, which TRL takes for one function: make it a list"
        ]
    if getattr(named.get("args"), "reward_weights", None) is not None or not isinstance(given, list):
        return []
    lost = [one.part for one in given if isinstance(one, PartReward) and one.part.weight != 1]
    return [
        f"reward_weights: none are given, so that {part.name!r} would count 1 and not {part.weight:g}: "
        "GRPOConfig(reward_weights=weights), with the weights that reward_functions gave"
        for part in lost[:1]
    ]


def prompt_faults(datasets: Mapping[str, Any]) -> list[str]:
    """Data sets without a column ``prompt``, as far as their columns are known.

    >>> class Rows:
    ...     column_names = ["question", "answer"]
    >>> prompt_faults({"train_dataset": Rows(), "eval_dataset": None})
    ["train_dataset: no column 'prompt', found answer, question: rename_column(NAME, 'prompt') makes one"]
    """
    faults = []
    for name, given in datasets.items():
        parts = given if isinstance(given, Mapping) else {"": given}
        for part, dataset in parts.items():
            found = getattr(dataset, "column_names", None)
            if isinstance(found, list) and "prompt" not in found:
                place = f"{name}[{part!r}]" if part else name
                faults.append(
                    f"{place}: no column 'prompt', found {', '.join(sorted(found)) or 'none'}: "
                    "rename_column(NAME, 'prompt') makes one"
                )
    return faults


def is_whole(value: Any) -> bool:
    """Whether this is a whole number, and no truth value.

    >>> is_whole(4), is_whole(4.0), is_whole("4"), is_whole(True)
    (True, False, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool)
