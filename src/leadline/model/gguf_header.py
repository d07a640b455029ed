"""The head of a GGUF file: metadata and the list of tensors, read under bounds before anybody else opens the file.

Layout (version 2 and 3, little endian): magic, version, two counts, key-value pairs, tensor descriptions, padding,
data; see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Only what decides whether a file is whole and of a
family that the decoder knows is kept: arrays are walked over, not stored.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from leadline.errors import CheckpointError

__all__ = ["GgufHeader", "GgufTensor", "read_gguf_header"]

_MOST_KEYS, _MOST_TENSORS, _MOST_DIMENSIONS = 4_096, 65_536, 4
_MOST_STRING, _MOST_ITEMS = 1 << 20, 4_000_000
_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor: its name, its shape (innermost dimension first, as the file says it), ggml type number, offset."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int


@dataclass(slots=True)
class GgufHeader:
    """What a GGUF file says of itself. ``metadata`` holds scalars and strings; ``data`` is where the weights begin."""

    metadata: dict[str, Any] = field(default_factory=dict)
    tensors: list[GgufTensor] = field(default_factory=list)
    data: int = 0

    @property
    def architecture(self) -> str:
        return str(self.metadata.get("general.architecture", ""))

    @property
    def parameters(self) -> int:
        return sum(math.prod(tensor.shape) for tensor in self.tensors)


class _Broken(Exception):
    """The file ends early or says something impossible."""


def read_gguf_header(path: Path) -> GgufHeader:
    """Read and check the head of ``path``.

    Raises:
        CheckpointError: not a GGUF file, truncated, or with numbers that no such file has.
    """
    try:
        with path.open("rb") as stream:
            header = _read(stream)
    except OSError as fault:
        raise CheckpointError(f"{path}: {fault.strerror}") from fault
    except _Broken as fault:
        raise CheckpointError(f"{path}: {fault}") from fault
    _check_extent(path, header)
    return header


def _read(stream: BinaryIO) -> GgufHeader:
    if stream.read(4) != b"GGUF":
        raise _Broken("not a GGUF file (it does not begin with the letters GGUF)")
    version = _number(stream, "<I")
    if version not in (2, 3):
        raise _Broken(f"GGUF version {version} is not read (only 2 and 3)")
    tensors = _bounded(_number(stream, "<Q"), _MOST_TENSORS, "tensors")
    keys = _bounded(_number(stream, "<Q"), _MOST_KEYS, "metadata keys")
    header = GgufHeader()
    for _ in range(keys):
        key = _text(stream)
        header.metadata[key] = _value(stream, _number(stream, "<I"))
    header.tensors = [_tensor(stream) for _ in range(tensors)]
    alignment = header.metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 16:
        raise _Broken(f"general.alignment is {alignment!r}")
    header.data = -(-stream.tell() // alignment) * alignment
    return header


def _tensor(stream: BinaryIO) -> GgufTensor:
    name = _text(stream)
    dimensions = _bounded(_number(stream, "<I"), _MOST_DIMENSIONS, f"dimensions of {name!r}")
    shape = tuple(_number(stream, "<Q") for _ in range(dimensions))
    if not all(0 < size < 1 << 40 for size in shape):
        raise _Broken(f"tensor {name!r} has the shape {list(shape)}")
    return GgufTensor(name, shape, _number(stream, "<I"), _number(stream, "<Q"))


def _value(stream: BinaryIO, kind: int) -> Any:
    """A scalar or a string; for an array None, once its end has been found."""
    if kind == _STRING:
        return _text(stream)
    if kind == _ARRAY:
        _skip_array(stream)
        return None
    if kind not in _SCALARS:
        raise _Broken(f"metadata of the unknown type {kind}")
    return _number(stream, _SCALARS[kind])


def _skip_array(stream: BinaryIO) -> None:
    kind = _number(stream, "<I")
    count = _bounded(_number(stream, "<Q"), _MOST_ITEMS, "entries of an array")
    if kind in _SCALARS:
        _bytes(stream, count * struct.calcsize(_SCALARS[kind]))
    elif kind == _STRING:
        for _ in range(count):
            _bytes(stream, _bounded(_number(stream, "<Q"), _MOST_STRING, "bytes of a string"))
    else:
        raise _Broken(f"an array of the type {kind}")


def _text(stream: BinaryIO) -> str:
    raw = _bytes(stream, _bounded(_number(stream, "<Q"), _MOST_STRING, "bytes of a string"))
    return raw.decode("utf-8", "backslashreplace")


def _number(stream: BinaryIO, form: str) -> Any:
    return struct.unpack(form, _bytes(stream, struct.calcsize(form)))[0]


def _bytes(stream: BinaryIO, count: int) -> bytes:
    raw = stream.read(count)
    if len(raw) != count:
        raise _Broken("the file is truncated: it ends within its header")
    return raw


def _bounded(value: int, most: int, what: str) -> int:
    if value > most:
        raise _Broken(f"{value:,} {what}, at most {most:,} are read: damaged, or not a GGUF file")
    return value


def _check_extent(path: Path, header: GgufHeader) -> None:
    """Refuse a file that is shorter than its tensors, or that names one twice."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    twice = [name for name, count in Counter(tensor.name for tensor in header.tensors).items() if count > 1]
    if twice:
        raise CheckpointError(f"{path}: tensor {twice[0]!r} is there twice")
    size = path.stat().st_size
    for tensor in header.tensors:
        try:
            block, stored = GGML_QUANT_SIZES[GGMLQuantizationType(tensor.kind)]
        except (ValueError, KeyError) as fault:
            raise CheckpointError(
                f"{path}: tensor {tensor.name!r} is of the unknown type {tensor.kind}"
            ) from fault
        end = header.data + tensor.offset + math.prod(tensor.shape) // block * stored
        if end > size:
            raise CheckpointError(
                f"{path}: the file is truncated: {tensor.name!r} ends at byte {end:,}, the file at {size:,}"
            )
