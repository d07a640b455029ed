"""What leadline reads in verl's configuration: ``algorithm.leadline`` and ``reward.leadline``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leadline.errors import ConfigError
from leadline.grpo.config import PRESETS, AdvantageConfig

__all__ = [
    "RewardSettings",
    "advantage_settings",
    "plain_settings",
    "reward_settings",
    "settings_faults",
    "state_folder",
]


class RewardSettings(BaseModel):
    """``reward.leadline.*``: what a completion earns besides being right, and who grades it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weights: dict[str, float] = Field(default_factory=lambda: {"accuracy": 1.0})
    options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    grader: str | None = None
    trail: str | None = None
    """A folder, on storage that all nodes share, where every score is written down with its reasons and lengths."""


def plain_settings(value: Any) -> Any:
    """Mappings and lists of any kind (OmegaConf's among them) as dicts and lists; a JSON object in a text is read.

    >>> plain({"a": '{"b": [1]}'})
    {'a': {'b': [1]}}
    """
    if isinstance(value, Mapping):
        return {str(key): plain_settings(item) for key, item in value.items()}
    if isinstance(value, str):
        if not value.lstrip().startswith("{"):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ConfigError(f"{value!r:.80}: starts like JSON and is none: {error}") from error
    return [plain_settings(item) for item in value] if isinstance(value, Sequence) else value


def advantage_settings(algorithm: Any) -> AdvantageConfig:
    """``algorithm.leadline``: the fields of :class:`AdvantageConfig`, or a ``preset`` with changes; without it LEAD.

    Raises:
        ConfigError: lists every wrong field.

    >>> advantage_settings({"leadline": {"preset": "lead", "length_alpha": 0.1}}).length_alpha
    0.1
    """
    section = plain_settings(_section(algorithm, "leadline"))
    state = section.pop("state", None)
    preset = section.pop("preset", None if section else "lead")
    if preset is not None and preset not in PRESETS:
        raise ConfigError(f"algorithm.leadline.preset: {preset!r} is not one of {', '.join(PRESETS)}")
    try:
        make = getattr(AdvantageConfig, preset) if preset else AdvantageConfig
        made: AdvantageConfig = make(**section)
    except ValidationError as error:
        raise ConfigError(settings_faults("algorithm.leadline", error)) from error
    if made.remembers and not state:
        raise ConfigError(
            "algorithm.leadline.state: needed with length_control or train_both_steps: verl's trainer.default_local_dir"
        )
    return made


def state_folder(algorithm: Any) -> str | None:
    """``algorithm.leadline.state``, if it is given."""
    state = plain_settings(_section(algorithm, "leadline")).get("state")
    return None if not state else str(state)


def reward_settings(reward: Any) -> RewardSettings:
    """``reward.leadline``; without it accuracy alone.

    Raises:
        ConfigError: lists every wrong field.
    """
    try:
        return RewardSettings(**plain_settings(_section(reward, "leadline")))
    except ValidationError as error:
        raise ConfigError(settings_faults("reward.leadline", error)) from error


def _section(config: Any, name: str) -> Any:
    section = config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)
    return {} if section is None else section


def settings_faults(where: str, error: ValidationError) -> list[str]:
    """What pydantic refuses of a section of verl's configuration, a line each with its key."""
    lines = []
    for fault in error.errors():
        path = ".".join([where, *(str(part) for part in fault["loc"])])
        unknown = fault["type"] == "extra_forbidden"
        lines.append(f"{path}: {'unknown key' if unknown else fault['msg'].removeprefix('Value error, ')}")
    return lines
