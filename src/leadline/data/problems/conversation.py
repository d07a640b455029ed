"""Chat turns as a problem: what the model is asked, and the worked answer that stands behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from leadline.data.chat_turns import content_of, role_of
from leadline.types import Message

__all__ = ["Conversation", "read_conversation", "turns_of_row"]

_ROLES = frozenset({"system", "user", "assistant"})
_OTHER_ROLES = {"human": "user", "gpt": "assistant", "model": "assistant"}


class Conversation(NamedTuple):
    """Turns of a chat.

    Attributes:
        turns: what the model is asked.
        worked: the answer of the assistant behind the last question, where the conversation holds it.
        gold: the reference answer that stands in the last turn in its place (Open-Reasoner-Zero).
    """

    turns: tuple[Message, ...]
    worked: str | None = None
    gold: Any = None

    @property
    def prompt(self) -> str:
        """The last turn of the user.

        Raises:
            ValueError: there is none.
        """
        for turn in reversed(self.turns):
            if turn.role == "user" and turn.content.strip():
                return turn.content
        raise ValueError("the messages hold no user turn with text")


def turns_of_row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row; one whose columns are the numbers of turns (``0``, ``1``, ...) as a row with these turns."""
    turns = [row.get(str(i)) for i in range(len(row))]
    return {"conversations": turns} if turns and all(isinstance(turn, Mapping) for turn in turns) else row


def read_conversation(value: Any, *, answered: bool) -> Conversation | None:
    """The turns of a chat, or None where the value is no list.

    Args:
        value: the turns, ``{"role", "content"}`` or ``{"from", "value"}``.
        answered: what the assistant says last is the worked answer of a data set (OpenR1-Math, NuminaMath, ShareGPT),
            which the model is not to be shown; otherwise it is part of the prompt.

    Raises:
        ValueError: a turn that is none.
    """
    if not isinstance(value, list):
        return None
    turns, gold = [], None
    for i, turn in enumerate(value):
        if i and i == len(value) - 1 and isinstance(turn, Mapping) and turn.get("ground_truth") is not None:
            gold = turn["ground_truth"]
            break
        role, content = _turn(turn) if isinstance(turn, Mapping) else (None, None)
        if role not in _ROLES or not isinstance(content, str):
            raise ValueError(f"turn {i + 1} must be {{'role': system, user or assistant, 'content': text}}")
        turns.append(Message(role, content))
    worked = None
    while answered and len(turns) > 1 and turns[-1].role == "assistant":
        worked = turns.pop().content
    return Conversation(tuple(turns), worked, gold)


def _turn(turn: Mapping[str, Any]) -> tuple[Any, Any]:
    """Role and text, by the names that chats of others have for them as well."""
    role = role_of(turn)
    return _OTHER_ROLES.get(str(role), role), content_of(turn)
