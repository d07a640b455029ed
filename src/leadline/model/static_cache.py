"""Keys and values at fixed addresses, for a decoding step that is recorded once and replayed for every token."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from leadline.model.cache import KeyValues
from leadline.model.config import DecoderConfig

__all__ = ["StaticCache"]


class StaticCache:
    """Room for N prompts and the G completions of each; nothing moves, whatever ends.

    A row keeps its slot for good. Which rows a step computes is said by ``slots``, a tensor that the recorded step
    reads anew each time, so that rows leave the batch by a change of numbers and not of memory. Prompts stand once for
    their whole group, flush right, so that prompts of any length up to ``width`` fit the same recording.

    Args:
        config: of the model.
        prompts: N.
        group: G; slot ``s`` belongs to prompt ``s // G``.
        width: P, tokens of room for every prompt.
        room: T, tokens that a row may grow by.
        like: gives device and type.
    """

    def __init__(
        self, config: DecoderConfig, prompts: int, group: int, width: int, room: int, like: Tensor
    ) -> None:
        shape = (2, config.num_layers, prompts, config.num_kv_heads, width, config.head_dim)
        self.group, self.width, self.room = group, width, room
        self.prompt_keys, self.prompt_values = like.new_zeros(shape)
        self.keys, self.values = like.new_zeros(*shape[:2], prompts * group, shape[3], room, shape[5])
        self.first = torch.zeros(prompts, dtype=torch.long, device=like.device)  # where each prompt begins
        # Own tokens of every row so far: one number, but no scalar, which an index would read back from the GPU.
        self.length = torch.zeros(1, dtype=torch.long, device=like.device)
        self.slots = torch.arange(prompts * group, device=like.device)

    @property
    def bytes(self) -> int:
        return int(2 * self.keys.element_size() * (self.keys.numel() + self.prompt_keys.numel()))

    def fill(self, past: list[KeyValues], lengths: Tensor) -> None:
        """Take in left-padded prompts, at most ``width`` wide, of ``lengths [N]``; no row has a token of its own."""
        here = slice(self.width - past[0].keys.shape[2], None)
        for index, (keys, values) in enumerate(past):
            self.prompt_keys[index, :, :, here] = keys
            self.prompt_values[index, :, :, here] = values
        self.first.copy_(self.width - lengths)
        self.length.zero_()

    def append(self, index: int, new: KeyValues) -> None:
        """Write one token ``[B, K, 1, D]`` of layer ``index``; ``length`` is moved on by the caller, once a step."""
        self.keys[index][self.slots, :, self.length] = new.keys[:, :, 0]
        self.values[index][self.slots, :, self.length] = new.values[:, :, 0]

    def attend(self, index: int, q: Tensor) -> Tensor:
        """Queries ``[B, H, 1, D]`` over prompt, own tokens, and the one just appended -> same shape.

        The plain way, which the fused kernel is compared with: it reads all of the room and masks what is empty.
        """
        owner = self.slots // self.group
        keys = torch.cat((self.prompt_keys[index][owner], self.keys[index][self.slots]), 2)
        values = torch.cat((self.prompt_values[index][owner], self.values[index][self.slots]), 2)
        repeats = q.shape[1] // keys.shape[1]
        keys, values = keys.repeat_interleave(repeats, 1), values.repeat_interleave(repeats, 1)
        place = torch.arange(self.width + self.room, device=q.device)
        seen = (place >= self.first[owner, None]) & (place <= self.width + self.length)
        return F.scaled_dot_product_attention(q, keys, values, attn_mask=seen[:, None, None])
