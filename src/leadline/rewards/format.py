"""The format reward: the whole completion is one thought and one answer, in their tags."""

from __future__ import annotations

from leadline.types import ANSWER_TAGS, THINK_TAGS, Completion, text_of

__all__ = ["format_reward"]

_TAGS = (*THINK_TAGS, *ANSWER_TAGS)


def format_reward(completion: str | Completion, *, prefilled: bool = False) -> float:
    """1.0 if the whole completion is ``<think>...</think><answer>...</answer>``, else 0.0.

    Each tag stands exactly once, in this order; neither part is blank; only whitespace stands before, between
    and after the two. Source: arXiv 2603.14041, format reward.

    Args:
        completion: the text, or a completion.
        prefilled: the chat template ended the prompt with ``<think>``, so the completion starts inside it. A model that
            opens the thought itself all the same is not held to have opened two.

    >>> format_reward("<think>1 + 1</think>\\n<answer>2</answer>")
    1.0
    >>> format_reward("Sure! <think>1 + 1</think><answer>2</answer>")
    0.0
    >>> format_reward("<think></think><answer></answer>")
    0.0
    """
    text = text_of(completion).strip()
    if prefilled and not text.startswith(_TAGS[0]):
        text = _TAGS[0] + text
    if any(text.count(tag) != 1 for tag in _TAGS):
        return 0.0
    before, thought, between, answer, after = _split(text)
    return float(bool(thought.strip() and answer.strip()) and not (before or between.strip() or after))


def _split(text: str) -> list[str]:
    """The five stretches around the four tags; out of order, one that must be empty holds a tag."""
    stretches = []
    rest = text
    for tag in _TAGS:
        stretch, _, rest = rest.partition(tag)
        stretches.append(stretch)
    return [*stretches, rest]
