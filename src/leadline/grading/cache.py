"""A cache that forgets: bounded, without locks, safe among threads because each step is one dictionary operation."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["RecentCache"]

K = TypeVar("K")
V = TypeVar("V")


class RecentCache(Generic[K, V]):
    """Keeps the last ``size`` to ``2 * size`` entries that were used.

    >>> cache: RecentCache[str, int] = RecentCache(2)
    >>> cache["a"] = 1
    >>> cache.get("a"), cache.get("b")
    (1, None)
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self[key] = value
        return value

    def __setitem__(self, key: K, value: V) -> None:
        if len(self._young) >= self.size:
            self._old, self._young = self._young, {}
        self._young[key] = value
