"""Hugging Face model directories: ``config.json``, ``model*.safetensors`` and the tokenizer's files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file

from leadline.errors import CheckpointError
from leadline.model.config import DecoderConfig
from leadline.model.decoder import Decoder
from leadline.model.pretrained import headers, load_tokenizer, printable_ascii, read_config_json, tensors

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = [
    "check_model_directory",
    "count_parameters",
    "load_decoder",
    "load_model",
    "load_tokenizer",
    "read_config",
    "save_decoder",
]

_SHOWN = 20
_HEAD = "lm_head.weight"


def save_decoder(model: Decoder, folder: Path, tokenizer: PreTrainedTokenizerBase | None = None) -> None:
    """Write a directory that ``transformers.AutoModelForCausalLM.from_pretrained`` loads. ``folder`` must exist."""
    raw = model.config.to_huggingface()
    tensors = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    if model.config.tie_embeddings:
        del tensors[_HEAD]  # the same storage as the embedding
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
        raw |= {
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": None,
        }
    (folder / "config.json").write_text(json.dumps(raw, indent=2) + "\n")


def read_config(folder: Path) -> DecoderConfig:
    """The shape of the model in ``folder``, without touching its weights.

    Raises:
        CheckpointError: no directory, no or malformed ``config.json``, an architecture that this decoder is not.
    """
    return DecoderConfig.from_huggingface(read_config_json(folder), where=str(folder / "config.json"))


def load_decoder(
    folder: str | Path, *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> Decoder:
    """Load a model directory written by :func:`save_decoder` or by transformers (sharded or not; safetensors only).

    Raises:
        CheckpointError: every missing, unexpected or misshapen tensor at once, or no weights at all.
    """
    folder = Path(folder)
    config = read_config(folder)
    _check_shapes(folder, config)
    model = Decoder(config).to(dtype)
    state = model.state_dict()
    for name, tensor in tensors(folder):
        if name in state:
            if not bool(torch.isfinite(tensor).all()):
                raise CheckpointError(f"{folder}: tensor {name} holds numbers that are NaN or infinite")
            state[name].copy_(tensor)
    return model.to(device)


def _check_shapes(folder: Path, config: DecoderConfig) -> None:
    """Hold ``config.json`` against the heads of the weight files, before any memory is taken for either.

    Raises:
        CheckpointError: every missing, unexpected or misshapen tensor at once, or no weights at all.
    """
    there = {name: shape for name, shape, _ in headers(folder) if not name.endswith("rotary_emb.inv_freq")}
    layers = len({name.split(".")[2] for name in there if name.startswith("model.layers.")})
    if config.num_layers > max(layers, 1):
        raise CheckpointError(
            f"{folder}: config.json says {config.num_layers} layers, the weights have {layers}"
        )
    with torch.device("meta"):  # shapes without numbers
        wanted = {name: list(tensor.shape) for name, tensor in Decoder(config).state_dict().items()}
    faults = [f"{folder}: unexpected tensor {printable_ascii(name)}" for name in there if name not in wanted]
    faults += [
        f"{folder}: {name} is {there[name]}, config.json says {shape}"
        for name, shape in wanted.items()
        if name in there and there[name] != shape
    ]
    tied = {_HEAD} if config.tie_embeddings else set()
    faults += [f"{folder}: tensor {name} is missing" for name in wanted if name not in there.keys() | tied]
    if faults:
        raise CheckpointError(
            faults[:_SHOWN] + [f"{folder}: and {len(faults) - _SHOWN} more"][: len(faults) > _SHOWN]
        )


def count_parameters(folder: Path) -> int:
    """Numbers in a directory's weights, from the heads of its files.

    Raises:
        CheckpointError: no weights, or none that can be read.
    """
    return sum(math.prod(shape) for _, shape, _ in headers(folder))


def load_model(
    folder: str | Path, *, device: str | torch.device = "cpu"
) -> tuple[Decoder, PreTrainedTokenizerBase]:
    """The decoder and the tokenizer of a directory.

    Raises:
        CheckpointError: either cannot be used, or the tokenizer has more tokens than the model.
    """
    tokenizer = check_model_directory(Path(folder))  # before the weights, which may take long
    return load_decoder(folder, device=device), tokenizer


def check_model_directory(folder: Path) -> PreTrainedTokenizerBase:
    """Refuse what :func:`load_model` would refuse, as far as it shows without the weights; returns the tokenizer.

    Raises:
        CheckpointError: as :func:`load_model`.
    """
    config = read_config(folder)  # what is no model directory at all says so first
    tokenizer = load_tokenizer(folder)
    _check_shapes(folder, config)
    if len(tokenizer) > config.vocab_size:
        raise CheckpointError(
            f"{folder}: the tokenizer has {len(tokenizer)} tokens, the model only {config.vocab_size}"
        )
    return tokenizer
