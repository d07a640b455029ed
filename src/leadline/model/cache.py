"""Keys and values: of one layer, and of a batch under decoding, whose prompts are kept once for all their rows."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["KeyValueCache", "KeyValues"]


class KeyValues(NamedTuple):
    """Keys and values of one layer, each ``[B, K, S, D]``, rotated already."""

    keys: Tensor
    values: Tensor


class KeyValueCache:
    """Keys and values of N prompts and of the G completions of each that are being decoded on top of them.

    A prompt is stored, and read in every step, once for its whole group: attention over it is a product of two
    matrices and not G products with a vector. A row's own tokens stand in room allocated once; every row stands at the
    same column, so that a step writes one slice and reads one view.

    Args:
        prompts: keys and values of the prompts, one entry a layer, ``[N, K, P, D]``.
        group: G, rows a prompt; rows of one prompt are neighbours.
        room: tokens that a row may grow by.
        real: ``[N, P]`` boolean, False on pads; None when there are none.
    """

    def __init__(self, prompts: list[KeyValues], group: int, room: int, real: Tensor | None = None) -> None:
        first = prompts[0].keys
        self.prompts, self.group, self.length = prompts, group, 0
        rows, heads, size = first.shape[0] * group, first.shape[1], first.shape[3]
        self.keys = [first.new_empty(rows, heads, room, size) for _ in prompts]
        self.values = [first.new_empty(rows, heads, room, size) for _ in prompts]
        self._pads = None if real is None else ~real[:, None, None, :]
        self._places: Tensor | None = None  # of the rows that are left, among the N * G that there were

    def append(self, index: int, new: KeyValues) -> None:
        """Write one token of layer ``index``; ``length`` is moved on by the caller, once for all layers."""
        self.keys[index][:, :, self.length] = new.keys[:, :, 0]
        self.values[index][:, :, self.length] = new.values[:, :, 0]

    def attend(self, index: int, q: Tensor) -> Tensor:
        """Queries ``[R, H, 1, D]`` of one token a row over prompt, own tokens, and the one just appended -> same shape.

        Scores over the prompt and over the row's own tokens meet in one softmax; the weighted sums are then added.
        """
        rows, _, _, size = q.shape
        keys, values = (part[:, :, : self.length + 1] for part in (self.keys[index], self.values[index]))
        # Query heads that share a key head are rows of one matrix: [R, K, H / K, D].
        q = (q * size**-0.5).view(rows, keys.shape[1], -1, size)
        over_prompt = self._to_rows(self._prompt_scores(index, self._to_groups(q)))
        width = over_prompt.shape[-1]
        scores = torch.cat((over_prompt, q @ keys.transpose(2, 3)), -1)
        share = scores.softmax(-1, dtype=torch.float32).to(q.dtype)
        from_prompt = self._to_groups(share[..., :width]) @ self.prompts[index].values
        mixed = torch.add(share[..., width:] @ values, self._to_rows(from_prompt))
        return mixed.view(rows, -1, 1, size)

    def keep(self, rows: Tensor) -> None:
        """Line i becomes what line ``rows[i]`` was. Only lines that change are copied: fill holes from the end."""
        moved = (rows != torch.arange(len(rows), device=rows.device)).nonzero()[:, 0]
        for parts in (self.keys, self.values):
            for index, part in enumerate(parts):
                part[moved, :, : self.length] = part[rows[moved], :, : self.length]
                parts[index] = part[: len(rows)]
        self._places = rows if self._places is None else self._places[rows]

    def _prompt_scores(self, index: int, q: Tensor) -> Tensor:
        scores = q @ self.prompts[index].keys.transpose(2, 3)
        return scores if self._pads is None else scores.masked_fill_(self._pads, float("-inf"))

    def _to_groups(self, x: Tensor) -> Tensor:
        """``[R, K, M, X]`` -> ``[N, K, G * M, X]``; rows that have left are zeros."""
        if self._places is not None:
            everyone = x.new_zeros(self.prompts[0].keys.shape[0] * self.group, *x.shape[1:])
            x = everyone.index_copy_(0, self._places, x)
        return x.view(-1, self.group, *x.shape[1:]).transpose(1, 2).flatten(2, 3)

    def _to_rows(self, x: Tensor) -> Tensor:
        """``[N, K, G * M, X]`` -> ``[R, K, M, X]``."""
        prompts, heads, queries, size = x.shape
        x = x.view(prompts, heads, self.group, queries // self.group, size).transpose(1, 2).flatten(0, 1)
        return x if self._places is None else x.index_select(0, self._places)
