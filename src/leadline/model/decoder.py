"""A Llama-family decoder (Llama, Qwen2, Qwen3): one readable forward, and a step that extends cached keys.

Module and parameter names are those of Hugging Face, so that a state dict *is* a checkpoint.

Shapes: B rows, T new tokens, S tokens already cached, H query heads, K key/value heads, D head size, C hidden size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leadline.model.cache import KeyValueCache, KeyValues
from leadline.model.config import DecoderConfig
from leadline.model.linear import Linear
from leadline.model.packing import Packing
from leadline.model.pointwise import rms_norm, rotate
from leadline.model.static_cache import StaticCache

__all__ = ["Decoder", "RMSNorm"]


class RMSNorm(nn.Module):
    """``x / sqrt(mean(x^2) + eps) * weight`` over the last dimension (Zhang & Sennrich 2019)."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.eps)


def rotary_table(config: DecoderConfig, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary embedding (Su et al. 2021) for positions ``[B, T]``: ``[B, 1, T, D / 2]``."""
    exponent = (
        torch.arange(0, config.head_dim, 2, device=positions.device, dtype=torch.float32) / config.head_dim
    )
    frequency = config.rope_theta**-exponent
    angle = positions[:, None, :, None].float() * frequency
    return angle.cos(), angle.sin()


class Attention(nn.Module):
    """Grouped-query attention over the cached keys and the new ones."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        width, kv_width = config.attention_width, config.kv_width
        self.q_proj = Linear(config.hidden_size, width, bias=config.qkv_bias)
        self.k_proj = Linear(config.hidden_size, kv_width, bias=config.qkv_bias)
        self.v_proj = Linear(config.hidden_size, kv_width, bias=config.qkv_bias)
        self.o_proj = Linear(width, config.hidden_size, bias=False)
        if config.qk_norm:
            self.q_norm = RMSNorm(config.head_dim, config.norm_eps)
            self.k_norm = RMSNorm(config.head_dim, config.norm_eps)

    def project(self, x: Tensor, table: tuple[Tensor, Tensor] | None) -> tuple[Tensor, KeyValues]:
        """``x [B, T, C]`` -> queries ``[B, H, T, D]`` and the new keys and values ``[B, K, T, D]``."""
        rows, length, _ = x.shape
        q = self.q_proj(x).view(rows, length, -1, self.config.head_dim).transpose(1, 2)
        k = self.k_proj(x).view(rows, length, -1, self.config.head_dim).transpose(1, 2)
        v = self.v_proj(x).view(rows, length, -1, self.config.head_dim).transpose(1, 2)
        if self.config.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        if table is not None:
            q, k = rotate(q, table), rotate(k, table)
        return q, KeyValues(k, v)

    def attend(self, q: Tensor, past: KeyValues, mask: Tensor | None, causal: bool) -> Tensor:
        """Queries ``[B, H, T, D]`` over ``past`` -> ``[B, T, H * D]``, not yet projected.

        ``mask``: boolean, True where a query may look.
        """
        keys, values = past
        if self.config.num_kv_heads != self.config.num_heads:
            repeats = self.config.num_heads // self.config.num_kv_heads
            keys, values = keys.repeat_interleave(repeats, 1), values.repeat_interleave(repeats, 1)
        mixed = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask, is_causal=causal)
        return mixed.transpose(1, 2).flatten(2)


class MLP(nn.Module):
    """SwiGLU: ``down(silu(gate x) * up x)`` (Shazeer 2020)."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return output


class Layer(nn.Module):
    """Attention and MLP, each behind a norm and added to the stream."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = MLP(config)
        self.input_layernorm = RMSNorm(config.hidden_size, config.norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.norm_eps)


