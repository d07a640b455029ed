"""The shape of a decoder, and its translation from and to a Hugging Face ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from leadline.errors import CheckpointError

__all__ = ["FAMILIES", "SIZES", "DecoderConfig", "UnsupportedModel"]

Family = Literal["llama", "qwen2", "qwen3"]


class UnsupportedModel(CheckpointError):
    """A model that may well be sound, and that this decoder does not hold."""


_ARCHITECTURES: Mapping[str, str] = {
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
FAMILIES = tuple(_ARCHITECTURES)
"""Model types that the decoder holds."""
POSITIONS = ("rope", "none", "learned")
SIZES: Mapping[str, tuple[int, bool]] = {
    "vocab_size": (2**22, True),
    "hidden_size": (2**17, True),
    "intermediate_size": (2**20, True),
    "num_hidden_layers": (1024, True),
    "num_attention_heads": (2**12, True),
    "num_key_value_heads": (2**12, False),
    "head_dim": (2**13, False),
    "max_position_embeddings": (2**27, False),
}
"""Largest sizes that are read, some ten times those of the largest published models, and which must be there."""
_KINDS: Sequence[tuple[Sequence[str], type, str]] = (
    (("tie_word_embeddings", "use_sliding_window", "attention_bias", "mlp_bias"), bool, "true or false"),
    (("rope_parameters", "rope_scaling"), Mapping, "an object"),
)
_REAL = {"rope_theta": (1.0, 1e12), "rms_norm_eps": (0.0, 1.0)}


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

    @property
    def attention_width(self) -> int:
        """Of all queries of a token."""
        return self.num_heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Of all keys of a token; its values are as many."""
        return self.num_kv_heads * self.head_dim

    @property
    def layer_parameters(self) -> int:
        """Numbers in the weights of one layer."""
        width, q, kv = self.hidden_size, self.attention_width, self.kv_width
        products = 2 * width * q + 2 * width * kv + 3 * width * self.intermediate_size
        norms, biases = 2 * width + 2 * self.head_dim * self.qk_norm, (q + 2 * kv) * self.qkv_bias
        return products + norms + biases

    @property
    def parameters(self) -> int:
        """Numbers in all weights."""
        tables = (1 if self.tie_embeddings else 2) * self.vocab_size
        tables += self.max_positions if self.position == "learned" else 0
        return self.num_layers * self.layer_parameters + (tables + 1) * self.hidden_size

    @classmethod
    def from_huggingface(cls, raw: Mapping[str, Any], *, where: str = "config.json") -> DecoderConfig:
        """Read the keys of a Hugging Face ``config.json``.

        Raises:
            CheckpointError: missing keys, or values that no model has; `UnsupportedModel` for another architecture or
                a feature that this decoder lacks.
        """
        family: Any = raw.get("model_type")
        if not isinstance(family, str) or family not in _ARCHITECTURES:
            raise UnsupportedModel(
                f"{where}: model_type {family!r:.60} is not one of {', '.join(_ARCHITECTURES)}"
            )
        misshapen, unsupported = (
            [f"{where}: {fault}" for fault in read(raw)] for read in (_misshapen, _unsupported)
        )
        if misshapen or unsupported:
            raise (CheckpointError if misshapen else UnsupportedModel)([*misshapen, *unsupported])
        known = cast(Family, family)
        heads = raw["num_attention_heads"]
        try:
            return cls(
                family=known,
                vocab_size=raw["vocab_size"],
                hidden_size=raw["hidden_size"],
                intermediate_size=raw["intermediate_size"],
                num_layers=raw["num_hidden_layers"],
                num_heads=heads,
                num_kv_heads=_given(raw, "num_key_value_heads", heads),
                head_dim=_given(raw, "head_dim", raw["hidden_size"] // heads),
                rope_theta=float(_rope_theta(raw)),
                norm_eps=float(_given(raw, "rms_norm_eps", 1e-6)),
                max_positions=_given(raw, "max_position_embeddings", 2048),
                tie_embeddings=_given(raw, "tie_word_embeddings", False),
                position=raw.get("leadline_position", "rope"),
            )
        except CheckpointError as fault:
            raise CheckpointError(
                f"{where}: {line.removeprefix('model: ')}" for line in fault.problems
            ) from fault

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


def _given(raw: Mapping[str, Any], key: str, default: Any) -> Any:
    """The value of a key; a null says as little as none."""
    value = raw.get(key)
    return default if value is None else value


def _misshapen(raw: Mapping[str, Any]) -> list[str]:
    """Values of the wrong kind, or that no model has: what is built from them would fail late, or fit nowhere."""
    faults = []
    for key, (most, needed) in SIZES.items():
        value = raw.get(key)
        if value is None and not needed:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            faults.append(f"{key} must be a whole number from 1 to {most:,}, is {_said(value)}")
    for key, (low, high) in _REAL.items():
        if raw.get(key) is not None and not _lies_between(raw[key], low, high):
            faults.append(f"{key} must lie between {low:g} and {high:g}, is {_said(raw[key])}")
    for keys, kind, words in _KINDS:
        faults += [
            f"{key} must be {words}, is {_said(raw[key])}" for key in keys if not _is(raw.get(key), kind)
        ]
    if not faults and not _lies_between(_rope_theta(raw), *_REAL["rope_theta"]):
        faults.append(f"rope_parameters.rope_theta must be a number above 1, is {_said(_rope_theta(raw))}")
    layers = raw.get("layer_types")
    if layers is not None and not (
        isinstance(layers, list) and all(isinstance(kind, str) for kind in layers)
    ):
        faults.append(f"layer_types must be a list of names, is {_said(layers)}")
    if raw.get("leadline_position", "rope") not in POSITIONS:
        faults.append(
            f"leadline_position must be one of {', '.join(POSITIONS)}, is {_said(raw['leadline_position'])}"
        )
    return faults


def _lies_between(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is(value: object, kind: type) -> bool:
    return value is None or isinstance(value, kind)


def _said(value: object) -> str:
    return "missing" if value is None else f"{value!r:.60}"


def _rope(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    rope: Mapping[str, Any] = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
    return rope


def _rope_theta(raw: Mapping[str, Any]) -> Any:
    return _given(_rope(raw), "rope_theta", _given(raw, "rope_theta", 10000.0))


def _unsupported(raw: Mapping[str, Any]) -> list[str]:
    """Features that would silently change the logits if they were ignored."""
    faults: list[str] = []
    if not isinstance(_rope(raw), Mapping):
        return faults  # named already
    rope_type = _rope(raw).get("rope_type", _rope(raw).get("type", "default"))
    if rope_type != "default":
        faults.append(f"rope type {rope_type!r} is not supported (only 'default')")
    if raw.get("hidden_act", "silu") != "silu":
        faults.append(f"hidden_act {raw['hidden_act']!r} is not supported (only 'silu')")
    if raw.get("use_sliding_window") or "sliding_attention" in _list(raw.get("layer_types")):
        faults.append("sliding-window attention is not supported")
    if raw.get("mlp_bias") or (raw.get("attention_bias") and raw.get("model_type") != "qwen2"):
        faults.append("attention_bias / mlp_bias are not supported for this model_type")
    return faults


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
