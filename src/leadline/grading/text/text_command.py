r"""Words in a formula: what stands in ``\text{...}``."""

from __future__ import annotations

import re

__all__ = ["TEXT", "opened"]

TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")


def opened(text: str) -> str:
    r"""The words without the command around them, set apart from what stands beside it.

    >>> opened(r"5\text{ cm}")
    '5  cm '
    """
    return TEXT.sub(r" \1 ", text)