class Body(nn.Module):
    """Everything below the output matrix (Hugging Face calls it ``model``)."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        if config.position == "learned":
            self.embed_positions = nn.Embedding(config.max_positions, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.norm = RMSNorm(config.hidden_size, config.norm_eps)


class Decoder(nn.Module):
    """A causal language model: ``forward`` gives hidden states, ``logits`` turns them into logits.

    Only on demand, because ``[tokens, vocabulary]`` is by far the largest tensor of a training step.
    """

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Body(config)
        self.lm_head = Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight

    def initialise(self, generator: torch.Generator, scale: float = 0.02) -> Decoder:
        """Draw every matrix from N(0, scale^2), output projections shrunk by depth (GPT-2's rule)."""
        shrink = (2 * self.config.num_layers) ** -0.5
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name.endswith("norm.weight"):
                    parameter.fill_(1.0)
                elif name.endswith("bias"):
                    parameter.zero_()
                else:
                    output = name.endswith(("o_proj.weight", "down_proj.weight"))
                    parameter.normal_(0.0, scale * (shrink if output else 1.0), generator=generator)
        return self

    def embed(self, tokens: Tensor, positions: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """Tokens and positions ``[B, T]`` -> hidden ``[B, T, C]`` and the rotary table, if there is one."""
        x: Tensor = self.model.embed_tokens(tokens)
        if self.config.position == "learned":
            x = x + self.model.embed_positions(positions)
        return x, rotary_table(self.config, positions) if self.config.position == "rope" else None

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        past: list[KeyValues] | None = None,
        real: Tensor | None = None,
    ) -> tuple[Tensor, list[KeyValues]]:
        """Run ``tokens [B, T]`` on top of ``past`` (S tokens a row) and return hidden states and all keys and values.

        Args:
            tokens: new tokens.
            positions: ``[B, T]`` positions; ``S, S+1, ...`` when not given.
            mask: boolean, broadcastable to ``[B, 1, T, S + T]``, True where attention may look. Without one, attention
                is causal when there is no past, and a past may be followed by a single token only.
            past: one entry a layer, as returned by an earlier call; gradients flow through it.
            real: ``[B, T]``, False on pads, which then need not be computed; what comes back for them means nothing.

        Returns:
            normalised hidden states ``[B, T, C]`` (give them to :meth:`logits`), and one ``KeyValues`` of length
            S + T a layer.
        """
        cached = past[0].keys.shape[2] if past else 0
        if positions is None:
            positions = torch.arange(cached, cached + tokens.shape[1], device=tokens.device).expand(
                tokens.shape
            )
        if mask is None and cached and tokens.shape[1] > 1:
            raise ValueError("several tokens on top of a past need a mask")
        packing = Packing.of(real)
        if packing is not None:
            tokens, positions = packing.pack(tokens), packing.pack(positions)
        x, table = self.embed(tokens, positions)
        causal = mask is None and not cached
        kept = []
        for index, layer in enumerate(self.layers):
            q, new = layer.self_attn.project(layer.input_layernorm(x), table)
            if packing is not None:
                q, new = _rows(packing, q), KeyValues(*(_rows(packing, part) for part in new))
            if past is not None:
                new = KeyValues(
                    torch.cat((past[index].keys, new.keys), 2), torch.cat((past[index].values, new.values), 2)
                )
            mixed = layer.self_attn.attend(q, new, mask, causal)
            x = x + layer.self_attn.o_proj(mixed if packing is None else packing.pack(mixed))
            x = x + layer.mlp(layer.post_attention_layernorm(x))
            kept.append(new)
        hidden = self.model.norm(x)
        return hidden if packing is None else packing.unpack(hidden), kept

    def step(self, tokens: Tensor, positions: Tensor, cache: KeyValueCache | StaticCache) -> Tensor:
        """Decode one token a row: ``tokens [B]``, ``positions [B]`` -> hidden ``[B, C]``; the cache grows by one."""
        x, table = self.embed(tokens[:, None], positions[:, None])
        for index, layer in enumerate(self.layers):
            q, new = layer.self_attn.project(layer.input_layernorm(x), table)
            cache.append(index, new)
            x = x + layer.self_attn.o_proj(cache.attend(index, q).transpose(1, 2).flatten(2))
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        cache.length += 1
        hidden: Tensor = self.model.norm(x)
        return hidden[:, 0]

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden states ``[..., C]`` -> logits ``[..., vocabulary]``."""
        output: Tensor = self.lm_head(hidden)
        return output

    @property
    def layers(self) -> list[Layer]:
        return list(self.model.layers)  # type: ignore[arg-type]

    @property
    def device(self) -> torch.device:
        return self.lm_head.weight.device


def _rows(packing: Packing, heads: Tensor) -> Tensor:
    """``[1, H, n, D]`` of packed tokens -> ``[B, H, T, D]``."""
    return packing.unpack(heads.transpose(1, 2)).transpose(1, 2)
