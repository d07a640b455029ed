"""How long prompts are in tokens: those that a recipe leaves out, and those that a model has no room for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from heapq import nlargest
from pathlib import Path

from leadline.errors import DataError
from leadline.model import load_tokenizer
from leadline.model.codec import Codec
from leadline.recipes.schema import Recipe
from leadline.storage.huggingface_hub import model_files
from leadline.storage.reading import read_text
from leadline.types import Problem

__all__ = ["refuse_too_long", "without_long"]

LOOKED_AT = 50
"""Problems, those of the most characters, whose tokens are counted before a run."""


def without_long(problems: Sequence[Problem], recipe: Recipe) -> tuple[list[Problem], list[str]]:
    """The problems within ``data.max_prompt_tokens``, and a note of the others.

    Raises:
        CheckpointError: no tokenizer, or one that a problem cannot be put to.
    """
    most = recipe.data.max_prompt_tokens
    if most is None or recipe.model.source is None:
        return list(problems), []
    codec = Codec(load_tokenizer(model_files(recipe.model.source)), recipe.data.system_prompt)
    lengths = [len(ids) for ids in codec.encode_prompts(problems)]
    kept = [problem for problem, length in zip(problems, lengths, strict=True) if length <= most]
    if len(kept) == len(problems):
        return kept, []
    left_out = f"{len(problems) - len(kept):,} problems left out: prompts of more than {most:,} tokens"
    return kept, [f"{left_out} (the longest has {max(lengths):,})"]


def refuse_too_long(problems: Sequence[Problem], codec: Codec, folder: Path, answer: int) -> None:
    """Refuse prompts that leave a model fewer positions than an answer may have.

    Args:
        problems: of which those with the most characters are looked at.
        codec: of the model.
        folder: of the model, whose configuration says how long a sequence may be; one that does not is not asked more.
        answer: tokens that a completion may have.

    Raises:
        DataError: the longest, with its length and what to do.
    """
    positions = json.loads(read_text(folder / "config.json")).get("max_position_embeddings")
    longest = nlargest(LOOKED_AT, problems, key=_characters)
    if not isinstance(positions, int) or not longest:
        return
    lengths = [len(ids) for ids in codec.encode_prompts(longest)]
    length = max(lengths)
    if length + answer <= positions:
        return
    room = positions - answer
    remedy = f"leave such problems out (data.max_prompt_tokens: {room}) or " if room > 0 else ""
    raise DataError(
        f"problem {longest[lengths.index(length)].id!r:.80}: its prompt has {length:,} tokens and an answer up to "
        f"{answer:,}, the model only {positions:,} positions: {remedy}lower rl.max_tokens or evaluation.max_tokens"
    )


def _characters(problem: Problem) -> int:
    return sum(len(content) for _, content in problem.messages or ()) or len(problem.prompt)
