"""What of a completion the model wrote itself: its turns, its thoughts, and a thought that the prompt began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["OPENED", "OWN_TOKENS", "opens_thought", "own_text", "text_of_turns"]

OWN_TOKENS = "leadline_own_tokens"
"""Column of the reward functions: how many tokens of the completion the model wrote (the trainer knows)."""

OPENED = "leadline_thought_opened"
"""Column of the reward functions: True where the prompt, as the model saw it, ends with ``<think>``."""

_OPEN, _CLOSE = "<think>", "</think>"
_TAIL = 16
"""Tokens at a prompt's end in which the tag and the white space behind it are looked for."""
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Where a parsed turn keeps its thought: TRL and transformers take it out of ``content``."""


def own_text(completion: str | Sequence[Mapping[str, Any]], *, opened: bool = False) -> str:
    """The text that the model wrote: what tools and environments say in between does not count.

    Args:
        completion: plain text, or the turns of a chat; of these only the assistant's.
        opened: the prompt ended with ``<think>``: the tag is put back where the text lacks it.

    >>> own_text([{"role": "assistant", "content": "42", "reasoning_content": "6 x 7"}])
    '<think>6 x 7</think>42'
    >>> own_text([{"role": "tool", "content": "42"}, {"role": "assistant", "content": "so"}])
    'so'
    """
    if isinstance(completion, str):
        text = completion
    else:
        text = text_of_turns([turn for turn in completion if turn.get("role", "assistant") == "assistant"])
    if opened and not text.lstrip().startswith(_OPEN):
        return _OPEN + text
    return text


def text_of_turns(turns: Sequence[Mapping[str, Any]]) -> str:
    """The contents of the turns, each with its thought in tags, joined by newlines."""
    texts = []
    for turn in turns:
        content = turn.get("content") or ""  # None in a turn that only calls a tool
        parts = [content] if isinstance(content, str) else [part.get("text") or "" for part in content]
        thought = next((str(turn[name]) for name in _THOUGHTS if turn.get(name)), "")
        texts.append((f"{_OPEN}{thought}{_CLOSE}" if thought else "") + "".join(parts))
    return "\n".join(texts)


def opens_thought(tokenizer: Any, prompt_ids: Sequence[int]) -> bool:
    """Whether a prompt, as the model saw it, ends with ``<think>``.

    Its tokens say so, and no template: a prompt of plain text is put to the model as it is, a template may depend on
    the tools of a row, and a ``rollout_func`` fills it in by itself.
    """
    return str(tokenizer.decode(prompt_ids[-_TAIL:], skip_special_tokens=False)).rstrip().endswith(_OPEN)
