"""When a completion has ended by itself: at a token that generation stops at, or where no token is left to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["Ends", "stop_tokens"]

_TOKENS = ("eos_token_id", "stop_token_ids")
"""Arguments of generation that name tokens: transformers' and vLLM's."""
_CAPS = ("max_new_tokens", "max_tokens")


class Ends(NamedTuple):
    """What ends a completion.

    Attributes:
        tokens: ids; a completion whose last token is one of them has ended.
        cap: where the end may be missing (vLLM's ``stop`` texts, a ``rollout_func`` that takes it off), as many tokens
            as a completion that was cut off has at least; None where the last token alone tells.
    """

    tokens: frozenset[int]
    cap: int | None = None

    @classmethod
    def of(
        cls, tokens: Sequence[int], cap: int | None, arguments: Mapping[str, Any] | None, *, rolled: bool
    ) -> Ends:
        """Of a trainer.

        Args:
            tokens: what TRL takes for an end, and what it pads with.
            cap: ``max_completion_length``; None where completions are as long as the sampler lets them be.
            arguments: ``generation_kwargs``.
            rolled: completions come from a ``rollout_func``.
        """
        given = arguments or {}
        caps = [one for one in (cap, *map(given.get, _CAPS)) if one]
        endless = rolled or given.get("stop")
        return cls(frozenset(tokens), min(caps) if endless and caps else None)

    def ended(self, ids: Sequence[int], mask: Sequence[int]) -> bool:
        """Whether the model ended this completion.

        Args:
            ids: its tokens.
            mask: 1 where the model wrote them; what a tool said last is no end of the model's.

        >>> Ends(frozenset([1])).ended([5, 6], [1, 1]), Ends(frozenset([1]), cap=3).ended([5, 6], [1, 1])
        (False, True)
        """
        if not len(ids) or not bool(mask[-1]):
            return False
        return int(ids[-1]) in self.tokens or (self.cap is not None and len(ids) < self.cap)


def stop_tokens(arguments: Mapping[str, Any] | None) -> list[int]:
    """The ends that ``generation_kwargs`` name, which TRL hands on without looking at them.

    >>> stop_tokens({"eos_token_id": 7, "stop_token_ids": [8, 9], "top_p": 0.9})
    [7, 8, 9]
    """
    found: list[int] = []
    for name in _TOKENS:
        value = (arguments or {}).get(name)
        found += (
            [] if value is None else [value] if isinstance(value, int) else [int(token) for token in value]
        )
    return list(dict.fromkeys(found))
