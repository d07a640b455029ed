"""Does every sentence of a verdict quote the figures that it names? Shared by the tests of probe and compare."""

from __future__ import annotations

import json
from typing import Any

from leadline.display.numbers import percent


def figure(values: Any, path: str) -> Any:
    """The value at a dotted path of the JSON output; a key may hold a dot, as ``cover_at.0.5`` does."""
    if not path:
        return values
    if isinstance(values, list):
        head, _, rest = path.partition(".")
        return figure(values[int(head)], rest)
    for key in sorted(values, key=len, reverse=True):
        if path == key or path.startswith(f"{key}."):
            return figure(values[key], path[len(key) + 1 :])
    raise KeyError(path)


def ways(value: Any) -> list[str]:
    """How a sentence may write a number."""
    if isinstance(value, str):
        return [value[:60]]
    if isinstance(value, list):
        return [way for item in value for way in ways(item)]
    if value is None:
        return []
    number = float(value)
    found = [percent(number), f"{100 * number:+.1f}", f"{number:.1f}", f"{number:+.1f}", f"{number:.2f}"]
    found += [f"{number:.2g}", f"{abs(number):.1f}", f"{number:g}", f"{number:,.0f}"]
    return found


def check_evidence(output: dict[str, Any]) -> None:
    """Every sentence has evidence, every path resolves after a trip through JSON, every figure is in the text."""
    plain = json.loads(json.dumps(output, allow_nan=False))
    assert len(plain["sentences"]) == len(plain["evidence"]) > 0
    for text, paths in zip(plain["sentences"], plain["evidence"], strict=True):
        assert text.endswith("."), text
        assert paths, text
        for path in paths:
            value = figure(plain, path)
            assert any(way in text for way in ways(value)), (path, value, text)
