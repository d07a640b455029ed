"""Keys and values as arguments of hydra, and those as one shell line."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["as_argument", "as_arguments", "as_line"]

_BARE = re.compile(r"[A-Za-z_/~][A-Za-z0-9_./~+-]*(://[A-Za-z0-9_./-]*)?")
_WORDS = {"true", "false", "null", "none", "nan", "inf", "yes", "no", "on", "off"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def as_argument(value: Any) -> str:
    """A value in hydra's grammar; it reads back as the same value.

    >>> [as_argument(v) for v in (None, True, 1e-6, "vllm", "1e-6", "it's", [1, "a b"], {"a": 0.5})]
    ['null', 'True', '1e-06', 'vllm', "'1e-6'", "'it\\\\'s'", "[1,'a b']", '{a:0.5}']
    """
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, Mapping):
        if all(_NAME.fullmatch(str(key)) for key in value):
            return "{" + ",".join(f"{key}:{as_argument(item)}" for key, item in value.items()) + "}"
        return _quoted(json.dumps(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(as_argument(item) for item in value) + "]"
    text = str(value)
    return text if _BARE.fullmatch(text) and text.lower() not in _WORDS else _quoted(text)


def _quoted(text: str) -> str:
    """Hydra's single quotes: a quote inside is escaped, and so are backslashes that stand before one."""
    escaped = re.sub(r"(\\*)'", lambda found: found[1] * 2 + "\\'", text)
    escaped = re.sub(r"(\\+)$", lambda found: found[1] * 2, escaped)
    return f"'{escaped}'"


def as_arguments(keys: Mapping[str, Any]) -> list[str]:
    """``key=value`` for each."""
    return [f"{key}={as_argument(value)}" for key, value in keys.items()]


def as_line(words: Sequence[str]) -> str:
    """The words as one command that a shell splits back into them, an argument a line where they are ``key=value``."""
    lines: list[str] = []
    for word in words:
        text = shlex.quote(word)
        if lines and "=" not in word:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return " \\\n  ".join(lines)
