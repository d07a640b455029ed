"""From a recipe's text to a recipe: YAML, changes from the command line, and every fault at once with its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from leadline.errors import ConfigError, DataError
from leadline.recipes.schema import Recipe
from leadline.storage.reading import read_text
from leadline.storage.yaml_text import parse_yaml

__all__ = ["load_recipe", "parse_recipe"]


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and apply ``a.b=value`` changes to it.

    Raises:
        ConfigError: no such file, not YAML, or whatever :func:`parse_recipe` finds.
    """
    try:
        text = read_text(path)
    except DataError as fault:
        raise ConfigError(fault.problems) from fault
    if not text.strip():
        raise ConfigError(f"{path}: empty; {{}} is the recipe of nothing but defaults")
    return parse_recipe(text, changes, where=str(path))


def parse_recipe(text: str, changes: Sequence[str] = (), *, where: str = "recipe") -> Recipe:
    """Parse a recipe's text.

    Raises:
        ConfigError: every fault at once, each as ``where: path.in.the.file: why``.
    """
    raw = parse_yaml(text, where)
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise ConfigError(f"{where}: a recipe is a mapping, not {type(raw).__name__}")
    for change in changes:
        _apply(raw, change)
    try:
        return Recipe.model_validate(raw)
    except ValidationError as fault:
        raise ConfigError([f"{where}: {line}" for line in _lines(fault)]) from fault


def _apply(raw: dict[str, Any], change: str) -> None:
    """Set one ``a.b=value`` in the nested mapping; the value is YAML."""
    path, equals, text = change.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        raise ConfigError(f"--set {change}: not of the form key.key=value")
    value = parse_yaml(text, f"--set {change[:80]}")
    place = raw
    for key in keys[:-1]:
        if place.get(key) is None:
            place[key] = {}
        place = place[key]
        if not isinstance(place, dict):
            raise ConfigError(f"--set {change}: {key} is not a section")
    if isinstance(place.get(keys[-1]), str) and isinstance(value, dict) and "preset" not in value:
        value = {"preset": place[keys[-1]], **value}
    place[keys[-1]] = value


def _lines(fault: ValidationError) -> list[str]:
    lines = []
    for error in fault.errors():
        path = ".".join(str(part) for part in error["loc"]) or "(top level)"
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            message = f"unknown key{_meant(error['loc'])}"
        given = error.get("input")
        if isinstance(given, (str, int, float, bool)) and error["type"] not in (
            "extra_forbidden",
            "value_error",
        ):
            message += f" (it is {given!r})"
        lines.append(f"{path}: {message}")
    return lines


def _meant(place: Sequence[int | str]) -> str:
    """The keys that stand where an unknown one was given; nothing where the section is not a plain one."""
    section: Any = Recipe
    named = False  # whether the next part is a name that the recipe chose, such as that of an arm
    for part in place[:-1]:
        if named:
            named = False
            continue
        field = getattr(section, "model_fields", {}).get(part)
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
        section = next((kind for kind in kinds if hasattr(kind, "model_fields")), None)
        named = bool(kinds) and get_origin(kinds[0]) is dict
    known = list(getattr(section, "model_fields", {}))
    return f"; there are {', '.join(known)}" if known else ""
