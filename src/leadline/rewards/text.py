"""What a reward looks at: plain text, or the text of a completion."""

from __future__ import annotations

from leadline.types import Completion

__all__ = ["text_of"]


def text_of(completion: str | Completion) -> str:
    """The text of a completion, given as such or as plain text."""
    return completion if isinstance(completion, str) else completion.text
