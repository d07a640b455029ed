"""Tokens at which a model ends its turn, as its own files say: the tokenizer knows one end, and not always that one.

Gemma's tokenizer ends with ``<eos>``, its turns with ``<end_of_turn>``; the engines that sample take both, from the
model's generation settings. Only files of this machine are read, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["model_ends"]

_FILES = ("generation_config.json", "config.json")
"""Where the ends stand; the second where there is no first, as transformers and vLLM have it."""
_AT_MOST = 1 << 20


def model_ends(config: Any, tokenizer: Any) -> frozenset[int]:
    """Ids of the ends; empty where no file of the model is on this machine.

    Args:
        config: verl's configuration, which names the model: a directory, or a repository that is in the hub's cache.
        tokenizer: verl loaded it from its local copy of the model.
    """
    for place in (_path(config), getattr(tokenizer, "name_or_path", None)):
        for name in _FILES:
            said = _read(_local(str(place), name)) if place else None
            if said is not None:
                return frozenset(_ids(said.get("eos_token_id")))
    return frozenset()


def _path(config: Any) -> Any:
    section = config
    for name in ("actor_rollout_ref", "model", "path"):
        section = section.get(name) if isinstance(section, Mapping) or hasattr(section, "get") else None
    return section


def _local(place: str, name: str) -> Path | None:
    """The file in a directory, or in the hub's cache; the network is not asked."""
    try:
        folder = Path(place).expanduser()
        if folder.is_dir():
            return folder / name
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(place, name)
    except Exception:  # no name of a repository: hdfs://...
        return None
    return Path(cached) if isinstance(cached, str) else None


def _read(path: Path | None) -> Mapping[str, Any] | None:
    try:
        if path is None or path.stat().st_size > _AT_MOST:
            return None
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return said if isinstance(said, Mapping) else None


def _ids(value: Any) -> Iterable[int]:
    several = value if isinstance(value, list) else [value]
    return (one for one in several if isinstance(one, int) and not isinstance(one, bool))
