"""``trl.launch``: the words of ``accelerate launch``, and what accelerate makes of them."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from typing import NoReturn, cast

import yaml

from leadline.errors import ConfigError
from leadline.recipes.schema import Recipe

__all__ = ["are_words", "launch_arguments", "launch_words", "processes", "spread", "with_processes"]

_COUNT = ("--num_processes", "--num-processes")


def are_words(value: object) -> bool:
    """Whether a value of ``trl.launch`` is a list of words."""
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def launch_words(recipe: Recipe) -> list[str]:
    """The recipe's own words; none where a stage runs in this process.

    Raises:
        ConfigError: they are no list of words.
    """
    words = recipe.trl.get("launch")
    if words is None:
        return []
    if not are_words(words):
        raise ConfigError(
            f'trl.launch: must be a list of words such as ["--num_processes", "8"], is {words!r:.60}'
        )
    return list(words)


def with_processes(words: Sequence[str], count: int) -> list[str]:
    """The words for another number of processes; the rest of them, such as DeepSpeed's, stays.

    >>> with_processes(["--num_processes", "8", "--use_deepspeed"], 4)
    ['--num_processes', '4', '--use_deepspeed']
    """
    if not words:
        several = ["--multi_gpu"] if count > 1 else []
        return ["--num_processes", str(count), "--num_machines", "1", "--mixed_precision", "bf16", *several]
    kept, skip = [], False
    for word in words:
        if not skip and word.partition("=")[0] not in _COUNT:
            kept.append(word)
        skip = not skip and word in _COUNT
    return ["--num_processes", str(count), *kept]


def launch_arguments(words: Sequence[str]) -> argparse.Namespace:
    """What ``accelerate launch`` reads from these words and its configuration file.

    Raises:
        ConfigError: it would refuse them, or they ask for several machines.
    """
    from accelerate.commands import launch

    parser = launch.launch_command_parser()
    parser.error = _refuse  # argparse would print and exit
    logger = logging.getLogger(launch.__name__)
    level = logger.level
    logger.setLevel(logging.ERROR)  # what it takes by default, it says again in the log of the stage
    try:
        given, *_ = launch._validate_launch_command(parser.parse_args([*words, "-m", "worker"]))
    except (ValueError, TypeError, OSError, yaml.YAMLError, SystemExit) as fault:
        raise ConfigError(f"trl.launch: accelerate refuses it: {fault}") from fault
    finally:
        logger.setLevel(level)
    if (given.num_machines or 1) > 1:
        raise ConfigError(
            f"trl.launch: {given.num_machines} machines; backend trl runs on one, whose run directory it writes"
        )
    return cast(argparse.Namespace, given)


def spread(given: argparse.Namespace) -> int:
    """Processes that train together."""
    several = (
        given.multi_gpu or given.use_deepspeed or given.use_fsdp or given.use_megatron_lm or given.tpu
    ) and not given.cpu
    return int(given.num_processes or 1) if several else 1


def processes(words: Sequence[str]) -> int:
    """How many processes ``accelerate launch`` starts with these words.

    Raises:
        ConfigError: as :func:`launch_arguments`.
    """
    return spread(launch_arguments(words))


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)
