"""A decoding step on a GPU in a dozen kernels a layer; :meth:`Decoder.step` is the plain one that it must equal."""

from __future__ import annotations

import torch
from torch import Tensor

from leadline.model.config import DecoderConfig
from leadline.model.decoder import Attention, Decoder
from leadline.model.static_cache import StaticCache
from leadline.model.triton_there import fused_kernels

__all__ = ["available", "fused_step"]

_MOST_SHARING = 16  # query heads a key head that the attention kernel takes


def available(config: DecoderConfig, device: torch.device) -> bool:
    """Whether :func:`fused_step` can run: a CUDA device, Triton, and a shape that its kernels take."""
    sharing = config.num_heads // config.num_kv_heads
    return fused_kernels(device) and sharing <= _MOST_SHARING and config.head_dim % 2 == 0


def fused_step(model: Decoder, tokens: Tensor, positions: Tensor, cache: StaticCache) -> Tensor:
    """Decode one token a row: ``tokens [B]``, ``positions [B]`` -> hidden ``[B, C]``; the cache grows by one."""
    from leadline.model import kernels

    embedded, table = model.embed(tokens[:, None], positions[:, None])
    x, eps = embedded[:, 0].contiguous(), model.config.norm_eps
    flat = None if table is None else (table[0].flatten(1).contiguous(), table[1].flatten(1).contiguous())
    delta: Tensor | None = None
    for index, layer in enumerate(model.layers):
        h = kernels.add_norm(x, delta, layer.input_layernorm.weight, eps)
        mixed = _attention(layer.self_attn, index, h, flat, cache)
        delta = layer.self_attn.o_proj(mixed)
        h = kernels.add_norm(x, delta, layer.post_attention_layernorm.weight, eps)
        delta = layer.mlp.down_proj(kernels.gate(layer.mlp.gate_proj(h), layer.mlp.up_proj(h)))
    cache.length += 1
    hidden: Tensor = kernels.add_norm(x, delta, model.model.norm.weight, eps)
    return hidden


def _attention(
    layer: Attention, index: int, h: Tensor, table: tuple[Tensor, Tensor] | None, cache: StaticCache
) -> Tensor:
    from leadline.model import kernels

    norms = (layer.q_norm.weight, layer.k_norm.weight) if layer.config.qk_norm else None
    own = cache.keys[index], cache.values[index]
    q = kernels.rotate_and_append(
        layer.q_proj(h), layer.k_proj(h), layer.v_proj(h), norms, table,
        *own, cache.slots, cache.length, layer.config.norm_eps,
    )  # fmt: skip
    prompt = cache.prompt_keys[index], cache.prompt_values[index]
    mixed: Tensor = kernels.attend(q, prompt, own, cache.slots, cache.first, cache.length, cache.group)
    return mixed
