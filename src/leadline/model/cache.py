"""Keys and values: of one layer, and the room that a batch under decoding keeps them in."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["Cache", "KeyValues"]


class KeyValues(NamedTuple):
    """Keys and values of one layer, each ``[B, K, S, D]``, rotated already."""

    keys: Tensor
    values: Tensor


class Cache:
    """Room for keys and values of a batch that is being decoded: ``[layers, B, K, capacity, D]`` twice.

    Allocated once; every row stands at the same column, so that a step writes one slice and reads one view.
    """

    def __init__(self, prefix: list[KeyValues], repeats: int, room: int) -> None:
        first = prefix[0].keys
        rows, heads, self.length, size = first.shape
        shape = (rows * repeats, heads, self.length + room, size)
        self.keys = [first.new_empty(shape) for _ in prefix]
        self.values = [first.new_empty(shape) for _ in prefix]
        for index, (keys, values) in enumerate(prefix):
            self.keys[index][:, :, : self.length] = keys.repeat_interleave(repeats, 0)
            self.values[index][:, :, : self.length] = values.repeat_interleave(repeats, 0)

    def append(self, index: int, new: KeyValues) -> KeyValues:
        """Write one column of layer ``index`` and return views of all columns so far, the new one included."""
        end = self.length + 1
        self.keys[index][:, :, self.length : end] = new.keys
        self.values[index][:, :, self.length : end] = new.values
        return KeyValues(self.keys[index][:, :, :end], self.values[index][:, :, :end])

    def keep(self, rows: Tensor) -> None:
        """Keep only these rows (``[n]`` indices), in this order."""
        self.keys = [keys.index_select(0, rows) for keys in self.keys]
        self.values = [values.index_select(0, rows) for values in self.values]
