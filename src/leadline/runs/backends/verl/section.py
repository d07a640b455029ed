"""The section ``verl`` of a recipe: what only verl knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leadline.errors import ConfigError
from leadline.integrations.verl.settings import settings_faults
from leadline.recipes.schema import Recipe
from leadline.recipes.section import Count

__all__ = ["VerlSection", "flat", "read_section"]


class VerlSection(BaseModel):
    """``verl: {nodes, gpus_per_node, max_prompt_tokens, dynamic_sampling, keys}``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    nodes: Count = 1
    gpus_per_node: Count = 8
    max_prompt_tokens: Count = 1024
    """Longest prompt in tokens; verl refuses to train on a longer one."""
    dynamic_sampling: bool = False
    """Groups without signal are thrown away and others generated in their place, until the batch is full."""
    keys: dict[str, Any] = Field(default_factory=dict)
    """Any other key of verl's, nested or dotted."""


def read_section(
    recipe: Recipe, *, nodes: int | None = None, gpus_per_node: int | None = None
) -> VerlSection:
    """The section, with the numbers of the command line in place of its own.

    Raises:
        ConfigError: lists every wrong field.
    """
    given = {"nodes": nodes, "gpus_per_node": gpus_per_node}
    try:
        return VerlSection(**{**recipe.verl, **{k: v for k, v in given.items() if v is not None}})
    except ValidationError as error:
        raise ConfigError(settings_faults("verl", error)) from error


def flat(keys: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested sections as dotted keys.

    >>> flat({"trainer": {"nnodes": 2}, "data.seed": 1})
    {'trainer.nnodes': 2, 'data.seed': 1}
    """
    found: dict[str, Any] = {}
    for key, value in keys.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
