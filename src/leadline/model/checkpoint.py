"""Hugging Face model directories: ``config.json``, ``model*.safetensors`` and the tokenizer's files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from leadline.errors import CheckpointError
from leadline.model.config import DecoderConfig
from leadline.model.decoder import Decoder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["count_parameters", "load_decoder", "load_model", "load_tokenizer", "read_config", "save_decoder"]

_HEAD = "lm_head.weight"
_EMBEDDING = "model.embed_tokens.weight"


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
    path = folder / "config.json"
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such directory")
    if not path.is_file():
        raise CheckpointError(f"{folder}: no config.json in it, so it is not a model directory")
    try:
        raw = json.loads(path.read_text())
    except (ValueError, OSError) as fault:
        raise CheckpointError(f"{path}: not readable as JSON: {fault}") from fault
    if not isinstance(raw, dict):
        raise CheckpointError(f"{path}: not a JSON object")
    return DecoderConfig.from_huggingface(raw, where=str(path))


def load_decoder(
    folder: str | Path, *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> Decoder:
    """Load a model directory written by :func:`save_decoder` or by transformers (sharded or not; safetensors only).

    Raises:
        CheckpointError: every missing, unexpected or misshapen tensor at once, or no weights at all.
    """
    folder = Path(folder)
    config = read_config(folder)
    model = Decoder(config).to(dtype)
    state = model.state_dict()
    faults, seen = [], set()
    for name, tensor in _tensors(folder):
        if name not in state:
            if not name.endswith("rotary_emb.inv_freq"):
                faults.append(f"{folder}: unexpected tensor {name}")
            continue
        seen.add(name)
        if state[name].shape != tensor.shape:
            faults.append(
                f"{folder}: {name} is {list(tensor.shape)}, config.json says {list(state[name].shape)}"
            )
        else:
            state[name].copy_(tensor)
    tied = {_HEAD} if config.tie_embeddings else set()
    faults += [f"{folder}: tensor {name} is missing" for name in state if name not in seen | tied]
    if faults:
        raise CheckpointError(faults)
    return model.to(device)


def count_parameters(folder: Path) -> int:
    """Numbers in a directory's weights, from the heads of its files.

    Raises:
        CheckpointError: no weights, or none that can be read.
    """
    total = 0
    for path in _weight_files(folder):
        try:
            with safe_open(path, framework="pt") as tensors:
                total += sum(
                    math.prod(tensors.get_slice(name).get_shape())
                    for name in tensors.keys()  # noqa: SIM118 - not a dict
                )
        except (SafetensorError, OSError) as fault:
            raise CheckpointError(f"{path}: not a readable safetensors file: {_first_line(fault)}") from fault
    return total


def load_tokenizer(folder: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model directory.

    Raises:
        CheckpointError: none there, or one without an end-of-sequence token.
    """
    from transformers import AutoTokenizer

    folder = Path(folder)
    if not (folder / "tokenizer_config.json").is_file() and not (folder / "tokenizer.json").is_file():
        raise CheckpointError(f"{folder}: no tokenizer.json or tokenizer_config.json in it")
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as fault:  # transformers raises many kinds for a broken tokenizer
        raise CheckpointError(f"{folder}: the tokenizer does not load: {_first_line(fault)}") from fault
    if tokenizer.eos_token_id is None:
        raise CheckpointError(
            f"{folder}: the tokenizer has no end-of-sequence token, so no completion could end"
        )
    return tokenizer


def load_model(
    folder: str | Path, *, device: str | torch.device = "cpu"
) -> tuple[Decoder, PreTrainedTokenizerBase]:
    """The decoder and the tokenizer of a directory.

    Raises:
        CheckpointError: either cannot be used, or the tokenizer has more tokens than the model.
    """
    read_config(Path(folder))  # what is no model directory at all says so first
    tokenizer = load_tokenizer(folder)  # before the weights, which may take long
    model = load_decoder(folder, device=device)
    if len(tokenizer) > model.config.vocab_size:
        raise CheckpointError(
            f"{folder}: the tokenizer has {len(tokenizer)} tokens, the model only {model.config.vocab_size}"
        )
    return model, tokenizer


def _tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of the directory's safetensors files, one file at a time."""
    for path in _weight_files(folder):
        try:
            with safe_open(path, framework="pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118 - not a dict
                    yield name, tensors.get_tensor(name)
        except (SafetensorError, OSError) as fault:
            raise CheckpointError(f"{path}: not a readable safetensors file: {_first_line(fault)}") from fault


def _weight_files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        other = [p.name for p in sorted(folder.iterdir()) if p.suffix in (".bin", ".pt", ".pth", ".ckpt")]
        hint = f" ({other[0]} is a pickle and is not read; convert it to safetensors)" if other else ""
        raise CheckpointError(f"{folder}: no model*.safetensors in it, so no weights{hint}")
    return files


def _first_line(fault: Any) -> str:
    lines = str(fault).splitlines()
    return lines[0][:200] if lines else type(fault).__name__
