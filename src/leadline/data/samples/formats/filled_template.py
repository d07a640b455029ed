"""The problem in a prompt that a chat template was filled in for: its last user turn."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["asked_in"]


class _Marks(NamedTuple):
    """What stands before a user's turn, behind it, and at the end, where the model is to go on."""

    user: str
    end: str
    model: str


_MARKS = (
    _Marks("<|im_start|>user\n", "<|im_end|>", "<|im_start|>assistant"),  # ChatML: Qwen, SmolLM
    _Marks(
        "<|start_header_id|>user<|end_header_id|>",
        "<|eot_id|>",
        "<|start_header_id|>assistant<|end_header_id|>",
    ),
    _Marks("<｜User｜>", "", "<｜Assistant｜>"),  # DeepSeek R1 and what was distilled from it
    _Marks("<start_of_turn>user\n", "<end_of_turn>", "<start_of_turn>model"),  # Gemma
)
_LATER = re.compile(r"user\n\n")  # Llama's second turn stands right behind what the model said
_USER, _MODEL = re.compile(r"(?:^|\n)user\n"), ("assistant", "model")


def asked_in(prompt: str, *, bare: bool = False) -> str:
    """The last user turn where the prompt is a filled template that the model is to go on from, else all of it.

    Args:
        bare: special tokens were left out when it was decoded, so that roles are plain words.

    >>> asked_in("<|im_start|>user\\n1 + 1?<|im_end|>\\n<|im_start|>assistant\\n")
    '1 + 1?'
    >>> asked_in("system\\nBe brief.\\nuser\\n1 + 1?\\nassistant\\n<think>\\n", bare=True)
    '1 + 1?'
    >>> asked_in("What does a user\\nwant?", bare=True)
    'What does a user\\nwant?'
    """
    text = prompt.rstrip().removesuffix("<think>").rstrip()
    for marks in _MARKS:
        if text.endswith(marks.model) and marks.user in text:
            turn = text.removesuffix(marks.model).rstrip().removesuffix(marks.end)
            return turn[turn.rindex(marks.user) + len(marks.user) :].strip()
    return _bare(prompt, text) if bare else prompt


def _bare(prompt: str, text: str) -> str:
    """Roles are words on lines of their own; where Llama's template has its marks nothing is left before a role."""
    role = next(
        (role for role in _MODEL if text.endswith(role) and prompt[len(text) :].startswith("\n")), None
    )
    if role is None:
        return prompt
    turns = text.removesuffix(role)
    earlier = max(turns.rfind(f"{role}\n\n"), turns.rfind(f"\n{role}\n"), 0)
    begins = _USER.search(turns, earlier) or (_LATER.search(turns, earlier) if earlier else None)
    return turns[begins.end() :].strip() if begins else prompt
