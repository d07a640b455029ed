"""Tokenizers: one for the worlds, whose pieces are known beforehand, and any Hugging Face one for checkpoints."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING

from leadline.types import ANSWER_TAGS, THINK_TAGS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["build_tokenizer"]

_SPECIAL = ("<pad>", "<eos>")
_TAGS = (*THINK_TAGS, *ANSWER_TAGS)


def build_tokenizer(pieces: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """A lossless tokenizer over the given pieces, the format tags, and every printable ASCII character by itself.

    The text is cut into pieces, longest first; what no piece covers falls back to single characters, and characters
    outside printable ASCII to ``<pad>``'s neighbour ``?``.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = [*_TAGS, *sorted(set(pieces), key=lambda piece: (-len(piece), piece))]
    characters = [c for c in string.printable if c not in "\r\x0b\x0c"]
    vocabulary = list(dict.fromkeys([*_SPECIAL, *known, *characters]))
    model = models.WordLevel({token: index for index, token in enumerate(vocabulary)}, unk_token="?")
    tokenizer = Tokenizer(model)
    longest_first = sorted(known, key=len, reverse=True)
    alternatives = "|".join(_escape(piece) for piece in longest_first)
    pattern = f"(?:{alternatives}|[\\s\\S])"
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", clean_up_tokenization_spaces=False
    )


def _escape(piece: str) -> str:
    return "".join(c if c.isalnum() or c == " " else "\\" + c for c in piece)
