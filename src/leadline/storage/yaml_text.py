"""YAML of strangers: safe types only, aliases and depth bounded, a key once, and every refusal one line."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import yaml

from leadline.errors import ConfigError

__all__ = ["parse_yaml"]

MAX_YAML_CHARACTERS = 256 * 1024
MAX_YAML_VALUES = 20_000
"""Most values of a document once its aliases are written out: nine levels of nine aliases would be 4e8."""
MAX_DEPTH = 40
MAX_WHOLE = 2**63


class _Loader(yaml.SafeLoader):
    """The safe loader, which refuses a key that comes twice instead of taking the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool | type(None)):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key that is not text", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r:.60} comes twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, where: str) -> Any:
    """The value that YAML text describes.

    Args:
        text: at most ``MAX_YAML_CHARACTERS``.
        where: named in refusals.

    Raises:
        ConfigError: it is no YAML, asks for other types than plain ones, or is out of bounds; one line.

    >>> parse_yaml("a: [1, 0.5, x]", "here")
    {'a': [1, 0.5, 'x']}
    """
    if len(text) > MAX_YAML_CHARACTERS:
        raise ConfigError(f"{where}: longer than {MAX_YAML_CHARACTERS:,} characters")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _size(node, where, {}, 0)
        value = loader.construct_document(node)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        raise ConfigError(f"{where}: not YAML: {_line(fault.problem or fault.context)}{place}") from fault
    except RecursionError as fault:
        raise ConfigError(f"{where}: nested too deeply") from fault
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, LookupError, AttributeError) as fault:
        # what the constructors of dates and numbers raise shares no class
        raise ConfigError(f"{where}: not YAML: {_line(fault)}") from fault
    _check_numbers(value, where)
    return value


def _size(node: yaml.Node, where: str, known: dict[int, int], depth: int) -> int:
    """Values below a node once aliases are written out.

    Raises:
        ConfigError: too many, too deep, or a node within itself.
    """
    if id(node) in known:
        if known[id(node)] == 0:
            raise ConfigError(f"{where}: an alias stands within what it names")
        return known[id(node)]
    if depth > MAX_DEPTH:
        raise ConfigError(f"{where}: nested more than {MAX_DEPTH} deep")
    known[id(node)] = 0
    total = 1
    if isinstance(node, yaml.CollectionNode):
        for item in node.value:
            for part in item if isinstance(item, tuple) else (item,):
                total += _size(part, where, known, depth + 1)
                if total > MAX_YAML_VALUES:
                    raise ConfigError(
                        f"{where}: more than {MAX_YAML_VALUES:,} values (aliases count as what they name)"
                    )
    known[id(node)] = total
    return total


def _check_numbers(value: Any, where: str) -> None:
    """Numbers that nothing here counts or measures: beyond 64 bits, or NaN."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_numbers(item, f"{where}: {key}" if isinstance(key, str) and len(key) < 60 else where)
    elif isinstance(value, list | tuple | set):
        for item in value:
            _check_numbers(item, where)
    elif isinstance(value, int) and abs(value) >= MAX_WHOLE:
        raise ConfigError(f"{where}: a whole number beyond 2^63")
    elif isinstance(value, float) and math.isnan(value):
        raise ConfigError(f"{where}: .nan is no number")


def _line(fault: object) -> str:
    return " ".join(str(fault).split())[:200]
