r"""Words in a formula: what stands in ``\text{...}``."""

from __future__ import annotations

import re

__all__ = ["TEXT", "without_text_commands"]

TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")


def without_text_commands(text: str) -> str:
    r"""The words without the command around them, set apart from what stands beside it.

    >>> without_text_commands(r"5\text{ cm}")
    '5  cm '
    """
    return TEXT.sub(r" \1 ", text)
