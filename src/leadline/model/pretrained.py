"""The one place that loads anything through transformers: no code of a model directory ever runs.

A directory that asks for its own code (``auto_map``, ``custom_generate/``) is refused by the name of the file that
does, before transformers sees it, and transformers is told not to trust it either, so that it never asks.
"""

from __future__ import annotations

import contextlib
import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from leadline.errors import CheckpointError, DataError
from leadline.model.config import SIZES
from leadline.storage.jsonl import read_json

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

__all__ = [
    "check_directory",
    "check_weights",
    "end_tokens",
    "first_line",
    "headers",
    "load_causal_lm",
    "load_config",
    "load_tokenizer",
    "printable_ascii",
    "read_config_json",
    "tensors",
    "weight_files",
]

_T = TypeVar("_T")
_LOCAL: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
_FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
_CODE = ("auto_map", "custom_pipelines")
_KERNELS = (
    "attn_implementation",
    "_attn_implementation",
    "experts_implementation",
    "_experts_implementation",
)


def check_directory(folder: Path) -> None:
    """Refuse a model directory that brings code, points elsewhere, or whose JSON cannot be read.

    Raises:
        CheckpointError: every such file, by name.
    """
    faults = []
    for path in sorted(folder.glob("*.json")):
        if path.name == "tokenizer.json" or path.name.endswith(".index.json"):
            continue  # large, and read by libraries that run nothing of it
        try:
            faults += _code_faults(path, read_json(path))
        except DataError as fault:
            if path.name in ("config.json", "tokenizer_config.json", "generation_config.json"):
                faults += fault.problems
    if (folder / "custom_generate").exists():
        faults.append(f"{folder / 'custom_generate'}: code of its own, which leadline never runs; remove it")
    if (folder / "adapter_config.json").is_file() and (folder / "config.json").is_file():
        faults.append(f"{folder / 'adapter_config.json'}: adapters for another model; merge them first")
    if faults:
        raise CheckpointError(faults)


def read_config_json(folder: Path) -> dict[str, Any]:
    """``config.json`` as an object.

    Raises:
        CheckpointError: no such directory or file, or it cannot be read.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such directory")
    path = folder / "config.json"
    if not path.is_file():
        raise CheckpointError(f"{folder}: no config.json in it, so it is not a model directory")
    try:
        return read_json(path)
    except DataError as fault:
        raise CheckpointError(fault.problems) from fault


def load_tokenizer(folder: str | Path, *, needs_end: bool = True) -> PreTrainedTokenizerBase:
    """The tokenizer of a model directory.

    Raises:
        CheckpointError: none there, one that brings code, or one without an end-of-sequence token.
    """
    from transformers import AutoTokenizer

    folder = Path(folder)
    if not (folder / "tokenizer_config.json").is_file() and not (folder / "tokenizer.json").is_file():
        raise CheckpointError(f"{folder}: no tokenizer.json or tokenizer_config.json in it")
    check_directory(folder)
    tokenizer: PreTrainedTokenizerBase = _loaded(
        folder, "the tokenizer does not load", lambda: AutoTokenizer.from_pretrained(folder, **_LOCAL)
    )
    if needs_end and tokenizer.eos_token_id is None:
        raise CheckpointError(
            f"{folder}: the tokenizer has no end-of-sequence token, so no completion could end"
        )
    return tokenizer


def load_config(folder: Path) -> Any:
    """What transformers makes of ``config.json``, its sizes bounded.

    Raises:
        CheckpointError: it cannot be read, asks for code, is of a kind that transformers does not know, or out of
            bounds.
    """
    from transformers import AutoConfig

    check_directory(folder)
    raw = read_config_json(folder)
    _check_sizes(folder, raw)
    return _loaded(
        folder,
        "transformers cannot build the model of its config.json",
        lambda: AutoConfig.from_pretrained(folder, **_LOCAL),
    )


def load_causal_lm(folder: Path, *, dtype: Any = "auto") -> Any:
    """A causal language model with its weights, from safetensors alone.

    Raises:
        CheckpointError: as for :func:`load_config` and :func:`check_weights`; or transformers cannot load it.
    """
    from transformers import AutoModelForCausalLM

    load_config(folder)
    check_weights(folder)
    return _loaded(
        folder,
        "cannot be loaded",
        lambda: AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True, **_LOCAL),
        remarks=True,  # of weights that are not there
    )


def end_tokens(tokenizer: Any, folder: Path) -> list[int]:
    """The tokens that end a completion, the tokenizer's own first; known without the weights.

    Raises:
        CheckpointError: the configuration cannot be used, or none is named.
    """
    from transformers import GenerationConfig

    def configured() -> Any:
        if (folder / "generation_config.json").is_file():
            return GenerationConfig.from_pretrained(folder, local_files_only=True).eos_token_id
        return GenerationConfig.from_model_config(load_config(folder)).eos_token_id

    check_directory(folder)
    more = _loaded(folder, "cannot be loaded", configured)
    named = [tokenizer.eos_token_id, *(more if isinstance(more, list) else [more])]
    tokens = [token for token in dict.fromkeys(named) if token is not None]
    faults = [t for t in tokens if isinstance(t, bool) or not isinstance(t, int) or t < 0]
    if faults:
        raise CheckpointError(f"{folder}: eos_token_id {faults[0]!r:.60} is no token")
    if not tokens:
        raise CheckpointError(f"{folder}: neither the tokenizer nor the model names an end-of-sequence token")
    return tokens


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a directory.

    Raises:
        CheckpointError: there are none.
    """
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        other = [p.name for p in sorted(folder.iterdir()) if p.suffix in (".bin", ".pt", ".pth", ".ckpt")]
        hint = f" ({other[0]} is a pickle and is not read; convert it to safetensors)" if other else ""
        raise CheckpointError(f"{folder}: no model*.safetensors in it, so no weights{hint}")
    return files


