"""How a completion ended, in the words of those who drew it: by itself, or cut off by the token cap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.data.samples.formats.base import RawRow

__all__ = ["ENDINGS", "finished_of"]

_REASONS = ("finish_reason", "stop_reason", "finish_reasons", "stop_reasons")
_FLAGS = {"finished": True, "is_finished": True, "truncated": False, "is_truncated": False}
ENDINGS = (*_REASONS, *_FLAGS)
"""Names under which it is said, of one sample or as a list beside a list of samples."""
_WORDS = {
    **dict.fromkeys(("length", "max_tokens", "max_length", "model_length"), False),
    **dict.fromkeys(("max_output_tokens", "max_new_tokens", "max_completion_tokens"), False),
    **dict.fromkeys(("stop", "eos", "end_turn", "eos_token", "stop_sequence"), True),
}
_STATUS = {"truncated": False, "completed": True}


def finished_of(row: RawRow) -> bool | None:
    """Whether the model ended by itself; None where nothing, or nothing that is known, says so.

    A cap goes before all else: vLLM writes ``finish_reason: "length"`` beside a ``stop_reason`` that is empty.

    >>> finished_of({"finish_reason": "length"}), finished_of({"truncated": False}), finished_of({})
    (False, True, None)
    """
    said = [_reason(row.get(name)) for name in _REASONS]
    if (
        "response_length" in row
    ):  # slime's samples, and those of its kin; elsewhere a status is that of a request
        said.append(_STATUS.get(str(row.get("status")).lower()))
    said += [_flag(row.get(name), meaning) for name, meaning in _FLAGS.items()]
    return None if False not in said and True not in said else False not in said


def _reason(value: Any) -> bool | None:
    """A word, or as SGLang has it an object with the word in it; words that are not known say nothing."""
    word = value.get("type") if isinstance(value, Mapping) else value
    return _WORDS.get(word.strip().lower().replace("-", "_")) if isinstance(word, str) else None


def _flag(value: Any, meaning: bool) -> bool | None:
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower())
    if value not in (0, 1) or not isinstance(value, bool | int | float):
        return None
    return bool(value) is meaning
