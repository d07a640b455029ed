"""One turn of a chat by the names that are in use for its parts: ``role`` or ``from``, ``content`` or ``value``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["content_of", "role_of"]


def role_of(turn: Mapping[str, Any]) -> Any:
    """Who speaks, as the turn calls it; None where it does not say."""
    return turn.get("role", turn.get("from"))


def content_of(turn: Mapping[str, Any]) -> Any:
    """What is said: a text, or a list of parts; None where nothing is."""
    return turn.get("content", turn.get("value"))
