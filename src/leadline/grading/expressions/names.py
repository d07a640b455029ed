r"""Names of values: ``x``, ``a_n``, ``f(x)``, ``\text{Area}``, ``(x, y)``."""

from __future__ import annotations

import re

from leadline.grading.expressions.brackets import split_outside

__all__ = ["VALUE_NAME", "is_name_tuple", "tidy_name"]

VALUE_NAME = re.compile(
    r"^(?:[A-Za-z]+|\\[a-zA-Z]+|\\text\s*\{[^{}]*\})(?:\s*_\s*(?:\{[^{}]*\}|\w))?'*(?:\s*\([^()=<>]{1,20}\))?$"
)
_COMMA = re.compile(r"[,;]")


def tidy_name(name: str) -> str:
    """A name without markup."""
    return re.sub(r"\\text\s*|[{}\s\\]", "", name)


def is_name_tuple(name: str) -> bool:
    """Whether ``name`` is several names in brackets."""
    if not (name.startswith("(") and name.endswith(")")):
        return False
    return all(VALUE_NAME.match(part.strip()) for part in split_outside(name[1:-1], _COMMA)[0])
