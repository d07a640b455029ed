"""What of a prompt is no text: images, audio and video, as parts of its turns or in columns of their own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from leadline.data.chat_turns import content_of, role_of

__all__ = ["media_digest", "media_of", "media_parts"]

_COLUMN = re.compile(
    r"(image|video|audio|multi_modal_data)s?(_?(url|path|file|bytes|data)s?)?(_?\d{1,2})?", re.I
)
_MEDIA = re.compile(r"image|video|audio|file|document", re.I)
_ABOUT = frozenset({"type", "detail", "format", "cache_control"})  # how a part is to be read, not which it is
_CONTENT = ("bytes", "sha256")  # where one of them is there, the name and place of the file do not matter
_ANSWERING = ("assistant", "gpt", "model", "tool")
_DEEPEST = 20  # levels of a part


def media_parts(row: Mapping[str, Any]) -> list[Any]:
    """What stands in the columns of a row that hold images, audio or video, as data sets of prompts have them."""
    return [value for name, value in row.items() if value is not None and _is_column(str(name))]


def media_of(row: Mapping[str, Any]) -> str | None:
    """Digest of what of a row's prompt is no text, as the reader of its layout found it (``media``) or as it stands."""
    known = row.get("media")
    return known if type(known) is str else media_digest(*media_parts(row))


def media_digest(*values: Any, prompt: Any = None) -> str | None:
    """16 hexadecimal digits of what stands for images and the like in a row; None where nothing does.

    The bytes where they are in the row, else the path or URL as it stands: nothing is opened or fetched, and the work
    is linear in the row. Another encoding or another path of one image is another image.

    Args:
        values: columns of them (`media_parts`).
        prompt: turns, whose content may be lists of parts; those of the assistant are no prompt.

    Raises:
        ValueError: a part nested more than 20 deep.

    >>> part = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    >>> turn = {"role": "user", "content": [part, {"type": "text", "text": "What is it?"}]}
    >>> media_digest(prompt=[turn]) == media_digest(["https://example.org/a.png"]) != media_digest(["b.png"])
    True
    >>> media_digest(prompt="text") is None
    True
    """
    digest, found = hashlib.sha256(), False
    for leaf in _leaves([*values, *_parts_of_turns(prompt)], 0):
        found = True
        digest.update(len(leaf).to_bytes(8, "big"))
        digest.update(leaf)
    return digest.hexdigest()[:16] if found else None


@lru_cache(maxsize=4096)
def _is_column(name: str) -> bool:
    return _COLUMN.fullmatch(name.strip()) is not None


def _parts_of_turns(prompt: Any) -> Iterator[Any]:
    turns = prompt if isinstance(prompt, list | tuple) else ()
    for turn in turns:
        if not isinstance(turn, Mapping) or role_of(turn) in _ANSWERING:
            continue
        content = content_of(turn)
        yield from (part for part in content if _is_media(part)) if isinstance(content, list) else ()


def _is_media(part: Any) -> bool:
    if not isinstance(part, Mapping) or isinstance(part.get("text"), str):
        return False
    kind = part.get("type")
    return any(_MEDIA.search(str(name)) for name in (kind, *part) if name is not None)


def _leaves(value: Any, depth: int) -> Iterator[bytes]:
    """The values within a part, without the names around them, as every tool nests them in its own way."""
    if depth > _DEEPEST:
        raise ValueError(f"an image or another part of the prompt that is nested more than {_DEEPEST} deep")
    if isinstance(value, bytes | bytearray | memoryview):
        yield bytes(value)
    elif isinstance(value, str):
        yield value.encode("utf-8", "surrogatepass")
    elif isinstance(value, Mapping):
        content = next((value[name] for name in _CONTENT if value.get(name)), None)
        names = [] if content is not None else sorted(str(name) for name in value if name not in _ABOUT)
        for inner in [content] if content is not None else [value.get(name) for name in names]:
            yield from _leaves(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, depth + 1)
    elif hasattr(value, "tobytes"):  # an image that `datasets` has decoded, or an array
        yield f"{getattr(value, 'mode', '')}{getattr(value, 'size', '')}".encode()
        yield value.tobytes()
    elif value is not None and value == value:  # pandas' NaN is nothing
        yield json.dumps(value, default=lambda other: type(other).__name__).encode()
