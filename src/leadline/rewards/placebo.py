"""A coin per completion: the control that shows what a training recipe does when its reward says nothing."""

from __future__ import annotations

import hashlib

from leadline.types import Completion

__all__ = ["placebo"]


def placebo(completion: Completion, *, seed: int = 0) -> float:
    """1 or 0 with equal chance, whatever the completion says; the same again for the same draw.

    The coin is a digest of the seed, the problem, the text and the log-probability under which it was drawn. The last
    moves with every update, so that no text is worth more than another for longer than one step, and a resumed run
    sees the coins that it would have seen. Where no log-probability is known (TRL), a text that returns for the same
    problem returns with its coin.

    Source: the random-reward control of "Spurious Rewards" (arXiv 2506.10947).

    >>> [placebo(Completion("p", text, 1)) for text in ("a", "b", "c", "d", "e", "f")]
    [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    """
    drawn = f"{seed}/{completion.problem_id}/{completion.logprob}/{completion.text}"
    return float(hashlib.sha256(drawn.encode("utf-8", "surrogatepass")).digest()[0] & 1)
