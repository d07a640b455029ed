"""Which model was sampled, and how, as the folder of the samples says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leadline.errors import DataError
from leadline.storage.jsonl import read_json

__all__ = ["about_samples"]


def about_samples(source: str | Path) -> str:
    """One line from the ``settings.json`` that `leadline eval` puts beside its samples; empty where there is none."""
    path = Path(str(source))
    settings = path.parent / "settings.json"
    if not path.is_file() or not settings.is_file():
        return ""
    try:
        values = read_json(settings)
    except DataError:
        return ""
    sampling = values.get("sampling")
    known: dict[str, Any] = sampling if isinstance(sampling, dict) else {}
    model = values.get("model")
    name = model.get("name", model.get("source")) if isinstance(model, dict) else model
    parts = [f"Model: {name}"] if isinstance(name, str) else []
    parts += [
        f"{key.replace('_', ' ')} {known[key]}"
        for key in ("temperature", "max_tokens", "top_p")
        if key in known
    ]
    return ", ".join(parts) + "." if parts else ""
