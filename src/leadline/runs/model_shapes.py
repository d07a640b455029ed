"""The shape of a model: of a recipe's own, of a directory's, or of a published one by its name (no hub is asked)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from leadline.errors import InputError
from leadline.model.config import DecoderConfig
from leadline.recipes.schema import Recipe
from leadline.storage.reading import read_text

__all__ = ["own_shape", "shape_of"]


def _qwen2(
    width: int, layers: int, heads: int, kv_heads: int, inner: int, vocabulary: int, *, tied: bool
) -> DecoderConfig:
    return DecoderConfig(
        family="qwen2", vocab_size=vocabulary, hidden_size=width, intermediate_size=inner, num_layers=layers,
        num_heads=heads, num_kv_heads=kv_heads, head_dim=width // heads, tie_embeddings=tied,
    )  # fmt: skip


_QWEN2: Mapping[str, DecoderConfig] = {
    "0.5": _qwen2(896, 24, 14, 2, 4864, 151_936, tied=True),
    "1.5": _qwen2(1536, 28, 12, 2, 8960, 151_936, tied=True),
    "3": _qwen2(2048, 36, 16, 2, 11008, 151_936, tied=True),
    "7": _qwen2(3584, 28, 28, 4, 18944, 152_064, tied=False),
    "14": _qwen2(5120, 48, 40, 8, 13824, 152_064, tied=False),
    "32": _qwen2(5120, 64, 40, 8, 27648, 152_064, tied=False),
    "72": _qwen2(8192, 80, 64, 8, 29568, 152_064, tied=False),
}
"""Qwen2.5 by its billions of parameters, as the models' ``config.json`` say (arXiv 2412.15115, table 1)."""
_DISTILLED = {**_QWEN2, "1.5": replace(_QWEN2["1.5"], tie_embeddings=False)}
"""DeepSeek-R1-Distill-Qwen: the same shapes, with an output matrix of its own."""
_NAMED = re.compile(r"(Qwen2\.5|Distill-Qwen)(?:-Math|-Coder)?-(\d+(?:\.\d+)?)B(?:-Instruct)?", re.IGNORECASE)


def own_shape(recipe: Recipe, vocabulary: int) -> DecoderConfig:
    """Of the model that a recipe without ``model.source`` makes: its positions hold a prompt and the longest answer."""
    model = recipe.model
    answer = max(recipe.rl.max_tokens, recipe.evaluation.max_tokens or 0)
    return DecoderConfig(
        family=model.family,
        vocab_size=vocabulary,
        hidden_size=model.hidden_size,
        intermediate_size=model.intermediate_size,
        num_layers=model.num_layers,
        num_heads=model.num_heads,
        num_kv_heads=model.num_kv_heads or model.num_heads,
        head_dim=model.hidden_size // model.num_heads,
        rope_theta=model.rope_theta,
        max_positions=max(1024, 2 * answer),
        position=model.position,
    )


def shape_of(source: str) -> DecoderConfig | None:
    """Of a directory, or of a Qwen2.5 model and what was distilled into one; None where neither tells.

    A directory need not hold a model that the local engine can run: its sizes are all that is read.
    """
    if source and Path(source).is_dir():
        return _sizes(Path(source) / "config.json")
    named = _NAMED.fullmatch(source.rpartition("/")[2])
    if named is None and source.startswith("deepseek-ai/DeepSeek-R1-"):
        named = _NAMED.fullmatch(source.partition("DeepSeek-R1-")[2])
    if named is None:
        return None
    return (_DISTILLED if named[1].lower().startswith("distill") else _QWEN2).get(named[2])


def _sizes(path: Path) -> DecoderConfig | None:
    """Of a dense decoder; None where a size is missing, or there are experts."""
    try:
        raw = json.loads(read_text(path))
        if not isinstance(raw, Mapping) or any("expert" in str(key) for key in raw):
            return None
        heads = raw["num_attention_heads"]
        known = {
            "vocab_size": raw["vocab_size"],
            "hidden_size": raw["hidden_size"],
            "intermediate_size": raw["intermediate_size"],
            "num_layers": raw["num_hidden_layers"],
            "num_heads": heads,
            "num_kv_heads": raw.get("num_key_value_heads") or heads,
            "head_dim": raw.get("head_dim") or raw["hidden_size"] // heads,
        }
        if not all(type(size) is int and 0 < size < 2**27 for size in known.values()):
            return None
        return DecoderConfig(**known, tie_embeddings=raw.get("tie_word_embeddings") is True)
    except (InputError, ValueError, KeyError, TypeError, ZeroDivisionError, RecursionError):
        return None  # what is wrong with it is said by those who load it
