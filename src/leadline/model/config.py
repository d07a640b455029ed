"""The shape of a decoder, and its translation from and to a Hugging Face ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from leadline.errors import CheckpointError

__all__ = ["FAMILIES", "DecoderConfig"]

Family = Literal["llama", "qwen2", "qwen3"]

_ARCHITECTURES: Mapping[str, str] = {
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
FAMILIES = tuple(_ARCHITECTURES)
"""Model types that the decoder holds."""


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """The shape of a Llama-family decoder.

    Attributes:
        family: ``llama``, ``qwen2`` (biases on query, key and value) or ``qwen3`` (RMSNorm on query and key heads).
        vocab_size, hidden_size, intermediate_size, num_layers, num_heads, num_kv_heads, head_dim: as usual.
        rope_theta: base of the rotary frequencies.
        norm_eps: epsilon inside every RMSNorm.
        max_positions: longest sequence that the config promises.
        tie_embeddings: the output matrix is the input embedding.
        position: ``rope``, or for the length study ``none`` and ``learned`` (not loadable by transformers).
    """

    family: Family = "llama"
    vocab_size: int = 128
    hidden_size: int = 128
    intermediate_size: int = 344
    num_layers: int = 4
    num_heads: int = 4
    num_kv_heads: int = 4
    head_dim: int = 32
    rope_theta: float = 10000.0
    norm_eps: float = 1e-6
    max_positions: int = 1024
    tie_embeddings: bool = False
    position: Literal["rope", "none", "learned"] = "rope"

    def __post_init__(self) -> None:
        faults = [
            f"{name} must be positive, not {getattr(self, name)}"
            for name in (
                "vocab_size",
                "hidden_size",
                "intermediate_size",
                "num_layers",
                "num_heads",
                "num_kv_heads",
            )
            if getattr(self, name) < 1
        ]
        if not faults and self.num_heads % self.num_kv_heads:
            faults.append(f"num_heads {self.num_heads} is not a multiple of num_kv_heads {self.num_kv_heads}")
        if self.head_dim < 2 or self.head_dim % 2:
            faults.append(f"head_dim must be even and positive, not {self.head_dim}")
        if faults:
            raise CheckpointError([f"model: {fault}" for fault in faults])

    @property
    def qkv_bias(self) -> bool:
        return self.family == "qwen2"

    @property
    def qk_norm(self) -> bool:
        return self.family == "qwen3"

    def with_vocabulary(self, size: int) -> DecoderConfig:
        return replace(self, vocab_size=size)

    @classmethod
    def from_huggingface(cls, raw: Mapping[str, Any], *, where: str = "config.json") -> DecoderConfig:
        """Read the keys of a Hugging Face ``config.json``.

        Raises:
            CheckpointError: another architecture, a feature that this decoder lacks, or missing keys.
        """
        family: Any = raw.get("model_type")
        if family not in _ARCHITECTURES:
            raise CheckpointError(f"{where}: model_type {family!r} is not one of {', '.join(_ARCHITECTURES)}")
        faults = [f"{where}: {fault}" for fault in _unsupported(raw)]
        needed = (
            "vocab_size",
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
        )
        faults += [
            f"{where}: {key} is missing or not a whole number" for key in needed if not _whole(raw.get(key))
        ]
        if faults:
            raise CheckpointError(faults)
        heads = raw["num_attention_heads"]
        return cls(
            family=family,
            vocab_size=raw["vocab_size"],
            hidden_size=raw["hidden_size"],
            intermediate_size=raw["intermediate_size"],
            num_layers=raw["num_hidden_layers"],
            num_heads=heads,
            num_kv_heads=raw.get("num_key_value_heads") or heads,
            head_dim=raw.get("head_dim") or raw["hidden_size"] // heads,
            rope_theta=_rope(raw).get("rope_theta", raw.get("rope_theta", 10000.0)),
            norm_eps=raw.get("rms_norm_eps", 1e-6),
            max_positions=raw.get("max_position_embeddings", 2048),
            tie_embeddings=bool(raw.get("tie_word_embeddings", False)),
            position=raw.get("leadline_position", "rope"),
        )

    def to_huggingface(self) -> dict[str, Any]:
        """The ``config.json`` that ``transformers.AutoModelForCausalLM`` reads."""
        raw: dict[str, Any] = {
            "architectures": [_ARCHITECTURES[self.family]],
            "model_type": self.family,
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.num_layers,
            "num_attention_heads": self.num_heads,
            "num_key_value_heads": self.num_kv_heads,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            # Both spellings: transformers 5 reads rope_parameters, 4 reads rope_theta.
            "rope_theta": self.rope_theta,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
            "rms_norm_eps": self.norm_eps,
            "max_position_embeddings": self.max_positions,
            "tie_word_embeddings": self.tie_embeddings,
            "torch_dtype": "float32",
        }
        if self.position != "rope":
            raw["leadline_position"] = self.position
        return raw


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _rope(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return raw.get("rope_parameters") or raw.get("rope_scaling") or {}


def _unsupported(raw: Mapping[str, Any]) -> list[str]:
    """Features that would silently change the logits if they were ignored."""
    faults = []
    rope_type = _rope(raw).get("rope_type", _rope(raw).get("type", "default"))
    if rope_type != "default":
        faults.append(f"rope type {rope_type!r} is not supported (only 'default')")
    if raw.get("hidden_act", "silu") != "silu":
        faults.append(f"hidden_act {raw['hidden_act']!r} is not supported (only 'silu')")
    if raw.get("use_sliding_window") or "sliding_attention" in (raw.get("layer_types") or ()):
        faults.append("sliding-window attention is not supported")
    if raw.get("mlp_bias") or (raw.get("attention_bias") and raw.get("model_type") != "qwen2"):
        faults.append("attention_bias / mlp_bias are not supported for this model_type")
    return faults