def check_weights(folder: Path) -> None:
    """Hold weights against ``config.json`` by the heads of their files, then look for numbers that are none.

    Raises:
        CheckpointError: sizes that the files cannot have; weights that are whole numbers, NaN or infinite.
    """
    import torch

    raw = read_config_json(folder)
    _check_sizes(folder, raw)
    if raw.get("quantization_config"):
        return  # packed numbers: for the library that packed them to judge
    count = total = 0
    for _, shape, _ in headers(folder):
        count, total = count + 1, total + math.prod(shape)
    layers = raw.get("num_hidden_layers")
    size = (raw.get("vocab_size") or 0) * (raw.get("hidden_size") or 0)
    if (isinstance(layers, int) and layers > count) or size > total:
        raise CheckpointError(
            f"{folder}: config.json speaks of a larger model than its weights are ({total:,} numbers)"
        )
    for name, tensor in tensors(folder):
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(
                f"{folder}: tensor {printable_ascii(name)} holds numbers that are NaN or infinite"
            )


def headers(folder: Path) -> Iterator[tuple[str, list[int], str]]:
    """Name, shape and kind of every tensor, from the heads of the files.

    Raises:
        CheckpointError: no weights, a file that cannot be read, or numbers that are not floats.
    """
    for path in weight_files(folder):
        with _reading(path) as file:
            for name in file.keys():  # noqa: SIM118 - not a dict
                part = file.get_slice(name)
                if part.get_dtype() not in _FLOATS:
                    raise CheckpointError(
                        f"{path}: tensor {printable_ascii(name)} holds {part.get_dtype()}, where floats are needed: "
                        "packed (quantised) weights are not read; convert them to bfloat16 or float32"
                    )
                yield name, part.get_shape(), part.get_dtype()


def tensors(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor of the directory's safetensors files, one at a time.

    Raises:
        CheckpointError: no weights, or a file that cannot be read.
    """
    for path in weight_files(folder):
        with _reading(path) as file:
            for name in file.keys():  # noqa: SIM118 - not a dict
                yield name, file.get_tensor(name)


def printable_ascii(text: str, length: int = 100) -> str:
    """Text from a file as it may be shown: short, and without control characters."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:length]


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as fault:
        raise CheckpointError(f"{path}: not a readable safetensors file: {first_line(fault)}") from fault


def _code_faults(path: Path, raw: Mapping[str, Any]) -> list[str]:
    """Keys by which a directory would have code run that is not transformers' own, here or from the hub."""
    faults = [
        f"{path}: {key} asks for code of its own, which leadline never runs" for key in _CODE if raw.get(key)
    ]
    kernels = [key for key in _KERNELS if "/" in str(raw.get(key) or "")]
    return faults + [
        f"{path}: {key} asks for code from the hub, which leadline never runs" for key in kernels
    ]


def _check_sizes(folder: Path, raw: Mapping[str, Any]) -> None:
    """Sizes that no model has; what is built from them would not fit anywhere."""
    faults = []
    for key, (most, _) in SIZES.items():
        value = raw.get(key)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most
        ):
            faults.append(
                f"{folder / 'config.json'}: {key} must lie between 1 and {most:,}, is {value!r:.60}"
            )
    if not isinstance(raw.get("model_type"), str):
        faults.append(
            f"{folder / 'config.json'}: model_type must be a name, is {raw.get('model_type')!r:.60}"
        )
    if faults:
        raise CheckpointError(faults)


def _loaded(folder: Path, what: str, load: Callable[[], _T], *, remarks: bool = False) -> _T:
    """What ``load`` returns; transformers' remarks on what did load are said behind it, where they are wanted."""
    library = logging.getLogger("transformers")
    handlers, kept = library.handlers, _Kept()
    library.handlers = [kept]
    try:
        loaded = load()
    except CheckpointError:
        raise
    except Exception as fault:  # unknown types, missing fields, broken weights and tokenizers share no class
        raise CheckpointError(f"{folder}: {what}: {type(fault).__name__}: {first_line(fault)}") from fault
    finally:
        library.handlers = handlers
    for record in kept.records if remarks else ():
        for handler in handlers:
            if record.levelno >= handler.level:
                handler.handle(record)
    return loaded


class _Kept(logging.Handler):
    """Holds what is logged back: of a directory that is refused one line is said, and that is ours."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def first_line(fault: Exception) -> str:
    """The first line of what a library says, and the next where it ends in a colon; without control characters."""
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    said = " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1])
    return printable_ascii(said, 300) or type(fault).__name__
