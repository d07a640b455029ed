"""What a batch shows of faults before any curve does: wrong answers that earn more, loops, prompts asked twice."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence

import numpy as np

from leadline.grpo.groups import Bools, Floats, Groups

__all__ = ["inverted_pairs", "prompt_signs", "tail_loops", "text_signs", "went_on", "wrong_to_right"]

_TAIL = 24
"""Characters of the end that must stand further up again and again."""
_TIMES = 4
_ANSWERED = ("</answer>", "\\boxed{", "####")
"""What a completion has behind it when it has answered."""


def inverted_pairs(correct: Bools, wrong: Bools, value: Floats, groups: Groups) -> float | None:
    """Share of pairs (a right and a wrong answer of one group) in which the wrong one has the greater value.

    Pairs are averaged within their group, groups count alike; equal values are not inverted. None without a pair.

    >>> groups = Groups(np.array([0, 0, 0, 1]), 2)
    >>> right = np.array([True, False, False, True])
    >>> inverted_pairs(right, ~right, np.array([1.0, 2.0, 0.5, 1.0]), groups)
    0.5
    """
    shares = []
    for group in range(groups.n_groups):
        rows = groups.index == group
        high, low = value[rows & correct], value[rows & wrong]
        if len(high) and len(low):
            shares.append(float((low[:, None] > high[None, :] + 1e-9).mean()))
    return float(np.mean(shares)) if shares else None


def wrong_to_right(correct: Bools, wrong: Bools, length: Floats, groups: Groups) -> float | None:
    """How long wrong answers are against right ones of the same group, on average over groups that have both.

    Within groups, because the wrong answers of a batch are those to its hard problems, which are long anyhow, the more
    so the better a model gets.
    """
    ratio = groups.mean(length, wrong) / np.maximum(groups.mean(length, correct), 1.0)
    known = ratio[~np.isnan(ratio)]
    return float(known.mean()) if len(known) else None


def tail_loops(text: str) -> bool:
    """Whether a text ends in a loop: its last two dozen characters, which say something, stand there four times.

    >>> tail_loops("and so on, and so on, and so on, and so on, and so on, and so on, and so on, and so on")
    True
    """
    tail = text[-_TAIL:]
    return len(text) >= _TAIL * _TIMES // 2 and not tail.isspace() and _overlapping(text, tail) >= _TIMES


def _overlapping(text: str, part: str) -> int:
    """How often ``part`` stands in ``text``, overlaps counted, up to a few times."""
    count, at = 0, text.find(part)
    while at >= 0 and count < _TIMES:
        count, at = count + 1, text.find(part, at + 1)
    return count


def went_on(text: str) -> bool:
    """Whether a text goes on at length behind an answer in tags, or answers twice.

    >>> went_on("<answer>7</answer>"), went_on("<answer>7</answer> 12: rev <answer>8</answer>")
    (False, True)
    """
    tags, behind = text.count("</answer>"), text.rpartition("</answer>")[2]
    return tags > 1 or (tags == 1 and len(behind.strip()) > _TIMES * _TAIL)


def text_signs(texts: Sequence[str], finished: Sequence[bool]) -> dict[str, float]:
    """``loops`` and ``ran_on``: shares that end in a loop; that were cut off although they had answered."""
    rows = max(1, len(texts))
    cut = [text for text, whole in zip(texts, finished, strict=True) if not whole]
    return {
        "loops": sum(map(tail_loops, texts)) / rows,
        "ran_on": sum(any(mark in text for mark in _ANSWERED) for text in cut) / rows,
    }


def prompt_signs(asked: Sequence[Hashable]) -> dict[str, float | str]:
    """``repeated`` and ``batch``, from what each group asks, in order.

    The share of groups that ask what an earlier one of the batch asked, and a name of the whole batch, equal only for
    the same questions, whatever their order and number: a resume deals them out anew, and trainers sort.
    """
    name = hashlib.blake2b(
        repr(sorted(set(map(repr, asked)))).encode("utf-8", "replace"), digest_size=6
    ).hexdigest()
    return {"repeated": 1 - len(set(asked)) / max(1, len(asked)), "batch": name}
