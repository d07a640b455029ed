"""The soft overlong punishment: a growing cost for the last stretch before the token cap."""

from __future__ import annotations

from leadline.types import Completion

__all__ = ["overlong"]


def overlong(length: int | Completion, *, max_tokens: int, cache: int) -> float:
    """Punishment in [-1, 0] for a completion of ``length`` tokens.

    ::

        0                                    if length <= max_tokens - cache
        ((max_tokens - cache) - length) / cache    up to max_tokens
        -1                                   beyond

    Source: DAPO, arXiv 2503.14476, section 3.4 (soft overlong punishment).

    Args:
        length: completion tokens, or a completion.
        max_tokens: the token cap.
        cache: over how many tokens before the cap the punishment grows; 1 <= cache <= max_tokens.

    Raises:
        ValueError: ``cache`` out of its range.

    >>> [overlong(n, max_tokens=100, cache=20) for n in (80, 90, 100, 101)]
    [0.0, -0.5, -1.0, -1.0]
    """
    if not 1 <= cache <= max_tokens:
        raise ValueError(f"overlong: cache must lie in 1..max_tokens ({max_tokens}), got {cache}")
    tokens = length if isinstance(length, int) else length.n_tokens
    return max(-1.0, min(0.0, (max_tokens - cache - tokens) / cache))
